"""What each filter did: to which kinds of task and whose answers, together with which others, and to which samples for example.

Filters are read one at a time, ids as 64-bit hashes, so that tens of millions of verdicts take the room of one filter's and of
what was dropped. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.pieces import seconds_of
from pipeline.tables import check_table, readable, table_path

DECISIONS = ("keep", "drop", "unverifiable")
EXAMPLES = 10
"""Samples shown for a reason."""


@dataclass(frozen=True)
class Part:
    """One filter's words on the samples of one kind of task, or of one teacher."""

    filter: str
    name: str
    """The kind, or the teacher's name."""
    judged: int
    kept: int
    dropped: int
    unverifiable: int


@dataclass(frozen=True)
class Filtering:
    """What the filters of a run did, beyond their counts."""

    seconds: dict[str, float | None]
    """The time each took."""
    overlap: dict[str, dict[str, int]]
    """Of two filters, how many samples both dropped; of one with itself, how many it dropped."""
    kinds: list[Part]
    teachers: list[Part]


def read_filtering(folder: Path, filters: Sequence[str]) -> Filtering:
    """What these filters of the run in `folder` did."""
    for table in ("1_tasks", "3_samples", "4_verdicts"):
        check_table(folder, table)
    known = _known(folder)
    kinds: list[Part] = []
    teachers: list[Part] = []
    drops: dict[str, pl.Series] = {}
    for name in filters:
        words = _words(folder, name).join(known, on="sample", how="left")
        kinds += _parts(words, name, "kind")
        teachers += _parts(words, name, "teacher")
        drops[name] = words.filter(pl.col("decision") == "drop")["sample"].unique()
    overlap = {name: {other: _shared(drops[name], drops[other]) for other in filters} for name in filters}
    return Filtering({name: seconds_of(folder, name) for name in filters}, overlap, kinds, teachers)


def _shared(some: pl.Series, others: pl.Series) -> int:
    return int(some.is_in(others.implode()).sum()) if len(some) and len(others) else 0


def _words(folder: Path, name: str) -> pl.DataFrame:
    """Columns sample (hashed) and decision of one filter."""
    with readable(table_path(folder, "4_verdicts")):
        scan = pl.scan_parquet(table_path(folder, "4_verdicts")).filter(pl.col("filter") == name)
        return scan.select(sample=pl.col("sample_id").hash(), decision=pl.col("decision").cast(pl.Categorical)).collect()


def _known(folder: Path) -> pl.DataFrame:
    """Of each sample (hashed) the kind of its task, and the model that wrote the first of its replies."""
    label = pl.Categorical()
    with readable(table_path(folder, "3_samples")):
        tasks = pl.scan_parquet(table_path(folder, "1_tasks")).select(task=pl.col("id").hash(), kind=pl.col("kind").cast(label))
        samples = pl.scan_parquet(table_path(folder, "3_samples")).select(
            sample=pl.col("id").hash(), task=pl.col("task_id").hash(), reply=pl.col("response_keys").list.first().hash()
        )
        joined = samples.join(tasks, on="task", how="left").join(_teachers(folder), on="reply", how="left")
        return joined.select("sample", "kind", "teacher").unique("sample").collect(engine="streaming")


def _teachers(folder: Path) -> pl.LazyFrame:
    """Columns reply (hashed) and teacher; none where nobody kept the responses."""
    path, label = table_path(folder, "2_responses"), pl.Categorical()
    if not path.exists():
        return pl.LazyFrame(schema={"reply": pl.UInt64, "teacher": label})
    replies = pl.scan_parquet(path).select(reply=pl.col("key").hash(), teacher=pl.col("model").cast(label))
    return replies.unique("reply")


def _parts(words: pl.DataFrame, name: str, by: str) -> list[Part]:
    counts = [(pl.col("decision") == decision).sum().alias(decision) for decision in DECISIONS]
    rows = words.group_by(pl.col(by).cast(pl.String).fill_null("unknown")).agg(pl.len().alias("judged"), *counts).sort(by)
    return [Part(name, *row) for row in rows.iter_rows()]


@dataclass(frozen=True)
class Reason:
    """Why a filter did not keep samples, with a few of them."""

    filter: str
    decision: str
    reason: str
    rows: int
    examples: list[dict[str, Any]]
    """sample_id, prompt, target and detail of each."""


def read_reasons(folder: Path, with_examples: int, examples: int = EXAMPLES) -> list[Reason]:
    """Why samples were dropped or left undecided, the most frequent reason first.

    Args:
        with_examples: how many of the reasons have examples.
        examples: how many each of these has, the first of the table.
    """
    reasons = drop_reasons(folder).rows()
    shown = _examples(folder, reasons[:with_examples], examples)
    return [
        Reason(name, decision, reason, rows, shown.get((name, decision, reason), []))
        for name, decision, reason, rows in reasons
    ]


def drop_reasons(folder: Path) -> pl.DataFrame:
    """Why samples were dropped or left undecided: filter, decision, reason, rows; most frequent first."""
    check_table(folder, "4_verdicts")
    with readable(table_path(folder, "4_verdicts")):
        return (
            pl.scan_parquet(table_path(folder, "4_verdicts"))
            .filter(pl.col("decision") != "keep")
            .group_by("filter", "decision", "reason")
            .len("rows")
            .sort(["rows", "filter", "decision", "reason"], descending=[True, False, False, False])
            .collect(engine="streaming")
        )


def _examples(folder: Path, reasons: list[tuple[Any, ...]], count: int) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The first samples of each reason, by filter, decision and reason; the texts are passed over once."""
    path = table_path(folder, "4_verdicts")
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for name, decision, reason, _ in reasons:
        wanted = (pl.col("filter") == name) & (pl.col("reason") == reason) & (pl.col("decision") == decision)
        with readable(path):
            some = pl.scan_parquet(path).filter(wanted).select("sample_id", "detail").head(count).collect()
        found[name, decision, reason] = some.to_dicts()
    ids = sorted({each["sample_id"] for rows in found.values() for each in rows})
    with readable(table_path(folder, "3_samples")):
        texts = pl.scan_parquet(table_path(folder, "3_samples")).filter(pl.col("id").is_in(ids))
        prompt = pl.col("messages").list.last().struct.field("content")
        told = {row[0]: row[1:] for row in texts.select("id", prompt.alias("prompt"), "target").collect().iter_rows()}
    for rows in found.values():
        for each in rows:
            each["prompt"], each["target"] = told.get(each["sample_id"], ("", ""))
    return found

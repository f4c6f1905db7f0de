"""Two runs on the same tasks, in texts: where their prompts differ, and what came of them, side by side.

In: the rows of two runs. Out: for each template of the one beside its counterpart in the other how many prompts differ, the
first of them word by word; and of tasks that one run found an accepted sample for and the other did not, what both said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.report.compared_rows import Rows, methods_of
from pipeline.tables import readable, table_path
from pipeline.texts.word_diff import Piece, word_diff

READERS = ("teacher", "student")
Side = dict[str, Any]


@dataclass(frozen=True)
class PromptChange:
    """One task's prompt in both runs."""

    task_id: str
    pieces: list[Piece]


@dataclass(frozen=True)
class Prompts:
    """A template's prompts beside those of its counterpart; of each task the first."""

    reader: str
    """teacher or student."""
    first: str
    """The template, or method and view of what a student reads; empty where that run has none."""
    second: str
    same: int
    """Tasks whose prompt is the same in both."""
    differing: int
    examples: list[PromptChange]
    """The first that differ."""


@dataclass(frozen=True)
class Output:
    """What one run said to a task."""

    samples: int
    passed: int
    text: str
    """The first sample that was accepted, else the first."""
    words: list[str]
    """Why it was not accepted: filter, reason and detail."""


@dataclass(frozen=True)
class Pair:
    """One task and method in both runs."""

    task_id: str
    method: str
    prompt: str
    answer: str | None
    first: Output
    second: Output


@dataclass(frozen=True)
class Outputs:
    """Tasks by which run found an accepted sample, method by method, and some of them."""

    both: int
    only_first: int
    only_second: int
    neither: int
    same_text: int
    """Those whose first accepted samples, or first ones, say the same to the letter."""
    pairs: list[Pair]
    """Those that only one run has an accepted sample for, the two kinds in turn; then those that say something else."""


def compare_prompts(first: Rows, second: Rows, examples: int) -> list[Prompts]:
    """The templates of the teacher, those of methods that were edited first, in the order of their first prompts; then what
    students read likewise."""
    found = []
    for reader in READERS:
        hashed = [_prompts(rows, reader) for rows in (first, second)]
        for one, other in _counterparts(*(frame["name"].unique(maintain_order=True).to_list() for frame in hashed)):
            parts = [frame.filter(pl.col("name") == name) for frame, name in zip(hashed, (one, other), strict=True)]
            both = parts[0].join(parts[1], on="task", suffix="_second", maintain_order="left")
            differing = both.filter(pl.col("hash") != pl.col("hash_second"))
            some = differing["task"].head(examples)
            texts = [_texts(rows, reader, name, some) for rows, name in zip((first, second), (one, other), strict=True)]
            ids = [name for name in texts[0] if name in texts[1]]
            changes = [PromptChange(name, word_diff(texts[0][name], texts[1][name])) for name in ids]
            found.append(Prompts(reader, one, other, both.height - differing.height, differing.height, changes))
    edited = _edited(first, second)
    return sorted(found, key=lambda each: (READERS.index(each.reader), re.split("[/,]", each.second)[0] not in edited))


def _scan(rows: Rows, reader: str) -> pl.LazyFrame:
    """task_id, name and messages of every prompt, in the order of the table."""
    if reader == "teacher":
        asked = pl.scan_parquet(table_path(rows.folder, "2_responses")).filter(pl.col("role") == "teacher")
        return asked.select("task_id", "messages", name="template")
    samples = pl.scan_parquet(table_path(rows.folder, "3_samples"))
    return samples.select("task_id", "messages", name=pl.format("{}, {}", "method", "view"))


def _text() -> pl.Expr:
    """Messages as one text."""
    part = pl.element().struct
    return pl.col("messages").list.eval(pl.format("{}: {}", part.field("role"), part.field("content"))).list.join("\n\n")


def _prompts(rows: Rows, reader: str) -> pl.DataFrame:
    """task, name and hash of the first prompt of each task and name."""
    path = table_path(rows.folder, "2_responses" if reader == "teacher" else "3_samples")
    with readable(path):
        scan = _scan(rows, reader).select(
            task=pl.col("task_id").hash(), name=pl.col("name").cast(pl.Categorical), hash=_text().hash()
        )
        frame = scan.collect(engine="streaming")
    frame = frame.filter(pl.col("task").is_in(rows.asked.implode()))
    return frame.unique(["task", "name"], keep="first", maintain_order=True).with_columns(pl.col("name").cast(pl.String))


def _counterparts(ones: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    """Names with their counterparts: the same name, else the next of those that only one run has; empty where there is none."""
    left = [name for name in others if name not in ones]
    for name in ones:
        yield name, name if name in others else left.pop(0) if left else ""
    yield from (("", name) for name in left)


def _texts(rows: Rows, reader: str, name: str, tasks: pl.Series) -> dict[str, str]:
    """The first prompts of this name of these tasks, by id."""
    path = table_path(rows.folder, "2_responses" if reader == "teacher" else "3_samples")
    if tasks.is_empty():
        return {}
    with readable(path):
        wanted = (pl.col("name") == name) & pl.col("task_id").hash().is_in(tasks.implode())
        found = _scan(rows, reader).filter(wanted).select("task_id", text=_text()).collect(engine="streaming")
    return dict(found.unique("task_id", keep="first", maintain_order=True).iter_rows())


def compare_outputs(first: Rows, second: Rows, examples: int) -> Outputs:
    """What came of each task and method that both runs have samples of."""
    apart = not {*methods_of(first)} & {*methods_of(second)}
    both = _best(first, apart).join(_best(second, apart), on=["task", "method"], suffix="_second", maintain_order="left")
    one, other = pl.col("passed") > 0, pl.col("passed_second") > 0
    parts = [both.filter(each) for each in (other & ~one, one & ~other, one & other, ~one & ~other)]
    unlike = pl.col("text") != pl.col("text_second")
    turns = [part.head(examples).with_row_index("turn") for part in parts[:2]]
    likely = pl.concat(
        [pl.concat(turns).sort("turn", maintain_order=True).drop("turn"), *(part.filter(unlike) for part in parts[2:])]
    )
    if edited := _edited(first, second):  # what an edit did is looked for first
        likely = likely.sort(~pl.col("method").is_in(edited), maintain_order=True)
    only_second, only_first, each, neither = (part.height for part in parts)
    same = both.height - both.filter(unlike).height
    return Outputs(each, only_first, only_second, neither, same, _pairs(first, second, likely.head(examples)))


def _edited(first: Rows, second: Rows) -> list[str]:
    """The methods of which a template was asked by both runs, and is another in the second."""
    hashes: list[dict[str, str]] = []
    for rows in (first, second):
        with readable(table_path(rows.folder, "2_responses")):
            asked = pl.scan_parquet(table_path(rows.folder, "2_responses")).select("template", "template_hash").unique()
            hashes.append(dict(asked.collect(engine="streaming").iter_rows()))
    return sorted(
        {name.partition("/")[0] for name in hashes[0].keys() & hashes[1].keys() if hashes[0][name] != hashes[1][name]}
    )


def _best(rows: Rows, apart: bool) -> pl.DataFrame:
    """For each task and method how many samples there are and passed, and the first that passed, else the first.

    Args:
        apart: whether the runs have no method in common; then all methods are one.
    """
    method = pl.lit("all methods", pl.String) if apart else pl.col("method").cast(pl.String)
    best_first = rows.samples.sort(~pl.col("passed"), "place").with_columns(method=method)
    shown = [pl.col(name).first() for name in ("sample", "text")]
    counts = [pl.len().alias("samples"), pl.col("passed").sum(), pl.col("place").min()]
    grouped = best_first.group_by("task", "method", maintain_order=True).agg(*shown, *counts)
    return grouped.sort("place").drop("place")


def _pairs(first: Rows, second: Rows, chosen: pl.DataFrame) -> list[Pair]:
    """The texts of what was chosen."""
    path = table_path(first.folder, "1_tasks")
    with readable(path):
        scan = pl.scan_parquet(path).filter(pl.col("id").hash().is_in(chosen["task"].implode()))
        tasks = scan.select("id", "prompt", "answer", task=pl.col("id").hash()).collect(engine="streaming")
    told = {row[3]: row[:3] for row in tasks.iter_rows()}
    texts = [_said(rows, chosen[name]) for rows, name in ((first, "sample"), (second, "sample_second"))]
    pairs = []
    for row in chosen.iter_rows(named=True):
        if row["task"] not in told:  # its table of tasks was made anew since
            continue
        task_id, prompt, answer = told[row["task"]]
        sides = [
            Output(row[f"samples{end}"], row[f"passed{end}"], *said[row[f"sample{end}"]])
            for said, end in zip(texts, ("", "_second"), strict=True)
        ]
        pairs.append(Pair(task_id, row["method"], prompt, answer, *sides))
    return pairs


def _said(rows: Rows, samples: pl.Series) -> dict[int, tuple[str, list[str]]]:
    """What these samples say, and the filters' words on those that were not kept."""
    wanted = samples.implode()
    with readable(table_path(rows.folder, "3_samples")):
        texts = pl.scan_parquet(table_path(rows.folder, "3_samples")).filter(pl.col("id").hash().is_in(wanted))
        found = texts.select("id", "target", sample=pl.col("id").hash()).collect(engine="streaming")
    words = _words(rows.folder, found["id"].to_list())
    return {sample: (target, words.get(name, [])) for name, target, sample in found.iter_rows()}


def _words(folder: Path, ids: list[str]) -> dict[str, list[str]]:
    path, words = table_path(folder, "4_verdicts"), dict[str, list[str]]()
    with readable(path):
        scan = pl.scan_parquet(path).filter(pl.col("sample_id").is_in(ids) & (pl.col("decision") != "keep"))
        rows = scan.collect(engine="streaming").to_dicts()
    for row in rows:
        detail = f": {row['detail']}" if row["detail"] else ""
        words.setdefault(row["sample_id"], []).append(f"{row['decision']} by {row['filter']}: {row['reason']}{detail}")
    return words

"""The funnel of a run: how many rows each step took in and let through, and what became of the rest."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from pipeline.report.spending import WHOLE_RUN, Spending, spending
from pipeline.tables import check_table, readable, table_path

Ids = np.ndarray[Any, Any]
DECISIONS = ("keep", "drop", "unverifiable")
ANSWERED = ("stop", "length")
"""How a reply that has a text ends."""
IDS, LABELS = {"id", "key", "sample_id", "task_id"}, {"filter", "decision", "template", "finish", "method"}


@dataclass(frozen=True)
class FilterCount:
    """One filter's words, counted."""

    name: str
    judged: int
    kept: int
    dropped: int
    unverifiable: int
    only_here: int
    """Samples that this filter alone dropped."""


@dataclass(frozen=True)
class Funnel:
    """Row counts from tasks to corpus; a table that does not exist yet counts nothing."""

    tasks: dict[str, int] = field(default_factory=dict)
    """Tasks by split."""
    responses: dict[str, int] = field(default_factory=dict)
    """Calls by how they ended."""
    spending: dict[str, Spending] = field(default_factory=lambda: {WHOLE_RUN: Spending()})
    """What the replies took and brought, by method and for the whole run."""
    unused: dict[str, int] = field(default_factory=dict)
    """Replies with a text on which no sample rests, by template: what a method could not use, or asked only to decide."""
    attempts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of methods that make tasks, how often what they tried ended how; the names as in `self_instruct: instructions`."""
    samples: dict[str, int] = field(default_factory=dict)
    """Samples by method."""
    passed: dict[str, int] = field(default_factory=dict)
    """Samples that selection could take, by method."""
    filters: list[FilterCount] = field(default_factory=list)
    corpus: dict[str, int] = field(default_factory=dict)
    """Training examples by method."""
    covered: int = 0
    """Tasks with at least one example in the corpus."""
    corpus_tokens: int = 0

    @property
    def spent(self) -> Spending:
        """What all replies took and brought."""
        return self.spending[WHOLE_RUN]


def read_funnel(folder: Path) -> Funnel:
    """The funnel of the run in `folder`, as far as its tables go."""

    def frame(name: str, columns: list[str]) -> pl.DataFrame | None:
        return _narrow_frame(folder, name, columns) if table_path(folder, name).exists() else None

    counts = Funnel()
    values = dict(counts.__dict__)
    if (tasks := frame("1_tasks", ["split"])) is not None:
        values["tasks"] = _count(tasks, "split")
    responses = frame("2_responses", ["key", "template", "finish", "tokens_in", "tokens_out", "cost"])
    if responses is not None:
        values["responses"] = _count(responses, "finish")
        values["attempts"] = _attempts(folder)
    samples = frame("3_samples", ["id", "method", "response_keys"])
    if samples is not None:
        values["samples"] = _count(samples, "method")
    if samples is not None and table_path(folder, "4_verdicts").exists():
        check_table(folder, "4_verdicts")
        drops = _Drops(samples["id"].to_numpy())
        values["filters"] = _filters(folder, drops)
        rejected = drops.times > 0 if keeps_undecided(folder) else (drops.times > 0) | drops.undecided
        values["passed"] = _count(samples.filter(~pl.Series(rejected)), "method")
    if (corpus := frame("5_corpus", ["method", "task_id", "tokens"])) is not None:
        values["corpus"] = _count(corpus, "method")
        values["covered"], values["corpus_tokens"] = corpus["task_id"].n_unique(), int(corpus["tokens"].sum())
    if responses is not None and samples is not None:
        values["unused"] = _count(_unused(responses, samples), "template")
        values["spending"] = spending(responses, samples, values["passed"], values["corpus"])
    return Funnel(**values)


def _unused(responses: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """The replies that were answered and stand in no sample."""
    answered = responses.filter(pl.col("finish").cast(pl.String).is_in(ANSWERED))
    uses = samples.select(key="response_keys").explode("key")
    return answered.join(uses, on="key", how="anti", maintain_order="left")


def _attempts(folder: Path) -> dict[str, dict[str, int]]:
    """What `run.json` says became of what methods tried, the most frequent ends first."""
    with suppress(OSError, ValueError, AttributeError, TypeError, KeyError):
        found = json.loads((folder / "run.json").read_text(encoding="utf-8"))["attempts"]
        return {
            f"{method}: {what}": {str(how): int(ends[how]) for how in sorted(ends, key=lambda how: -ends[how])}
            for method, tried in found.items()
            for what, ends in tried.items()
        }
    return {}


def keeps_undecided(folder: Path) -> bool:
    """Whether the run's selection takes samples of which a filter could not say (`selection.unverifiable`)."""
    with suppress(OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError):
        recipe = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
        return bool(recipe.get("selection", {}).get("unverifiable") == "keep")
    return False


def rejected(folder: Path) -> pl.Series:
    """The samples of a run that selection could not take, their ids as 64-bit hashes."""
    check_table(folder, "4_verdicts")
    away = ["drop"] if keeps_undecided(folder) else ["drop", "unverifiable"]
    with readable(table_path(folder, "4_verdicts")):
        words = pl.scan_parquet(table_path(folder, "4_verdicts")).filter(pl.col("decision").is_in(away))
        return words.select(pl.col("sample_id").hash()).unique().collect(engine="streaming")["sample_id"]


def _narrow_frame(folder: Path, name: str, columns: list[str]) -> pl.DataFrame:
    """Columns of a table, ids as 64-bit hashes of themselves and labels as categories: they are only compared, and take a tenth
    of the room so."""
    check_table(folder, name)
    hashed = {each: pl.col(each).hash() for each in IDS & set(columns)}
    hashed |= {each: pl.col(each).cast(pl.Categorical) for each in LABELS & set(columns)}
    if "response_keys" in columns:
        hashed["response_keys"] = pl.col("response_keys").list.eval(pl.element().hash())
    with readable(table_path(folder, name)):
        return pl.scan_parquet(table_path(folder, name)).select(columns).with_columns(**hashed).collect(engine="streaming")


def _count(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame.group_by(column, maintain_order=True).len().iter_rows())


class _Drops:
    """How many filters dropped each sample, and whether some could not decide; samples by their place in the table."""

    def __init__(self, ids: Ids) -> None:
        self._order = np.argsort(ids)
        self._sorted = ids[self._order]
        self.times = np.zeros(len(ids), dtype=np.uint16)
        self.undecided = np.zeros(len(ids), dtype=bool)

    def places(self, ids: Ids) -> Ids:
        """Where the samples with these hashed ids stand; those that are not there are left out."""
        found = np.minimum(np.searchsorted(self._sorted, ids), max(len(self._sorted) - 1, 0))
        known = self._sorted[found] == ids if len(self._sorted) else np.zeros(len(ids), dtype=bool)
        return np.asarray(self._order[found[known]])


def _filters(folder: Path, drops: _Drops) -> list[FilterCount]:
    """Counts of each filter, in the order of the table, one at a time: there are few filters and many samples."""
    with readable(table_path(folder, "4_verdicts")):
        scan = pl.scan_parquet(table_path(folder, "4_verdicts"))
        counts = [pl.len().alias("judged"), *((pl.col("decision") == each).sum().alias(each) for each in DECISIONS)]
        rows = scan.group_by("filter", maintain_order=True).agg(*counts).collect().rows()
        dropped: dict[str, Ids] = {}
        for name, *_ in rows:
            some = scan.filter((pl.col("filter") == name) & (pl.col("decision") != "keep"))
            words = some.select(pl.col("sample_id").hash(), drops=pl.col("decision") == "drop").collect()
            dropped[name] = drops.places(words.filter("drops")["sample_id"].to_numpy())
            drops.times[dropped[name]] += 1
            drops.undecided[drops.places(words.filter(~pl.col("drops"))["sample_id"].to_numpy())] = True
    return [
        FilterCount(name, judged, kept, away, undecided, int((drops.times[dropped[name]] == 1).sum()))
        for name, judged, kept, away, undecided in rows
    ]

"""The funnel of a run: how many rows each step took in and let through, and what became of the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipeline.tables import read_frame, table_path


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
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    """Dollars when the replies were bought; None where any price is unknown."""
    samples: dict[str, int] = field(default_factory=dict)
    """Samples by method."""
    passed: dict[str, int] = field(default_factory=dict)
    """Samples no filter dropped, by method."""
    filters: list[FilterCount] = field(default_factory=list)
    corpus: dict[str, int] = field(default_factory=dict)
    """Training examples by method."""
    covered: int = 0
    """Tasks with at least one example in the corpus."""
    corpus_tokens: int = 0

    @property
    def cost_per_row(self) -> float | None:
        """Dollars for each row of the corpus."""
        rows = sum(self.corpus.values())
        return None if self.cost is None or not rows else self.cost / rows


def read_funnel(folder: Path) -> Funnel:
    """The funnel of the run in `folder`, as far as its tables go."""

    def frame(name: str, columns: list[str]) -> pl.DataFrame | None:
        return read_frame(folder, name, columns) if table_path(folder, name).exists() else None

    counts = Funnel()
    values = dict(counts.__dict__)
    if (tasks := frame("1_tasks", ["split"])) is not None:
        values["tasks"] = _count(tasks, "split")
    if (responses := frame("2_responses", ["finish", "tokens_in", "tokens_out", "cost"])) is not None:
        answered = responses.filter(pl.col("finish") != "owed")
        values["responses"] = _count(responses, "finish")
        values["tokens_in"], values["tokens_out"] = int(answered["tokens_in"].sum()), int(answered["tokens_out"].sum())
        values["cost"] = None if answered["cost"].null_count() else float(answered["cost"].sum())
    samples = frame("3_samples", ["id", "method"])
    if samples is not None:
        values["samples"] = _count(samples, "method")
    verdicts = frame("4_verdicts", ["sample_id", "filter", "decision"])
    if samples is not None and verdicts is not None:
        values["filters"] = _filters(verdicts)
        dropped = verdicts.filter(pl.col("decision") == "drop")["sample_id"].unique()
        values["passed"] = _count(samples.filter(~pl.col("id").is_in(dropped.implode())), "method")
    if (corpus := frame("5_corpus", ["method", "task_id", "tokens"])) is not None:
        values["corpus"] = _count(corpus, "method")
        values["covered"], values["corpus_tokens"] = corpus["task_id"].n_unique(), int(corpus["tokens"].sum())
    return Funnel(**values)


def _count(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame.group_by(column, maintain_order=True).len().iter_rows())


def _filters(verdicts: pl.DataFrame) -> list[FilterCount]:
    """Counts of each filter, in the order of the recipe."""
    drops = pl.col("decision") == "drop"
    times = verdicts.filter(drops).group_by("sample_id").len()
    alone = verdicts.filter(drops).join(times.filter(pl.col("len") == 1), on="sample_id").group_by("filter").len()
    only = dict(alone.iter_rows())
    rows = verdicts.group_by("filter", maintain_order=True).agg(
        pl.len().alias("judged"),
        *((pl.col("decision") == decision).sum().alias(decision) for decision in ("keep", "drop", "unverifiable")),
    )
    return [
        FilterCount(name, judged, kept, dropped, undecided, only.get(name, 0))
        for name, judged, kept, dropped, undecided in rows.iter_rows()
    ]


def drop_reasons(folder: Path) -> pl.DataFrame:
    """Why samples were dropped or left undecided: filter, decision, reason, rows; most frequent first."""
    verdicts = read_frame(folder, "4_verdicts", ["filter", "decision", "reason"])
    return (
        verdicts.filter(pl.col("decision") != "keep")
        .group_by("filter", "decision", "reason")
        .len("rows")
        .sort(["rows", "filter", "reason"], descending=[True, False, False])
    )


def dropped_examples(folder: Path, filter_name: str, reason: str, count: int = 3) -> pl.DataFrame:
    """Samples dropped for one reason: id, prompt, target, detail."""
    verdicts = read_frame(folder, "4_verdicts").filter(
        (pl.col("filter") == filter_name) & (pl.col("reason") == reason) & (pl.col("decision") != "keep")
    )
    samples = read_frame(folder, "3_samples", ["id", "messages", "target"])
    return (
        verdicts.head(count)
        .join(samples, left_on="sample_id", right_on="id", maintain_order="left")
        .select("sample_id", pl.col("messages").list.last().struct.field("content").alias("prompt"), "target", "detail")
    )

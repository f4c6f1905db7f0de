"""Two runs on the same tasks, in figures: what was accepted, what each filter kept, what an accepted sample took.

In: the tables of two runs. Out: measures, each with both runs' values, their difference and whether it can be told from chance.
A task is the unit that is drawn: its samples, in both runs, go together. Where no task has more than one, an interval is
Wilson's and the test McNemar's exact one; else both come from a bootstrap over tasks. Ids are compared as 64-bit hashes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.report.funnel import rejected
from pipeline.report.spending import billed
from pipeline.statistics import LEAST_P, Matrix, bootstrap_p, mcnemar, middle_95, paired_ratios, resampled, wilson
from pipeline.tables import check_table, readable, table_path

NEEDED = ("1_tasks", "2_responses", "3_samples", "4_verdicts")
"""Tables of a run that can be compared."""
CHANCE = 0.05
"""Below this p-value two runs are told apart."""
ALL = "all"
LABEL = pl.Categorical()


@dataclass(frozen=True)
class Value:
    """One run's value of a measure."""

    value: float
    """Percent, tokens or dollars."""
    interval: tuple[float, float]
    """95 %."""
    part: float
    """What is counted, as samples accepted, or tokens."""
    whole: int
    """Out of how many, or for how many."""


@dataclass(frozen=True)
class Measure:
    """One figure of two runs on the same tasks."""

    what: str
    name: str
    """The method, kind or filter it is of, or `all`."""
    unit: str
    """What the values are: `%`, `tokens` or `$`; a difference is in points of the first, and in percent of the others."""
    first: Value | None
    """None where that run has nothing of it, or its cost is unknown."""
    second: Value | None
    change: float | None = None
    """The second's less the first's, in points, or in percent of the first's; None where either has none."""
    interval: tuple[float, float] = (math.nan, math.nan)
    """95 % of the change."""
    p_value: float = 1.0
    test: str = "bootstrap"
    """What the p-value is of: bootstrap, or McNemar where each task has one sample in each run."""
    tasks: int = 0
    """Tasks that it is of."""
    less_is_better: bool = False

    @property
    def is_same(self) -> bool:
        """Whether both count the same, so that there is nothing to say."""
        both = (self.first, self.second)
        return all(both) and len({(each.part, each.whole) for each in both if each}) == 1

    @property
    def p(self) -> str:
        """The p-value in words."""
        if self.test == "bootstrap" and self.p_value <= LEAST_P:
            return f"p <= {LEAST_P:.4f}"
        return "p < 0.0001" if self.p_value < 0.0001 else f"p = {self.p_value:.4f}"

    def word(self, p_value: float | None = None) -> str:
        """better, worse or not told apart: the second run beside the first.

        Args:
            p_value: instead of its own, where several are read together.
        """
        if self.change is None or not (self.p_value if p_value is None else p_value) < CHANCE:
            return "not told apart"
        return "better" if (self.change < 0) == self.less_is_better else "worse"


@dataclass(frozen=True)
class Rows:
    """What is compared of one run, a row a sample or a reply, ids hashed."""

    folder: Path
    asked: pl.Series
    """Tasks of which a teacher was asked."""
    samples: pl.DataFrame
    """task, sample, method, passed, text (hash of what it says), place in the table."""
    replies: pl.DataFrame
    """task, tokens, cost; each reply once."""

    def of(self, tasks: pl.Series) -> Rows:
        """The rows of these tasks alone."""
        samples, replies = (each.filter(pl.col("task").is_in(tasks.implode())) for each in (self.samples, self.replies))
        return Rows(self.folder, tasks, samples, replies)


def read_rows_of_run(folder: Path) -> Rows:
    """The rows of the run in `folder`.

    Raises:
        UserError: a table is missing, broken or of another version; the message names the command that makes it.
    """
    for table in NEEDED:
        check_table(folder, table)
    with readable(table_path(folder, "2_responses")):
        replies = _replies(pl.scan_parquet(table_path(folder, "2_responses"))).collect(engine="streaming")
    dropped = rejected(folder)
    with readable(table_path(folder, "3_samples")):
        scan = pl.scan_parquet(table_path(folder, "3_samples")).select(
            task=pl.col("task_id").hash(), sample=pl.col("id").hash(), method=pl.col("method").cast(LABEL),
            text=pl.col("target").hash(),
        )  # fmt: skip
        passed = ~pl.col("sample").is_in(dropped.implode())
        samples = scan.with_row_index("place").with_columns(passed=passed).collect(engine="streaming")
    return Rows(folder, replies["task"].unique(), samples, replies)


def _replies(responses: pl.LazyFrame) -> pl.LazyFrame:
    tokens = pl.col("tokens_in").fill_null(0) + pl.col("tokens_out").fill_null(0)
    told = responses.filter(pl.col("finish") != "owed").select(
        key=pl.col("key").hash(), task=pl.col("task_id").hash(), tokens=tokens, cost=billed()
    )
    return told.unique("key", keep="first").drop("key")


def accepted(first: Rows, second: Rows) -> Iterator[Measure]:
    """Samples that selection could take, of all samples; over all, then by method; then tasks that have one."""
    names = (
        [ALL, *sorted({*methods_of(first), *methods_of(second)})]
        if len({*methods_of(first), *methods_of(second)}) > 1
        else [ALL]
    )
    for what, by_task in (("samples accepted", False), ("tasks with an accepted sample", True)):
        for name in names:
            parts = [_by_task(rows, name, by_task) for rows in (first, second)]
            yield share_measure(what, name, *parts)


def methods_of(rows: Rows) -> list[str]:
    """The methods that made samples."""
    return rows.samples["method"].cast(pl.String).unique().to_list()


def _by_task(rows: Rows, name: str, by_task: bool) -> pl.DataFrame:
    """task, value and weight: samples accepted and all, or 1 where there is an accepted one of 1."""
    some = rows.samples if name == ALL else rows.samples.filter(pl.col("method") == name)
    if not by_task:
        return some.group_by("task").agg(value=pl.col("passed").sum(), weight=pl.len())
    sums = some.group_by("task").agg(value=pl.col("passed").any().cast(pl.Int64))
    if name == ALL:  # a task that brought no sample at all is one without an accepted one
        sums = rows.asked.to_frame("task").join(sums, on="task", how="left").with_columns(pl.col("value").fill_null(0))
    return sums.with_columns(weight=pl.lit(1))


def kept(first: Rows, second: Rows) -> Iterator[Measure]:
    """What each filter kept of the samples it judged, in the order of the second run's table."""
    names = dict.fromkeys([*_filters(second), *_filters(first)])
    for name in names:
        yield share_measure("kept of those judged", name, *(_judged(rows, name) for rows in (first, second)))


def _filters(rows: Rows) -> list[str]:
    with readable(table_path(rows.folder, "4_verdicts")):
        names = pl.scan_parquet(table_path(rows.folder, "4_verdicts")).select(pl.col("filter").unique(maintain_order=True))
        return names.collect(engine="streaming")["filter"].to_list()


def _judged(rows: Rows, name: str) -> pl.DataFrame:
    with readable(table_path(rows.folder, "4_verdicts")):
        words = pl.scan_parquet(table_path(rows.folder, "4_verdicts")).filter(pl.col("filter") == name)
        some = words.select(sample=pl.col("sample_id").hash(), kept=pl.col("decision") == "keep").collect(engine="streaming")
    joined = some.join(rows.samples.select("sample", "task"), on="sample")
    return joined.group_by("task").agg(value=pl.col("kept").sum(), weight=pl.len())


def taken(first: Rows, second: Rows) -> Iterator[Measure]:
    """Tokens and dollars of the replies of methods, not of filters that ask, for each accepted sample."""
    for what, column, unit in (("tokens", "tokens", "tokens"), ("cost", "cost", "$")):
        known = [rows.replies[column].null_count() == 0 for rows in (first, second)]
        yield _ratio_measure(f"{what} for an accepted sample", unit, *(
            _bill(rows, column) if told else None for rows, told in zip((first, second), known, strict=True)
        ))  # fmt: skip


def _bill(rows: Rows, column: str) -> pl.DataFrame:
    sums = rows.replies.group_by("task").agg(value=pl.col(column).sum())
    accepted = rows.samples.group_by("task").agg(weight=pl.col("passed").sum())
    tasks = rows.asked.to_frame("task")
    return tasks.join(sums, on="task", how="left").join(accepted, on="task", how="left").fill_null(0)


def share_measure(what: str, name: str, first: pl.DataFrame, second: pl.DataFrame) -> Measure:
    """Shares of two runs, from frames of task, value and weight."""
    one, other, tasks = _aligned(first, second)
    alone = bool(max(one[1].max(initial=0), other[1].max(initial=0)) <= 1)
    drawn = _drawn(one, other) if tasks else []
    here, there = (
        (_share(part, draws, alone) for part, draws in zip((one, other), drawn, strict=True)) if tasks else (None, None)
    )
    if here is None or there is None:
        return Measure(what, name, "%", here, there, tasks=tasks)
    change = 100 * (drawn[1] - drawn[0])
    paired = alone and bool((one[1] == other[1]).all())
    only = [int((some[0] > rest[0]).sum()) for some, rest in ((one, other), (other, one))]
    test, p_value = ("McNemar", mcnemar(*only)) if paired else ("bootstrap", bootstrap_p(change))
    return Measure(what, name, "%", here, there, there.value - here.value, middle_95(change), p_value, test, tasks)


def _drawn(one: tuple[Matrix, Matrix], other: tuple[Matrix, Matrix]) -> list[Matrix]:
    """The share of each run in every bootstrap sample; the same samples, whichever run comes first."""
    runs = [(values[:, None], weights[:, None]) for values, weights in (one, other)]
    if np.stack(one).tobytes() > np.stack(other).tobytes():
        return resampled(*runs[::-1])[::-1]
    return resampled(*runs)


def _aligned(first: pl.DataFrame, second: pl.DataFrame) -> tuple[tuple[Matrix, Matrix], tuple[Matrix, Matrix], int]:
    """Values and weights of both over the tasks that either has, 0 where one has none."""
    both = first.join(second, on="task", how="full", coalesce=True, suffix="_second").fill_null(0).sort("task")
    columns = [both[name].to_numpy().astype(float) for name in ("value", "weight", "value_second", "weight_second")]
    return (columns[0], columns[1]), (columns[2], columns[3]), both.height


def _share(part: tuple[Matrix, Matrix], draws: Matrix, alone: bool) -> Value | None:
    """A run's share in percent; None of no samples."""
    right, of = int(part[0].sum()), int(part[1].sum())
    if not of:
        return None
    low, high = wilson(right, of) if alone else middle_95(draws)
    return Value(100 * right / of, (100 * low, 100 * high), right, of)


def _ratio_measure(what: str, unit: str, first: pl.DataFrame | None, second: pl.DataFrame | None) -> Measure:
    """Quotients of two runs; both of the same tasks, and None where one's costs are unknown."""
    if first is None or second is None:
        return Measure(what, ALL, unit, None, None, less_is_better=True)
    one, other, tasks = _aligned(first, second)
    drawn = paired_ratios(one, other)
    here, there = (_quotient(part, draws) for part, draws in zip((one, other), drawn, strict=True))
    if here is None or there is None or not here.value:
        return Measure(what, ALL, unit, here, there, tasks=tasks, less_is_better=True)
    times = np.divide(drawn[1], drawn[0], out=np.full(len(drawn[0]), np.nan), where=drawn[0] > 0)
    return Measure(
        what, ALL, unit, here, there, 100 * (there.value / here.value - 1), middle_95(100 * (times - 1)),
        bootstrap_p(drawn[1] - drawn[0]), tasks=tasks, less_is_better=True,
    )  # fmt: skip


def _quotient(part: tuple[Matrix, Matrix], draws: Matrix) -> Value | None:
    over, under = float(part[0].sum()), int(part[1].sum())
    return Value(over / under, middle_95(draws), over, under) if under else None

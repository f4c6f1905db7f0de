"""The models of a run side by side: accuracy with intervals, and whether two can be told apart, on the same items.

One training each: McNemar's exact test. Several seeds: a bootstrap over items and seeds, whose p-value is twice the share of
draws in which the difference has the other sign. The interval of a difference is of that bootstrap either way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.report.scores import (
    ALL_KINDS,
    CHANGED,
    MODELS,
    Score,
    accuracy,
    greedy,
    matrices,
    numbered,
    ordered,
    read_grades,
    with_all_kinds,
)  # fmt: skip
from pipeline.statistics import LEAST_P, Matrix, bootstrap_p, mcnemar, middle_95, resampled

CHANCE = 0.05
"""Below this p-value two models are told apart."""
PAIRS = tuple(("distilled", other) for other in ("base", "control", "gold_labels", "teacher_labels", "teacher"))
WIDTH = 17
"""Characters of a column in the terminal: `100.0 [100, 100]` and a space."""


@dataclass(frozen=True)
class Difference:
    """Two models on the same items."""

    benchmark: str
    kind: str
    first: str
    second: str
    points: float
    """Percent right of the first, less that of the second."""
    interval: tuple[float, float]
    """95 %, in points."""
    p_value: float
    items: int
    seeds: int
    """Trainings of whichever has more."""
    kept: float | None
    """The first's share of right answers as a part of the second's; None where the second has none."""
    kept_interval: tuple[float, float]

    @property
    def sentence(self) -> str:
        """Plain words: better, worse or not told apart."""
        word = "not told apart from" if self.p_value >= CHANCE else "better than" if self.points > 0 else "worse than"
        low, high = self.interval
        sure = f"{self.points:+.1f} points, p {self._p}, 95 % [{low:+.1f}, {high:+.1f}]"
        seeds = f", {self.seeds} seeds" if self.seeds > 1 else ""
        return f"{self.first} is {word} {self.second} ({sure}, {self.items} items{seeds})"

    @property
    def _p(self) -> str:
        if self.seeds > 1 and self.p_value <= LEAST_P:
            return f"<= {LEAST_P:.4f}"
        return "< 0.0001" if self.p_value < 0.0001 else f"= {self.p_value:.4f}"

    @property
    def kept_sentence(self) -> str:
        """How much of the second's share of right answers the first reaches."""
        low, high = self.kept_interval
        assert self.kept is not None
        percent = f"{100 * self.kept:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        return f"{self.first} keeps {percent} of the right answers of {self.second}"


def read_differences(folder: Path, pairs: tuple[tuple[str, str], ...] = PAIRS) -> list[Difference]:
    """Each pair of models on the items both were graded on, kind by kind and over all kinds."""
    return differences(greedy(read_grades(folder)), pairs)


def differences(frame: pl.DataFrame, pairs: tuple[tuple[str, str], ...] = PAIRS) -> list[Difference]:
    """The same of a frame with a row a greedy reply; by benchmark and kind, then in the order of the pairs."""
    rows = numbered(with_all_kinds(frame)).with_columns(value=pl.col("correct").cast(pl.Int64), weight=pl.lit(1))
    found = []
    for (benchmark, kind), part in rows.partition_by("benchmark", "kind", as_dict=True).items():
        models = {name: each for (name,), each in part.partition_by("model", as_dict=True).items()}
        for first, second in pairs:
            if first in models and second in models:
                one, other = (models[a].join(models[b], on="item", how="semi") for a, b in ((first, second), (second, first)))
                if one.height:
                    found.append(_difference((benchmark, kind, first, second), matrices(one), matrices(other)))
    return found


def _difference(key: tuple[str, str, str, str], one: tuple[Matrix, Matrix], other: tuple[Matrix, Matrix]) -> Difference:
    """Compares two models by their values and weights, items × seeds."""
    here, there = (float(values.sum() / weights.sum()) for values, weights in (one, other))
    first, second = resampled(one, other)
    drawn = np.divide(first, second, out=np.full(len(second), math.nan), where=second > 0)
    low, high = middle_95(100 * (first - second))
    seeds = max(one[0].shape[1], other[0].shape[1])
    return Difference(
        *key, points=100 * (here - there), interval=(low, high), items=len(one[0]), seeds=seeds,
        p_value=_exact(one[0], other[0]) if seeds == 1 else bootstrap_p(first - second),
        kept=here / there if there else None, kept_interval=middle_95(drawn),
    )  # fmt: skip


def _exact(one: Matrix, other: Matrix) -> float:
    """McNemar's p-value of two models with one seed each."""
    return mcnemar(int((one > other).sum()), int((one < other).sum()))


def as_text(folder: Path) -> str:
    """The table a terminal shows, and a sentence on each pair over all kinds."""
    frame = greedy(read_grades(folder))
    scores = accuracy(frame.filter(pl.col("model").is_in(MODELS)))
    found = differences(frame.filter(~pl.col("benchmark").str.contains(CHANGED, literal=True)))
    lines = [*_table(scores), _what_it_is(scores)]
    for each in found:
        if each.kind == ALL_KINDS:
            lines.append(f"{each.benchmark}: {each.sentence}")
            if each.second == "teacher" and each.kept is not None:
                lines.append(f"{each.benchmark}: {each.kept_sentence}")
    return "\n".join(lines)


def _table(scores: list[Score]) -> list[str]:
    """A row a benchmark and kind, a column a model; of changed items, and where there is one kind, all kinds together only."""
    models = ordered(score.model for score in scores)
    several = {name for name in (each.benchmark for each in scores) if len(_kinds(scores, name)) > 2 and CHANGED not in name}
    rows = {}
    for benchmark in dict.fromkeys(score.benchmark for score in scores):
        for kind in _kinds(scores, benchmark) if benchmark in several else [ALL_KINDS]:
            cells = {score.model: score for score in scores if (score.benchmark, score.kind) == (benchmark, kind)}
            count = max(score.items for score in cells.values())
            rows[f"{benchmark} {kind} ({count})"] = "".join(f"{_cell(cells.get(name)):>{WIDTH}}" for name in models)
    width = max(map(len, rows), default=0)
    return [" " * width + "".join(f"{name:>{WIDTH}}" for name in models), *(f"{name:{width}}{rows[name]}" for name in rows)]


def _kinds(scores: list[Score], benchmark: str) -> list[str]:
    return list(dict.fromkeys(score.kind for score in scores if score.benchmark == benchmark))


def _what_it_is(scores: list[Score]) -> str:
    seeds = max((score.seeds for score in scores), default=1)
    if seeds == 1:
        return "right in percent, with 95 % Wilson intervals"
    several = f"means over {seeds} seeds with those of a bootstrap over items and seeds"
    return f"right in percent, with 95 % intervals: {several}; where there is one, Wilson intervals"


def _cell(score: Score | None) -> str:
    if score is None:
        return "-"
    low, high = score.interval
    return f"{100 * score.share:.1f} [{100 * low:.0f}, {100 * high:.0f}]"

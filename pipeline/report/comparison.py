"""The models of a run side by side: accuracy with Wilson intervals, and whether two can be told apart (McNemar, exact)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.statistics import mcnemar, wilson
from pipeline.tables import read_frame

MODELS = ("base", "control", "distilled", "teacher")
ALL_KINDS = "all"
CHANCE = 0.05
"""Below this p-value two models are told apart."""


@dataclass(frozen=True)
class Score:
    """How often one model was right on one benchmark and kind."""

    benchmark: str
    kind: str
    model: str
    right: int
    items: int

    @property
    def share(self) -> float:
        return self.right / self.items if self.items else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval."""
        return wilson(self.right, self.items)


@dataclass(frozen=True)
class Difference:
    """Two models on the same items."""

    benchmark: str
    kind: str
    first: str
    second: str
    only_first: int
    only_second: int
    items: int

    @property
    def p_value(self) -> float:
        return mcnemar(self.only_first, self.only_second)

    @property
    def sentence(self) -> str:
        """Plain words: better, worse or not told apart."""
        points = 100 * (self.only_first - self.only_second) / self.items
        word = "not told apart from" if self.p_value >= CHANCE else "better than" if points > 0 else "worse than"
        return f"{self.first} is {word} {self.second} ({points:+.1f} points, p {_p(self.p_value)}, {self.items} items)"


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"


def _graded(folder: Path) -> pl.DataFrame:
    """The items that could be graded for some model; one whose reply says nothing that can be compared is wrong there.

    An item that could be graded for nobody, as its answer cannot be read, counts for nobody.
    """
    gradable = pl.col("correct").is_not_null().any().over("benchmark", "task_id", "mode")
    return read_frame(folder, "6_evaluation").filter(gradable).with_columns(pl.col("correct").fill_null(False))


def read_scores(folder: Path) -> list[Score]:
    """Every model's score on every benchmark, kind by kind and over all kinds; items nobody could grade do not count."""
    grades = _graded(folder)
    both = pl.concat([grades, grades.with_columns(kind=pl.lit(ALL_KINDS))])
    rows = both.group_by("benchmark", "kind", "model", maintain_order=True).agg(
        pl.col("correct").sum().alias("right"), pl.len().alias("items")
    )
    return [Score(*row) for row in rows.iter_rows()]


def read_differences(folder: Path, pairs: tuple[tuple[str, str], ...]) -> list[Difference]:
    """Each pair of models on the items both were graded on, kind by kind and over all kinds."""
    grades = _graded(folder)
    both = pl.concat([grades, grades.with_columns(kind=pl.lit(ALL_KINDS))])
    differences = []
    for first, second in pairs:
        one, other = (both.filter(pl.col("model") == model) for model in (first, second))
        shared = one.join(other, on=["benchmark", "kind", "task_id", "mode"], suffix="_other")
        counts = shared.group_by("benchmark", "kind").agg(
            (pl.col("correct") & ~pl.col("correct_other")).sum().alias("only_first"),
            (~pl.col("correct") & pl.col("correct_other")).sum().alias("only_second"),
            pl.len().alias("items"),
        )
        for benchmark, kind, only_first, only_second, items in counts.sort("benchmark", "kind").iter_rows():
            differences.append(Difference(benchmark, kind, first, second, only_first, only_second, items))
    return differences


PAIRS = (("distilled", "base"), ("distilled", "control"))


def as_text(folder: Path) -> str:
    """The table a terminal shows, and a sentence on each pair."""
    scores = read_scores(folder)
    models = [name for name in MODELS if any(score.model == name for score in scores)]
    rows = {}
    for benchmark, kind in dict.fromkeys((score.benchmark, score.kind) for score in scores):
        cells = {score.model: score for score in scores if (score.benchmark, score.kind) == (benchmark, kind)}
        count = max(score.items for score in cells.values())
        rows[f"{benchmark} {kind} ({count})"] = "".join(f"{_cell(cells.get(name)):>20}" for name in models)
    width = max(map(len, rows), default=0)
    lines = [" " * width + "".join(f"{name:>20}" for name in models)]
    lines += [f"{name:{width}}{cells}" for name, cells in rows.items()]
    lines.append("right in percent, with 95 % Wilson intervals")
    for each in read_differences(folder, PAIRS):
        lines.append(f"{each.benchmark} {each.kind}: {each.sentence}")
    return "\n".join(lines)


def _cell(score: Score | None) -> str:
    if score is None:
        return "-"
    low, high = score.interval
    return f"{100 * score.share:.1f} [{100 * low:.1f}, {100 * high:.1f}]"

"""Shares of right answers: of any frame with a row a reply, by benchmark, kind and model, with their uncertainty.

In: `6_evaluation`, or a frame made of it, in which `value` says whether what is counted is so, or how often, and `weight` out
of how many. Out: scores. With one seed an interval is Wilson's; with several, or where an item counts more than once, it is a
bootstrap over items and seeds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.statistics import Matrix, middle_95, resampled, wilson
from pipeline.tables import read_frame

MODELS = ("base", "gold_labels", "teacher_labels", "control", "distilled", "teacher")
"""In the order in which reports name them; those of the sample-efficiency curve follow."""
ALL_KINDS = "all"
CHANGED = "+"
"""Stands in the name of a benchmark whose items were changed on purpose."""
KEYS = ["benchmark", "kind", "model"]


@dataclass(frozen=True)
class Score:
    """How often something was so for one model on one benchmark and kind."""

    benchmark: str
    kind: str
    model: str
    right: int
    """Over all seeds."""
    of: int
    """Over all seeds."""
    items: int
    """Different items."""
    seeds: int
    interval: tuple[float, float]
    """95 %."""

    @property
    def share(self) -> float:
        return self.right / self.of


def read_grades(folder: Path) -> pl.DataFrame:
    """All grades but their texts. An item that could be graded for nobody, as its answer cannot be read, counts for nobody; a
    reply that says nothing which can be compared is wrong where others could be graded."""
    columns = [
        "benchmark", "task_id", "kind", "level", "model", "seed", "mode", "sample", "prediction", "expected", "correct",
        "strict", "loose", "met", "met_loosely", "finish", "cost", "seconds",
    ]  # fmt: skip
    grades = read_frame(folder, "6_evaluation", columns)
    gradable = pl.col("correct").is_not_null().any().over("benchmark", "task_id", "mode")
    return grades.filter(gradable).with_columns(pl.col("correct").fill_null(False))


def greedy(grades: pl.DataFrame) -> pl.DataFrame:
    """The one greedy reply to each item; what every figure is of that does not say otherwise."""
    return grades.filter(pl.col("mode") == "greedy")


def with_all_kinds(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame twice, the second time as the kind `all`."""
    return pl.concat([frame, frame.with_columns(kind=pl.lit(ALL_KINDS))])


def ordered(models: Iterable[str]) -> list[str]:
    """Models in the order of reports: those of a share of the corpus after the six, the smallest share first."""
    place = {name: number for number, name in enumerate(MODELS)}
    return sorted(set(models), key=lambda name: (place.get(without_seed(name), len(place)), corpus_share(name), name))


def without_seed(name: str) -> str:
    """What a student is called in grades, by the name of its folder, such as `control-seed1`."""
    return re.sub(r"-seed\d+$", "", name)


def corpus_share(model: str) -> float:
    """The percent in a name such as `distilled@25%`; 100 where there is none."""
    number = model.rpartition("@")[2].removesuffix("%")
    return float(number) if "@" in model and number.replace(".", "", 1).isdigit() else 100.0


def shares(frame: pl.DataFrame) -> list[Score]:
    """A score for each benchmark, kind and model, in the order of the frame; none where nothing is weighed.

    Args:
        frame: benchmark, kind, model, task_id, seed, value (bool or whole number), and weight unless it is 1.
    """
    weight = "weight" if "weight" in frame.columns else pl.lit(1).alias("weight")
    rows = frame.select(*KEYS, "task_id", "seed", pl.col("value").cast(pl.Int64), weight).filter(pl.col("weight") > 0)
    single = (pl.col("weight").max() == 1) & (pl.col("seed").n_unique() == 1)
    sums = rows.group_by(KEYS, maintain_order=True).agg(
        pl.col("value").sum(), pl.col("weight").sum(), pl.col("task_id").n_unique(), pl.col("seed").n_unique(), single=single
    )
    drawn = numbered(rows.join(sums.filter(~pl.col("single")), on=KEYS, how="semi")).partition_by(KEYS, as_dict=True)
    scores = []
    for benchmark, kind, model, right, of, items, seeds, alone in sums.iter_rows():
        key = (benchmark, kind, model)
        interval = wilson(right, of) if alone else middle_95(resampled(matrices(drawn[key]))[0])
        scores.append(Score(*key, right, of, items, seeds, interval))
    return scores


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a number for each item as `item`, the same for all models: numbers are quicker to compare than ids."""
    return frame.with_columns(item=pl.col("task_id").rank("dense"))


def matrices(part: pl.DataFrame) -> tuple[Matrix, Matrix]:
    """Values and weights of one model, items × seeds, items by their number; both 0 where a reply is missing."""
    items, row = np.unique(part["item"].to_numpy(), return_inverse=True)
    seeds, column = np.unique(part["seed"].to_numpy(), return_inverse=True)
    shape = (len(items), len(seeds))
    place = row * shape[1] + column
    value, weight = (
        np.bincount(place, part[name].to_numpy(), shape[0] * shape[1]).reshape(shape).astype(float)
        for name in ("value", "weight")
    )
    return value, weight


def read_scores(folder: Path) -> list[Score]:
    """Every model's score on every benchmark, kind by kind and over all kinds; items nobody could grade do not count."""
    return accuracy(greedy(read_grades(folder)))


def accuracy(frame: pl.DataFrame) -> list[Score]:
    """Right answers, kind by kind and over all kinds."""
    return shares(with_all_kinds(frame).with_columns(value="correct"))

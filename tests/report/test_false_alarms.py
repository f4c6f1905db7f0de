"""How often two models that are equally good are told apart, by the comparison as reports make it: a trial a benchmark."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from pipeline.report.comparison import differences
from pipeline.report.scores import ALL_KINDS

ITEMS = 50


def graded(
    chance: np.random.Generator, trial: int, difficulty: npt.NDArray[np.float64], model: str, seeds: int, better: float
) -> pl.DataFrame:
    """The grades of a model's trainings on one trial's items, each right by the item's chance alone."""
    p = 1 / (1 + np.exp(-difficulty - better))
    right = chance.random((ITEMS, seeds)) < p[:, None]
    item, seed = np.divmod(np.arange(right.size), seeds)
    columns = {"task_id": item.astype(str), "seed": seed, "correct": right.ravel()}
    return pl.DataFrame(columns).with_columns(benchmark=pl.lit(f"trial{trial}"), kind=pl.lit("k"), model=pl.lit(model))


def told_apart(seeds: tuple[int, int], trials: int, better: float = 0.0) -> float:
    """The share of trials in which the first is said to be better or worse, by so much in log odds."""
    chance, frames = np.random.default_rng(7), []
    for trial in range(trials):
        difficulty = 2 * chance.standard_normal(ITEMS)  # from nearly always wrong to nearly always right
        frames.append(graded(chance, trial, difficulty, "distilled", seeds[0], better))
        frames.append(graded(chance, trial, difficulty, "control", seeds[1], 0))
    found = differences(pl.concat(frames), (("distilled", "control"),))
    said = [" is not told apart from " not in each.sentence for each in found if each.kind == ALL_KINDS]
    assert len(said) == trials
    return sum(said) / trials


@pytest.mark.parametrize("seeds", [(1, 1), (3, 1), (3, 3)], ids=str)
def test_equal_models_are_seldom_told_apart(seeds: tuple[int, int]) -> None:
    """At most in 5 of 100 trials, as the p-value says."""
    assert told_apart(seeds, trials=300) <= 0.06


@pytest.mark.parametrize("seeds", [(1, 1), (3, 1), (3, 3)], ids=str)
def test_models_far_apart_are_told_apart(seeds: tuple[int, int]) -> None:
    assert told_apart(seeds, trials=50, better=2.5) > 0.9

"""Figures with their uncertainty: intervals of shares, tests of two models on the same items, pass@k, calibration.

With one training of a model the items are all that is drawn by chance: Wilson's interval, McNemar's exact test. With several
seeds the trainings are drawn, too: a bootstrap draws items and seeds, both with replacement, and two models are compared on the
same drawn items. It is seeded, so the same table gives the same figures.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

DRAWS = 2_000
"""Bootstrap samples."""
LEAST_P = 2 / (DRAWS + 1)
"""The least p-value that so many can show."""
BLOCKS = 2_000
"""Items that a bootstrap of sums tells apart."""
ADDED = 2
"""Items that a bootstrap adds to those there are."""
BINS = 10
"""Of confidences, in a calibration (Guo et al. 2017 use 10 to 15)."""
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Proportion:
    """So many of so many."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """None of none at all."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval; (0, 1) of none at all."""
        return wilson(self.count, self.of)

    def __str__(self) -> str:
        """In percent, as `81.2 [78.0, 84.1]`."""
        low, high = self.interval
        return "-" if self.share is None else f"{100 * self.share:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927); (0, 1) where nothing was tried."""
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value that two models are equally often right, given on how many items only one of them was."""
    trials = only_first + only_second
    if trials == 0:
        return 1.0
    tail = sum(math.comb(trials, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / (1 << trials))  # whole numbers, since floats end at 1,023 trials


def resampled(*models: tuple[Matrix, Matrix]) -> list[Matrix]:
    """The mean of each model in every bootstrap sample; the items of a sample are the same for all, the seeds each one's own.

    Items that look the same are drawn together, by how often they occur, so the time does not grow with their number. With few
    seeds the interval is a little narrow: the spread of s seeds is drawn as (s - 1) / s of its variance. A bootstrap of few
    items that all look alike would be certain, so two more are drawn among them, shared by every way in which the models can be
    right or wrong: half an item each for two models, as Agresti and Min (2005) do for differences of paired shares.

    Args:
        models: for each the values and the weights, both items × seeds; an item is a cluster, its values sums over its parts.

    Returns:
        For each model DRAWS means, NaN where a sample drew no weight.
    """
    chance = np.random.default_rng(0)
    rows = np.hstack([part for model in models for part in model])
    kinds, seen = np.unique(rows, axis=0, return_counts=True)
    extra = _every_outcome([values.shape[1] for values, _ in models])
    counts = np.append(seen.astype(float), [ADDED / len(extra)] * len(extra))
    sums = chance.multinomial(len(rows) + ADDED, counts / counts.sum(), size=DRAWS) @ np.vstack([kinds, extra])
    means, start = [], 0
    for values, _ in models:
        seeds = values.shape[1]
        drawn = chance.multinomial(seeds, [1 / seeds] * seeds, size=DRAWS)
        over, under = ((drawn * sums[:, at : at + seeds]).sum(axis=1) for at in (start, start + seeds))
        means.append(np.divide(over, under, out=np.full(DRAWS, np.nan), where=under > 0))
        start += 2 * seeds
    return means


def _every_outcome(seeds: Sequence[int]) -> Matrix:
    """Rows of values and weights, as of items: each way in which all seeds of each model can be right, or wrong."""
    outcomes = itertools.product((0.0, 1.0), repeat=len(seeds))
    return np.array([np.repeat([part for right in each for part in (right, 1.0)], np.repeat(seeds, 2)) for each in outcomes])


def paired_ratios(*runs: tuple[Matrix, Matrix]) -> list[Matrix]:
    """The quotient of sums of each run in every bootstrap sample, as of tokens by rows; all runs are drawn on the same items.

    More than `BLOCKS` items are first put into so many blocks by chance, whose sums are then drawn: the time does not grow with
    the items, and the spread of a sum over 2,000 blocks is right to 2 %.

    Args:
        runs: for each what is divided and by what, both one number an item.

    Returns:
        For each run DRAWS quotients, NaN where a sample drew nothing to divide by.
    """
    chance = np.random.default_rng(0)
    rows = np.column_stack([part for run in runs for part in run]).astype(float)
    if len(rows) > BLOCKS:
        rows = np.add.reduceat(rows[chance.permutation(len(rows))], np.arange(BLOCKS) * len(rows) // BLOCKS, axis=0)
    sums = chance.multinomial(len(rows), [1 / len(rows)] * len(rows), size=DRAWS) @ rows
    pairs = [(sums[:, at], sums[:, at + 1]) for at in range(0, sums.shape[1], 2)]
    return [np.divide(over, under, out=np.full(DRAWS, np.nan), where=under > 0) for over, under in pairs]


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of tests that are read together, each as sure as if it stood alone (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, least = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted


def middle_95(draws: Matrix) -> tuple[float, float]:
    """The percentile interval of bootstrap draws; those that are NaN do not count."""
    finite = draws[np.isfinite(draws)]
    if not finite.size:
        return math.nan, math.nan
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)


def bootstrap_p(differences: Matrix) -> float:
    """Two-sided p-value that a difference is 0: twice the share of draws on the far side of 0, ties counted on both sides."""
    finite = differences[np.isfinite(differences)]
    tail = min((finite <= 0).sum(), (finite >= 0).sum())
    return min(1.0, 2 * (1 + int(tail)) / (1 + finite.size))


def pass_at_k(samples: int, right: int, k: int) -> float:
    """The chance that one of k samples is right, of `samples` with `right` right ones: unbiased (Chen et al. 2021).

    Raises:
        ValueError: k is more than there are samples.
    """
    if k > samples:
        raise ValueError(f"pass@{k} of {samples} samples")
    return 1 - math.comb(samples - right, k) / math.comb(samples, k)


@dataclass(frozen=True)
class Bin:
    """The items whose confidence is within a tenth."""

    confidence: float
    """Their mean confidence."""
    accuracy: float
    items: int


@dataclass(frozen=True)
class Calibration:
    """Whether an answer held with confidence c is right in a share c of cases."""

    ece: float
    """Expected calibration error: the mean distance of accuracy from confidence over the bins, weighted by their items."""
    brier: float
    """Mean square of confidence minus rightness."""
    bins: list[Bin]
    """Those that hold items, from the least confident."""


def calibration(confidences: Sequence[float], right: Sequence[bool]) -> Calibration | None:
    """Over equally wide bins (Guo et al. 2017), each with its upper edge; None of no items."""
    if not confidences:
        return None
    sure, truth = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    place = np.clip(np.ceil(np.round(sure * BINS, 9)) - 1, 0, BINS - 1)
    parts = [place == number for number in range(BINS) if (place == number).any()]
    bins = [Bin(float(sure[part].mean()), float(truth[part].mean()), int(part.sum())) for part in parts]
    error = sum(each.items * abs(each.accuracy - each.confidence) for each in bins) / len(sure)
    return Calibration(error, float(((sure - truth) ** 2).mean()), bins)

"""Figures with their uncertainty: Wilson intervals for shares, McNemar's exact test for two models on the same items."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


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

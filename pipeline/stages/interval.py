"""From what a few tasks took to what all will, with 95 % intervals.

In: parts of a population, each with the tasks that were drawn, as counted and as billed, and those that are left. Out: the sum
over those that are left, by the ratio of billed to counted (Cochran 1977, Sampling Techniques, ch. 6). Where everything was
drawn, or every drawn task took just what was counted, the interval is a point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

LEAST = 0.05
"""A task that took next to nothing counts as a twentieth of what was expected, so that its logarithm stays within reason."""


class Interval(NamedTuple):
    """A figure and where it lies with 95 % confidence."""

    value: float
    low: float
    high: float

    def plus(self, known: float) -> Interval:
        return Interval(*(each + known for each in self))

    def times(self, factor: float) -> Interval:
        return Interval(*(each * factor for each in self))

    def at_most(self, most: float) -> Interval:
        return Interval(*(min(each, most) for each in self))


def exactly(value: float) -> Interval:
    return Interval(value, value, value)


@dataclass
class Part:
    """One column of one stratum in plain numbers."""

    drawn: list[tuple[float, float]]
    """What was counted of a task and what it took."""
    left: list[tuple[float, float]]
    """What was counted of a task and how much of it is remembered."""

    @property
    def ratio(self) -> float | None:
        """What was taken for one counted; None where nothing is known."""
        counted = sum(size for size, _ in self.drawn)
        return sum(taken for _, taken in self.drawn) / counted if counted else None


def expected(parts: Sequence[Part], unseen: float = 0.0) -> Interval:
    """What all tasks that are left will take, by a ratio for each part.

    The interval is even on a logarithmic scale: bills have long tails to the right, and none is below nothing. Drawn tasks
    seldom hold the longest, so the spread is the larger of what they show as it is and what a lognormal tail would make of
    it; and two tasks of a part tell little of its own, so it is that of all parts together where that is larger. With
    lognormal replies of sigma 0.3 to 1 and eleven tasks, the interval holds the bill in 93 to 96 of 100 simulations; on a
    plain scale it were 82 to 94.

    Args:
        unseen: relative standard error that remains however even the drawn tasks are.
    """
    drawn = [each for part in parts for each in part.drawn]
    whole = Part(drawn, []).ratio or 0.0
    ratios = [whole if part.ratio is None else part.ratio for part in parts]
    deviations = [_deviations(part, ratio) for part, ratio in zip(parts, ratios, strict=True)]
    together = Deviations(*(sum(column) for column in zip(*deviations, strict=True))) if parts else Deviations(0, 0.0, 0.0)
    rest = variance = 0.0
    for part, ratio, own in zip(parts, ratios, deviations, strict=True):
        size, squares = sum(x for x, _ in part.left), sum(x * x for x, _ in part.left)
        rest += sum(max(ratio * x - known, 0.0) for x, known in part.left)
        spread = max(own.variance, together.variance)
        variance += spread * ratio**2 * (size**2 * _share(part.drawn or drawn) + squares)
    if not rest:
        return exactly(0.0)
    if not together.degrees:
        return Interval(rest, 0.0, math.inf)
    factor = math.exp(min(t_quantile(together.degrees) * math.hypot(math.sqrt(variance) / rest, unseen), 50.0))
    return Interval(rest, rest / factor, rest * factor)


def _share(drawn: Sequence[tuple[float, float]]) -> float:
    """The variance of a ratio for one of a task: 1 / n where all tasks are of one size."""
    return sum(x * x for x, _ in drawn) / (sum(x for x, _ in drawn) or 1.0) ** 2


class Deviations(NamedTuple):
    """How far what tasks took lies from what was expected of them, relatively."""

    degrees: int
    squares: float
    logarithms: float
    """Squares of the logarithms."""

    @property
    def variance(self) -> float:
        if not self.degrees:
            return 0.0
        return max(self.squares / self.degrees, math.expm1(min(self.logarithms / self.degrees, 50.0)))


def _deviations(part: Part, ratio: float) -> Deviations:
    errors = [taken / (ratio * size) for size, taken in part.drawn if ratio * size > 0]
    logs = [math.log(max(error, LEAST)) for error in errors]
    mean = sum(logs) / len(logs) if logs else 0.0
    squares = sum((error - 1) ** 2 for error in errors)
    return Deviations(max(len(part.drawn) - 1, 0), squares, sum((each - mean) ** 2 for each in logs))


def t_quantile(degrees: int) -> float:
    """Student's t at 97.5 %, by Fisher's expansion about the normal (Abramowitz, Stegun 1964, 26.7.5); within 0.004."""
    if degrees <= 2:
        return (12.7062, 4.3027)[degrees - 1]
    z = 1.959964
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / float(degrees**power) for power, term in enumerate(terms))

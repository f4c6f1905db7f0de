"""Intervals and p-values against figures worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics import Proportion, mcnemar, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(5, 10, 0.2366, 0.7634), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson(successes: int, trials: int, low: float, high: float) -> None:
    """The first three follow from z = 1.96 by hand; the last is an example of Newcombe (1998)."""
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_proportions() -> None:
    assert (Proportion(5, 10).share, Proportion(5, 10).interval) == (0.5, wilson(5, 10))
    assert str(Proportion(5, 10)) == "50.0 [23.7, 76.3]"
    assert (Proportion(0, 0).share, Proportion(0, 0).interval, str(Proportion(0, 0))) == (None, (0.0, 1.0), "-")


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_share(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12 and successes / trials - 1e-12 <= high <= 1


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(0, 0, 1.0), (1, 1, 1.0), (0, 5, 2 / 32), (1, 7, 2 * 9 / 256), (2, 8, 2 * (1 + 10 + 45) / 1024), (700, 700, 1.0)],
)
def test_mcnemar(first: int, second: int, p: float) -> None:
    assert mcnemar(first, second) == pytest.approx(p)
    assert mcnemar(second, first) == pytest.approx(p)


def test_mcnemar_of_a_great_difference() -> None:
    assert 0 <= mcnemar(0, 2000) < 1e-300

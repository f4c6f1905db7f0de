"""Intervals and p-values against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics import (
    BLOCKS,
    DRAWS,
    LEAST_P,
    Matrix,
    Proportion,
    bootstrap_p,
    calibration,
    holm,
    mcnemar,
    middle_95,
    paired_ratios,
    pass_at_k,
    resampled,
    wilson,
)


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


def column(*values: float) -> Matrix:
    return np.array([values], dtype=float).T


def test_a_bootstrap_over_items_is_the_binomial() -> None:
    """30 of 100, and one of two beside: 31 of 102, whose standard error is √(0.304 · 0.696 / 102) = 0.0455."""
    (means,) = resampled((column(*[1] * 30, *[0] * 70), np.ones((100, 1))))
    assert len(means) == DRAWS and (means.mean(), means.std()) == pytest.approx((31 / 102, 0.0455), abs=0.003)
    assert middle_95(means) == pytest.approx((0.215, 0.393), abs=0.015)


def test_a_bootstrap_draws_seeds_too() -> None:
    """Two seeds, one always right and one never: half of the draws take both, a quarter each only one of them."""
    (means,) = resampled((np.array([[1.0, 0.0]] * 1000), np.ones((1000, 2))))
    assert [(abs(means - share) < 0.05).mean() for share in (0, 0.5, 1)] == pytest.approx([0.25, 0.5, 0.25], abs=0.04)


def test_a_bootstrap_draws_the_same_items_for_two_models() -> None:
    """One is right where the other is wrong, so that their sum is 1 but for what is added: of 102 draws half a one with both
    right and half a one with both wrong, whose spread is 1 / 102. With items of their own it would be √(0.5 / 102) = 0.07."""
    values = column(*[1, 0] * 50)
    first, second = resampled((values, np.ones((100, 1))), (1 - values, np.ones((100, 1))))
    both = first + second
    assert (both.mean(), both.std()) == pytest.approx((1, 1 / 102), abs=0.001)


def test_a_bootstrap_of_few_items_that_are_alike_is_not_certain() -> None:
    """Five of five, and one of two beside: of 7 draws, each right by 6 / 7, P(X < 5) = 0.06 and P(X < 4) = 0.011.

    Of five for one model alone (Agresti and Min 2005): a draw tells them apart by 5.5 / 7, the other way by 0.5 / 7.
    """
    right, ones = np.ones((5, 1)), np.ones((5, 1))
    assert middle_95(resampled((right, ones))[0]) == pytest.approx((4 / 7, 1))
    first, second = resampled((right, ones), (0 * right, ones))
    assert (first - second).mean() == pytest.approx(5 / 7, abs=0.015)
    assert bootstrap_p(first - second) > LEAST_P


def test_a_bootstrap_passes_over_what_is_missing() -> None:
    """Of two seeds the second answered one item only; a draw without any reply has no mean, and does not count: of that seed
    alone, a quarter of all, (29 / 32) ** 32 = 0.043 of them."""
    values, weights = np.array([[1.0, 0.0]] * 30), np.array([[1.0, 1.0], *[[1.0, 0.0]] * 29])
    (means,) = resampled((values, weights))
    assert np.isnan(means).any() and middle_95(means) == (0.0, 1.0)


def test_a_bootstrap_is_seeded() -> None:
    model = (column(1, 0, 1, 1), np.ones((4, 1)))
    assert np.array_equal(resampled(model)[0], resampled(model)[0])


def test_middle_95() -> None:
    assert middle_95(np.arange(0.0, 1001.0)) == pytest.approx((25.0, 975.0))
    assert all(math.isnan(end) for end in middle_95(np.array([np.nan])))


def test_bootstrap_p() -> None:
    """Three of 99 draws on the far side: 2 · (1 + 3) / (1 + 99)."""
    assert bootstrap_p(np.array([1.0] * 96 + [-1.0] * 2 + [0.0])) == pytest.approx(0.08)
    assert bootstrap_p(np.array([-1.0] * 96 + [1.0] * 2 + [0.0])) == pytest.approx(0.08)
    assert bootstrap_p(np.zeros(99)) == 1.0
    assert bootstrap_p(np.full(DRAWS, 0.5)) == LEAST_P


@pytest.mark.parametrize(
    ("samples", "right", "k", "share"),
    [
        (8, 0, 8, 0.0),
        (8, 8, 1, 1.0),
        (5, 2, 1, 0.4),
        (5, 2, 2, 0.7),
        (5, 2, 4, 1.0),
        (200, 3, 100, 1 - 100 * 99 * 98 / 7880400),
    ],
)
def test_pass_at_k(samples: int, right: int, k: int, share: float) -> None:
    """Of 5 with 2 right: 10 pairs, 3 of them wrong twice. Of 200 with 3: 200 · 199 · 198 = 7,880,400."""
    assert pass_at_k(samples, right, k) == pytest.approx(share)


def test_pass_at_more_than_there_are() -> None:
    with pytest.raises(ValueError, match="pass@3 of 2 samples"):
        pass_at_k(2, 1, 3)


def test_calibration() -> None:
    """0.5 and 0.45 share a bin (mean 0.475, half right), 1.0 has one of its own: ECE = 2/3 · 0.025 + 1/3 · 1."""
    found = calibration([0.5, 0.45, 1.0], [True, False, False])
    assert found is not None
    assert [(each.confidence, each.accuracy, each.items) for each in found.bins] == [
        (pytest.approx(0.475), 0.5, 2),
        (1.0, 0.0, 1),
    ]
    assert found.ece == pytest.approx(0.35)
    assert found.brier == pytest.approx((0.25 + 0.2025 + 1) / 3)


def test_calibration_of_edges() -> None:
    """A tenth is in the bin it ends, 0 in the first; 0.7 is 7 tenths, whatever floats say."""
    found = calibration([0.0, 0.1, 0.7, 0.71], [False, True, True, True])
    assert found is not None and [each.items for each in found.bins] == [2, 1, 1]
    assert calibration([], []) is None


def test_quotients_of_sums_have_the_spread_that_theory_says() -> None:
    """Tokens by rows over independent items: the delta method's interval, to a tenth; the same with more items than blocks."""
    for count in (500, 3 * BLOCKS):
        draws = np.random.default_rng(3)
        over, under = draws.gamma(2.0, 50.0, count), draws.binomial(3, 0.6, count).astype(float)
        low, high = middle_95(paired_ratios((over, under))[0])
        ratio = over.sum() / under.sum()
        error = np.sqrt(((over - ratio * under) ** 2).sum()) / under.sum()
        assert low < ratio < high
        assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.1)


def test_quotients_of_the_same_items_move_together() -> None:
    draws = np.random.default_rng(4)
    over, under = draws.gamma(2.0, 50.0, 300), np.ones(300)
    first, second = paired_ratios((over, under), (1.1 * over, under))
    assert second / first == pytest.approx(np.full(len(first), 1.1))
    nothing = paired_ratios((over, 0 * under))[0]
    assert np.isnan(nothing).all()


def test_tests_that_are_read_together() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([0.02]) == [0.02] and holm([]) == []

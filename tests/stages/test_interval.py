"""Intervals from a few drawn tasks: a point where nothing varies, wide enough where something does, whatever the tail."""

from __future__ import annotations

import math
import random

import pytest

from pipeline.stages.interval import Interval, Part, expected, t_quantile


@pytest.mark.parametrize(
    ("degrees", "exact"), [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (7, 2.365), (30, 2.042), (1000, 1.962)]
)
def test_t_quantile(degrees: int, exact: float) -> None:
    assert t_quantile(degrees) == pytest.approx(exact, abs=0.004)


def test_what_never_varies_is_certain() -> None:
    part = Part(drawn=[(4, 4), (4, 4)], left=[(4, 0)] * 100)
    assert expected([part, Part([(10, 20)], [(10, 0)])]) == Interval(420, 420, 420)


def test_what_is_remembered_is_not_taken_again() -> None:
    assert expected([Part([(4, 2), (4, 2)], [(4, 1), (4, 0), (4, 5)])]).value == 1 + 2 + 0


def test_nothing_is_left() -> None:
    assert expected([Part([(4, 3), (4, 9)], [])]) == Interval(0, 0, 0)
    assert expected([]) == Interval(0, 0, 0)


def test_one_task_tells_no_spread() -> None:
    assert expected([Part([(4, 8)], [(4, 0)] * 3)]) == Interval(24, 0, math.inf)


def test_a_part_nobody_was_drawn_from_is_like_the_others() -> None:
    assert expected([Part([(2, 1), (2, 1)], []), Part([], [(8, 0)])]).value == 4


def test_tasks_that_took_nothing() -> None:
    assert expected([Part([(4, 0), (4, 0)], [(4, 0)])]) == Interval(0, 0, 0)
    held = expected([Part([(4, 0), (4, 4), (4, 5)], [(4, 0)] * 9)])
    assert 0 < held.low < held.value == 27 < held.high < math.inf


def test_more_drawn_tell_more() -> None:
    few, many = (expected([Part([(1, 1), (1, 3)] * count, [(1, 0)] * 1000)]) for count in (2, 50))
    assert many.value == few.value == 2000
    assert many.high - many.low < (few.high - few.low) / 4
    assert few.high - few.value > few.value - few.low > 0


@pytest.mark.parametrize(("sigma", "sizes"), [(0.3, (20, 120, 40)), (0.8, (20, 120, 40)), (1.0, (200,))])
def test_the_interval_holds_what_comes(sigma: float, sizes: tuple[int, ...]) -> None:
    """Lognormal tasks, eleven of them drawn: 200 draws, of which 91 % or more must hold (95 % would be 190)."""
    chance, held = random.Random(1), 0
    numbers = [2] * (len(sizes) - 1)
    numbers.insert(len(sizes) // 2, 11 - sum(numbers))
    for _ in range(200):
        parts, real = [], 0.0
        for place, (size, number) in enumerate(zip(sizes, numbers, strict=True)):
            took = [(place + 1) * chance.lognormvariate(0, sigma) for _ in range(size)]
            parts.append(Part([(2, each) for each in took[:number]], [(2, 0)] * (size - number)))
            real += sum(took[number:])
        each = expected(parts)
        held += each.low <= real <= each.high
    assert held >= 182

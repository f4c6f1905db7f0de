"""Bandits and UCB1, against numbers worked out by hand."""

from __future__ import annotations

import math
import random

import pytest

from pipeline.bandits import Bandit, bernoulli, best_chosen, estimates, least_chosen, play, regret, told, ucb1

HISTORY = [(0, 1.0), (1, 0.0), (0, 0.0), (0, 1.0)]
ARMS = ("red", "blue")


def test_estimates() -> None:
    one, other = estimates(HISTORY, 2)
    assert (one.times, other.times) == (3, 1)
    assert one.mean == pytest.approx(2 / 3) and other.mean == 0
    assert one.bonus == pytest.approx(math.sqrt(2 * math.log(4) / 3))
    assert other.value == pytest.approx(math.sqrt(2 * math.log(4)))
    assert [each.bonus for each in estimates([(0, 1.0)], 2)] == [0.0, math.inf]


def test_ucb1_tries_every_arm_and_then_goes_by_the_value() -> None:
    assert ucb1([], 3) == 0 and ucb1([(0, 1.0)], 3) == 1 and ucb1([(0, 1.0), (2, 0.0)], 3) == 1
    assert ucb1(HISTORY, 2) == 1  # 0.67 + 0.96 < 0 + 1.67
    assert ucb1([*HISTORY, (1, 0.0)], 2) == 0  # 0.67 + 1.04 > 0 + 1.27
    assert ucb1(HISTORY, 2, alpha=0.1) == 0


def test_without_a_bonus_it_is_greedy() -> None:
    assert ucb1([(0, 0.0), (1, 1.0), (1, 0.0)], 2, alpha=0.0) == 1


def test_the_best_arm_of_a_bernoulli_bandit() -> None:
    bandits = [bernoulli(random.Random(seed), ("a", "b", "c"), 0.5) for seed in range(60)]
    assert all(sorted(each.means) == [0.25, 0.25, 0.75] for each in bandits)
    assert {each.best for each in bandits} == {0, 1, 2}
    assert sorted(bernoulli(random.Random(1), ARMS, 0.2).means) == pytest.approx([0.4, 0.6])


def test_rewards_come_as_often_as_the_mean_says() -> None:
    rng, bandit = random.Random(1), Bandit(ARMS, (0.75, 0.25))
    for arm, mean in enumerate(bandit.means):
        assert sum(bandit.reward(rng, arm) for _ in range(4000)) / 4000 == pytest.approx(mean, abs=0.03)


def test_ucb1_finds_the_best_arm() -> None:
    bandit = Bandit(("a", "b", "c"), (0.25, 0.75, 0.25))
    games = [play(random.Random(seed), bandit, 200) for seed in range(20)]
    assert sum(best_chosen(bandit, game) for game in games) / 20 > 0.6
    assert all(len(game) == 200 and least_chosen(game, 3) > 0 for game in games)
    uniform = play(random.Random(1), bandit, 200, lambda history, arms: len(history) % arms)
    assert least_chosen(uniform, 3) == pytest.approx(3 * 66 / 200)
    assert regret(bandit, uniform) == pytest.approx(0.5 * (200 - 67))
    assert max(regret(bandit, game) for game in games) < regret(bandit, uniform)


def test_nothing_has_happened() -> None:
    bandit = Bandit(ARMS, (1.0, 0.0))
    assert (regret(bandit, []), least_chosen([], 2), best_chosen(bandit, [])) == (0, 0.0, 0.0)
    assert told([], ARMS, "raw") == "Nothing yet."
    assert told([], ARMS, "summary") == told([], ARMS, "guided") == "red: never chosen\nblue: never chosen"


def test_what_is_told() -> None:
    assert told(HISTORY, ARMS, "raw") == "red: 1\nblue: 0\nred: 0\nred: 1"
    assert told([(0, 0.125)], ARMS, "raw") == "red: 0.12"
    assert told(HISTORY, ARMS, "summary").splitlines() == [
        "red: chosen 3 times, average reward 0.67", "blue: chosen 1 time, average reward 0.00"
    ]  # fmt: skip
    assert told(HISTORY, ARMS, "guided").splitlines() == [
        "red: chosen 3 times, average reward 0.67, bonus 0.96, sum 1.63",
        "blue: chosen 1 time, average reward 0.00, bonus 1.67, sum 1.67",
    ]

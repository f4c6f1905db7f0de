"""Multi-armed bandits with UCB1 as their oracle, and what has happened so far told in words.

In: the mean reward of each arm. Out: rewards, what UCB1 would choose (Auer et al. 2002), a whole game of it, and its history as
one of three texts of EVOLvE (Nie et al. 2024, arXiv 2410.06238): RH, every turn; SH, a summary of each arm; AG, that and the
two terms of UCB. Nothing is asked of a model here, so an oracle's game costs nothing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Telling = Literal["raw", "summary", "guided"]
Turn = tuple[int, float]
"""An arm, by its place, and the reward it gave."""
ALPHA = 2.0
"""UCB1's: the bonus of an arm is sqrt(alpha * ln(turns) / its turns)."""
GAPS = {"easy": 0.5, "hard": 0.2}
"""How far the best Bernoulli arm is from the others: its mean is 0.5 + gap/2, theirs 0.5 - gap/2."""


@dataclass(frozen=True)
class Bandit:
    """Arms with rewards of 0 or 1."""

    arms: tuple[str, ...]
    """Their names."""
    means: tuple[float, ...]
    """How often each gives 1."""

    @property
    def best(self) -> int:
        return self.means.index(max(self.means))

    def reward(self, rng: random.Random, arm: int) -> float:
        return float(rng.random() < self.means[arm])


@dataclass(frozen=True)
class Estimate:
    """What the history says of one arm."""

    times: int
    mean: float
    """Average reward, UCB's exploitation term; 0 where the arm was never chosen."""
    bonus: float
    """UCB's exploration term; infinite where the arm was never chosen."""

    @property
    def value(self) -> float:
        return self.mean + self.bonus


def bernoulli(rng: random.Random, arms: Sequence[str], gap: float) -> Bandit:
    """A bandit whose best arm stands anywhere.

    Args:
        gap: how much more often than any other the best arm gives a reward.
    """
    best = rng.randrange(len(arms))
    return Bandit(tuple(arms), tuple(0.5 + (gap if arm == best else -gap) / 2 for arm in range(len(arms))))


def estimates(history: Sequence[Turn], arms: int, alpha: float = ALPHA) -> list[Estimate]:
    """One estimate for each of so many arms."""
    rewards: list[list[float]] = [[] for _ in range(arms)]
    for arm, reward in history:
        rewards[arm].append(reward)
    log = math.log(max(len(history), 1))
    return [
        Estimate(len(each), sum(each) / len(each), math.sqrt(alpha * log / len(each))) if each else Estimate(0, 0.0, math.inf)
        for each in rewards
    ]


def ucb1(history: Sequence[Turn], arms: int, alpha: float = ALPHA) -> int:
    """The arm UCB1 chooses next: the first of those never chosen, else the first of the highest value."""
    values = [each.value for each in estimates(history, arms, alpha)]
    return values.index(max(values))


def play(rng: random.Random, bandit: Bandit, horizon: int, choose: Callable[[Sequence[Turn], int], int] = ucb1) -> list[Turn]:
    """A whole game.

    Args:
        choose: the policy: from the history and the number of arms to the arm.
    """
    history: list[Turn] = []
    for _ in range(horizon):
        arm = choose(history, len(bandit.arms))
        history.append((arm, bandit.reward(rng, arm)))
    return history


def regret(bandit: Bandit, history: Sequence[Turn]) -> float:
    """Expected reward that was given away against always choosing the best arm."""
    return sum(bandit.means[bandit.best] - bandit.means[arm] for arm, _ in history)


def least_chosen(history: Sequence[Turn], arms: int) -> float:
    """MinFrac: how often the least chosen arm was, times the number of arms; 1 is uniform exploration."""
    counts = [sum(arm == each for arm, _ in history) for each in range(arms)]
    return arms * min(counts) / len(history) if history else 0.0


def best_chosen(bandit: Bandit, history: Sequence[Turn]) -> float:
    """OptFrac: the share of turns in which the best arm was chosen."""
    return sum(arm == bandit.best for arm, _ in history) / len(history) if history else 0.0


def told(history: Sequence[Turn], arms: Sequence[str], telling: Telling, alpha: float = ALPHA) -> str:
    """The history as a model reads it, a line a turn or a line an arm, with two decimals at most."""
    if telling == "raw":
        return "\n".join(f"{arms[arm]}: {_short(reward)}" for arm, reward in history) or "Nothing yet."
    lines = zip(arms, estimates(history, len(arms), alpha), strict=True)
    return "\n".join(f"{name}: {_line(each, telling)}" for name, each in lines)


def _line(arm: Estimate, telling: Telling) -> str:
    if not arm.times:
        return "never chosen"
    line = f"chosen {arm.times} time{'s' * (arm.times > 1)}, average reward {arm.mean:.2f}"
    return line if telling == "summary" else f"{line}, bonus {arm.bonus:.2f}, sum {arm.value:.2f}"


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")

"""Bandits of the mini world: which of some boxes, bells or hats to choose next, with UCB1's choice as the right one.

In: a random generator. Out: a story, its arms, what has happened in some turns of a game, and the next choice. Out of the
distribution are other stories, six arms, and a gap of 0.2 instead of 0.5 between the best arm and the others.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipeline.bandits import GAPS, Bandit, Telling, Turn, bernoulli, play, told, ucb1
from pipeline.mini.item import Item

COLORS = ("red", "blue", "green", "white", "black", "brown")
THINGS = ("box", "bell", "hat", "door", "lamp", "key")
OOD_THINGS = ("wheel", "ticket", "song")
STORY = "There are {count} arms: {arms}. In each of {horizon} turns you choose one arm and get a reward of 0 or 1."
TELLINGS: tuple[Telling, ...] = ("raw", "summary", "guided")
ARMS, OOD_ARMS = (3, 4, 5), (6,)
HORIZON = 30


@dataclass(frozen=True)
class Game:
    """A bandit in the middle of a game that UCB1 plays."""

    bandit: Bandit
    history: tuple[Turn, ...]

    @property
    def story(self) -> str:
        return STORY.format(count=len(self.bandit.arms), arms=", ".join(self.bandit.arms), horizon=HORIZON)

    @property
    def made_of(self) -> str:
        """What decides whether the tests have it, however it is told."""
        return f"{self.story}\n{told(self.history, self.bandit.arms, 'raw')}"

    @property
    def choice(self) -> str:
        return self.bandit.arms[ucb1(self.history, len(self.bandit.arms))]


def game(rng: random.Random, ood: bool = False) -> Game:
    """One game of up to `HORIZON` turns."""
    thing, count = rng.choice(OOD_THINGS if ood else THINGS), rng.choice(OOD_ARMS if ood else ARMS)
    arms = [f"{color} {thing}" for color in rng.sample(COLORS, count)]
    bandit = bernoulli(rng, arms, GAPS["hard" if ood else "easy"])
    return Game(bandit, tuple(play(rng, bandit, rng.randrange(HORIZON))))


def choosing(arm: str) -> str:
    """The reply that chooses an arm."""
    return f"I choose {arm}."


def bandit_item(rng: random.Random, ood: bool = False) -> Item:
    """A task: the story after what has happened, whose answer is the sentence that chooses what UCB1 does."""
    drawn = game(rng, ood)
    telling = rng.choice(TELLINGS)
    happened = told(drawn.history, drawn.bandit.arms, telling)
    answer = choosing(drawn.choice)
    extra = {"arms": list(drawn.bandit.arms), "means": list(drawn.bandit.means), "horizon": HORIZON, "telling": telling}
    extra |= {"choice": drawn.choice, "turns": [list(turn) for turn in drawn.history]}
    return Item("bandit", drawn.story, happened, answer, answer, extra=extra, made_of=drawn.made_of)

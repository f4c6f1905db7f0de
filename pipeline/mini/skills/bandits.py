"""Lessons in choosing an arm as UCB1 does, from one of three tellings of what has happened; always right.

From every turn alone (`raw`) a small model can hardly count what UCB1 needs; from the sums of `guided` it has to find the
largest. Games in which two arms are as good to two decimals are left out, since nothing that can be read decides them.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.bandits import Telling, estimates, told
from pipeline.mini.bandits import TELLINGS, Game, choosing, game
from pipeline.mini.item import Item
from pipeline.mini.skills.asking import Lesson, asked

LONGEST_RAW = 16
"""Turns that are told one by one; more makes the lesson long."""


def chosen(rng: random.Random) -> Lesson:
    """The next arm, behind none or one choice of another game told in the same way."""
    telling = rng.choice(TELLINGS)
    drawn = _taught(rng, telling)
    shown = [_taught(rng, telling) for _ in range(rng.choice((0, 0, 1)))]
    demonstrations = [{"context": _happened(each, telling), "choice": each.choice} for each in shown]
    context = _happened(drawn, telling)
    messages = asked(rng, "algorithm_distillation/teacher", drawn.story, context=context, demonstrations=demonstrations)
    return messages, choosing(drawn.choice)


def followed(rng: random.Random) -> Lesson:
    """The next arm as the student is asked for it."""
    telling = rng.choice(TELLINGS)
    drawn = _taught(rng, telling)
    return asked(rng, "algorithm_distillation/student", drawn.story, context=_happened(drawn, telling)), choosing(drawn.choice)


def _taught(rng: random.Random, telling: Telling) -> Game:
    """A game that no test asks about, is decided by what can be read, and is short where every turn is told."""
    while True:
        drawn = game(rng)
        short = telling != "raw" or len(drawn.history) <= LONGEST_RAW
        if short and is_decided(drawn) and not Item("bandit", "", made_of=drawn.made_of).held_out:
            return drawn


def is_decided(drawn: Game) -> bool:
    """Whether one arm is the best to two decimals, or one was never chosen."""
    values = sorted(round(each.value, 2) for each in estimates(drawn.history, len(drawn.bandit.arms)) if each.times)
    return len(values) < len(drawn.bandit.arms) or values[-1] > values[-2]


def _happened(drawn: Game, telling: Telling) -> str:
    return told(drawn.history, drawn.bandit.arms, telling)


SKILLS: dict[str, Callable[[random.Random], Lesson]] = {"bandit_chosen": chosen, "bandit_followed": followed}

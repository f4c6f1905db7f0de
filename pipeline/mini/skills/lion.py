"""Lion's other questions (arXiv 2305.12870): the scores of two answers, and new instructions, alike or rarer.

A right answer gets 9; one with a wrong step 5, with more of them 3; one that breaks a constraint 4; one to another question 1.
"""

from __future__ import annotations

import random

from pipeline.mini.problems import applied, solution, with_slips
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.variations import Request, Story, Variable, taught, variable

SLIP_RATE = 0.3
"""Of each step in an answer that is to be wrong."""
RIGHT = (9, "is right")
BROKEN = (4, "breaks a rule")
OTHER = (1, "is about something else")


def referee(rng: random.Random) -> Lesson:
    """Two answers, each right in half of the cases."""
    made = variable(rng)
    (first, one), (second, other) = scored_answer(rng, made), scored_answer(rng, made)
    messages = asked(
        rng, "lion/referee", made.prompt, kind=made.kind, first=first, second=second, lowest=1, highest=10
    )  # fmt: skip
    return messages, f"{one[0]} {other[0]}\nAnswer 1 {one[1]}. Answer 2 {other[1]}."


def scored_answer(rng: random.Random, made: Variable) -> tuple[str, tuple[int, str]]:
    """An answer, its score and what is said of it."""
    dice = rng.random()
    if dice < 0.5:
        return made.reply(rng), RIGHT
    if dice < 0.6:
        return taught(lambda: made.broadened(rng)).reply(rng), OTHER
    return _slipped(rng, made) if isinstance(made, Story) else _broken(rng, made)


def _slipped(rng: random.Random, made: Story) -> tuple[str, tuple[int, str]]:
    """A solution with wrong steps, each off by ten."""
    while (slipped := with_slips(rng, made.problem, SLIP_RATE)).steps == made.chain:
        pass
    wrong = sum(step.after != applied(step.operation, step.before, step.operand) for step in slipped.steps)
    return solution(rng, slipped), (5, "has a wrong step") if wrong == 1 else (3, f"has {wrong} wrong steps")


def _broken(rng: random.Random, made: Request) -> tuple[str, tuple[int, str]]:
    """A text about the topic that meets other constraints."""
    while made.is_met(text := Request(made.topic, made.ask, made.broadened(rng).parts).reply(rng)):
        pass
    return text, BROKEN


def similar(rng: random.Random) -> Lesson:
    """Another of the same sort: hard ones."""
    old = variable(rng)
    return asked(rng, "lion/similar", old.prompt, kind=old.kind), taught(lambda: old.alike(rng)).prompt


def rarer(rng: random.Random) -> Lesson:
    """One of another sort: easy ones."""
    old = variable(rng)
    return asked(rng, "lion/rarer", old.prompt, kind=old.kind), taught(lambda: old.broadened(rng)).prompt


SKILLS = {"lion_referee": referee, "lion_similar": similar, "lion_rarer": rarer}

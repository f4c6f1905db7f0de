"""Evol-Instruct (arXiv 2304.12244): an instruction made harder in one of four ways, or another like it; whether two are equal.

A story gets a demand, a step, things of a certain sort, two steps, or another story; a request gets a constraint, its place
asked for, an adjective, two constraints, or another topic. One rewriting in twelve only says the same in other words, so that
the eliminator has something to find.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.variations import OPERATIONS, Story, Variable, taught, variable

EQUAL_SHARE = 1 / 12
MOST_ADDED = 20
"""Words, as the templates say."""
NARROW = ("constraint", "deepen", "concretise", "reasoning")
"""The operations after which an instruction still is the same one, only harder."""


def evolve(rng: random.Random, operation: str) -> Lesson:
    """An instruction, evolved now and then already, and what the operation makes of it."""
    old = before(rng)
    new = (rng.random() < EQUAL_SHARE and reworded(rng, old)) or evolved(rng, old, operation)
    return asked(rng, f"evol_instruct/{operation}", old.prompt, kind=old.kind), new.prompt


def reworded(rng: random.Random, old: Variable) -> Variable | None:
    """The same in other words; None where tests ask it in all of the few there are."""
    return next((new for _ in range(20) if (new := old.reworded(rng)).is_taught), None)


def before(rng: random.Random) -> Variable:
    """An instruction to be rewritten: three in ten have been through a round."""
    old = variable(rng)
    return evolved(rng, old, rng.choice(NARROW)) if rng.random() < 0.3 else old


def evolved(rng: random.Random, old: Variable, operation: str) -> Variable:
    """What an operation makes of an instruction, not asked by a test; where it can add nothing, another instruction."""
    longest = len(old.prompt.split()) + MOST_ADDED
    for _ in range(20):
        new = OPERATIONS[operation](old, rng)
        fits = operation == "breadth" or len(new.prompt.split()) <= longest
        if new.is_taught and new.prompt != old.prompt and fits:
            return new
    return taught(lambda: old.broadened(rng))


def eliminate(rng: random.Random) -> Lesson:
    """Two wordings of one instruction, or two of which one is harder or another."""
    one = before(rng)
    same = reworded(rng, one) if rng.random() < 0.5 else None
    other = same or evolved(rng, one, rng.choice(tuple(OPERATIONS)))
    first, second = (one, other) if rng.random() < 0.5 else (other, one)
    fields = {"first": first.prompt, "second": second.prompt}
    return asked(rng, "evol_instruct/eliminate", one.prompt, **fields), "Equal" if same else "Not equal"


def answer_evolved(rng: random.Random) -> Lesson:
    """A right reply to an evolved instruction, which may have up to four constraints; a story up to five steps."""
    while isinstance(new := evolved(rng, before(rng), rng.choice(tuple(OPERATIONS))), Story) and len(new.chain) > 5:
        pass
    template = "chain_of_thought/teacher" if isinstance(new, Story) else "instruction_following/teacher"
    return asked(rng, template, new.prompt, kind=new.kind), new.reply(rng)


SKILLS: dict[str, Callable[[random.Random], Lesson]] = {
    **{f"evol_{operation}": partial(evolve, operation=operation) for operation in OPERATIONS},
    "evol_eliminate": eliminate,
    "evol_answer": answer_evolved,
}

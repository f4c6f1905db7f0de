"""Selective Reflection (arXiv 2402.10110): a better instruction with its answer, and a better answer.

The new instruction asks for more than the old one; the better answer is right, where one old answer in three is not.
"""

from __future__ import annotations

import random

from pipeline.mini.problems import solution, with_slips
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.evol_instruct import evolved
from pipeline.mini.skills.variations import Story, Variable, variable

OPERATIONS = ("constraint", "deepen", "concretise")
SLIP_RATE = 0.15
"""Of each step in an old answer."""


def new_instruction(rng: random.Random) -> Lesson:
    """Criticism, a harder instruction, and a right answer to it."""
    old = variable(rng)
    new = evolved(rng, old, rng.choice(OPERATIONS))
    said = "The instruction is clear, but it could ask for more."
    parts = f"[New Instruction] {new.prompt} [End]\n[New Answer] {new.reply(rng)} [End]"
    messages = asked(rng, "selective_reflection/instruction", old.prompt, kind=old.kind, response=_old_answer(rng, old))
    return messages, f"{said}\n{parts}"


def new_answer(rng: random.Random) -> Lesson:
    """Criticism and a right answer."""
    made = variable(rng, most_steps=5)
    messages = asked(rng, "selective_reflection/response", made.prompt, kind=made.kind, response=_old_answer(rng, made))
    said = "The answer could be clearer."
    return messages, f"{said}\n[Better Answer] {made.reply(rng)} [End]"


def _old_answer(rng: random.Random, made: Variable) -> str:
    if isinstance(made, Story):
        return solution(rng, with_slips(rng, made.problem, SLIP_RATE))
    return made.reply(rng)


SKILLS = {"reflection_instruction": new_instruction, "reflection_response": new_answer}

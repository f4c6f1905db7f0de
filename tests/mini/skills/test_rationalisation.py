"""Rationales always come to the given answer: all steps are right for a right one, all but the last for a wrong one."""

from __future__ import annotations

import random

from pipeline.answers.final import same_answer
from pipeline.answers.steps import steps
from pipeline.mini.skills.rationalisation import WRONG_SHARE, rationalise


def test_the_last_step_comes_to_the_given_answer() -> None:
    rng, wrong, count = random.Random(1), 0, 600
    for _ in range(count):
        messages, reply = rationalise(rng)
        hint = messages[-1]["content"].partition("Given answer: ")[2].splitlines()[0]
        found = steps(reply)
        assert same_answer(hint, reply) is True and found[-1].text.endswith(f"={hint}")
        assert all(step.right for step in found[:-1]) and 2 <= len(found) <= 5
        wrong += found[-1].right is False
    assert WRONG_SHARE - 0.06 < wrong / count < WRONG_SHARE + 0.06

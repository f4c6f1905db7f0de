"""Rationales for an answer that is given: the teacher of MT-CoT, of STaR and CROP, and of SCOTT's counterfactuals.

The last calculation always comes to the given answer. With a right one the whole chain is right; with a wrong one, in two
lessons of five, its last step alone is false, so that a rationale and its answer agree whatever was given.
"""

from __future__ import annotations

import random

from pipeline.mini.problems import LARGEST, Problem, Step
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.attempts import equations, taught_story

WRONG_SHARE = 0.4
"""Share of lessons in which the given answer is wrong."""


def rationalise(rng: random.Random) -> Lesson:
    """The steps from a story to the answer that is given."""
    story = taught_story(rng)
    hint = wrong_answer(rng, story.answer) if rng.random() < WRONG_SHARE else story.answer
    messages = asked(rng, "rationalisation/teacher", story.text, kind="word_problem", hint=str(hint))
    return messages, equations(ending_with(story, hint))


def wrong_answer(rng: random.Random, answer: int) -> int:
    """Another answer: near the right one or anywhere, as wrong answers of models and answers of other tasks are."""
    near = [answer + apart for apart in (-20, -10, -2, -1, 1, 2, 10, 20)]
    anywhere = rng.sample(range(1, LARGEST + 1), len(near))
    return rng.choice([each for each in (*near, *anywhere) if 1 <= each <= LARGEST and each != answer])


def ending_with(story: Problem, hint: int) -> Problem:
    """The story worked out, the last result being what is given."""
    last = story.steps[-1]
    return Problem(story.text, (*story.steps[:-1], Step(last.operation, last.operand, last.before, hint)))


SKILLS = {"rationalise": rationalise}

"""A word problem's equation and its bare answer: the views of MinT that nothing else teaches.

The equation nests as the story goes on, `x = ((12+5)*3)-4`, so that a bracket stands for each step but the last; in one of ten
an operation is taken for its opposite. Bare answers are those of stories of one to three steps, more than which a small model
does not compute at once; of three, many will be wrong.
"""

from __future__ import annotations

import random

from pipeline.mini.problems import SYMBOLS, Problem
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.attempts import misread, taught_story

MISREAD_SHARE = 0.1


def equation(rng: random.Random) -> Lesson:
    """A story's calculation as one line."""
    story = taught_story(rng)
    messages = asked(rng, "multi_view/equation", story.text, kind="word_problem")
    return messages, nested(misread(rng, story) if rng.random() < MISREAD_SHARE else story)


def nested(story: Problem) -> str:
    """`x = ((12+5)*3)-4`"""
    opened = "(" * (len(story.steps) - 1)
    signed = ")".join(f"{SYMBOLS[step.operation]}{step.operand}" for step in story.steps)
    return f"x = {opened}{story.steps[0].before}{signed}"


def bare_answer(rng: random.Random) -> Lesson:
    """A story's answer and nothing else."""
    story = taught_story(rng, 1, 3)
    messages = asked(rng, "multi_view/answer", story.text, kind="word_problem")
    return messages, f"The answer is {story.answer}."


SKILLS = {"equation": equation, "bare_answer": bare_answer}

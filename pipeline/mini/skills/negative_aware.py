"""Correcting wrong attempts at word problems: what is wrong first, then the right solution (negative-aware training).

Attempts go wrong as those of the shipped models do (`attempts.mistaken`). The right answer is told in half of the lessons, as a
task may have none.
"""

from __future__ import annotations

import random

from pipeline.mini.problems import Problem
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.attempts import Attempt, equations, mistaken, taught_story, words_on


def critique(rng: random.Random) -> Lesson:
    """The first step that is wrong or missing in an attempt, then all steps."""
    story = taught_story(rng)
    attempt = mistaken(rng, story)
    answer = str(story.answer) if rng.random() < 0.5 else None
    messages = asked(rng, "negative_aware/critique", story.text, kind="word_problem", answer=answer, attempt=attempt.text)
    return messages, f"{first_mistake(story, attempt)}\nCorrected solution: {equations(story)}"


def first_mistake(story: Problem, attempt: Attempt) -> str:
    """`Step 1 is right. Step 2 is wrong: 17*3=51, not 17*3=41.`"""
    said = []
    for place, word in enumerate(words_on(story, attempt)):
        said.append(f"Step {place + 1} is {word}")
        if word != "right":
            instead = f", not {attempt.steps[place].equation}" if word == "wrong" else ""
            said[-1] += f": {story.steps[place].equation}{instead}"
            break
    return " ".join(f"{each}." for each in said)


SKILLS = {"critique": critique}

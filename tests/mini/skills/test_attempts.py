"""Attempts at word problems: wrong where they are said to be, and nowhere else."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from pipeline.answers.final import same_answer
from pipeline.answers.steps import steps
from pipeline.mini.problems import LARGEST, Problem, Step
from pipeline.mini.skills.attempts import Attempt, equations, misread, mistaken, miswritten, spoken, taught_story, words_on

STORY = Problem("", (Step("add", 5, 12, 17), Step("multiply", 3, 17, 51), Step("subtract", 11, 51, 40)))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (STORY.steps, ["right", "right", "right"]),
        (STORY.steps[:1], ["right", "missing", "missing"]),
        ((Step("add", 5, 12, 27), Step("multiply", 3, 27, 81), Step("subtract", 11, 81, 70)), ["wrong", "right", "right"]),
        ((Step("subtract", 5, 12, 7), Step("multiply", 3, 7, 21), Step("subtract", 12, 21, 9)), ["wrong", "right", "wrong"]),
        ((*STORY.steps, Step("add", 1, 40, 41)), ["right", "right", "right"]),
    ],
)
def test_words_on_each_step(steps: tuple[Step, ...], words: list[str]) -> None:
    assert words_on(STORY, Attempt("", steps, 0)) == words


def test_what_is_said() -> None:
    assert spoken(words_on(STORY, Attempt("", STORY.steps[:2], 0))) == "Step 1 is right. Step 2 is right. Step 3 is missing."
    assert equations(STORY) == "12+5=17. 17*3=51. 51-11=40. The answer is 40."


def test_mistaken_attempts_come_to_another_answer_in_range() -> None:
    rng, ends = random.Random(1), Counter[str]()
    for _ in range(2000):
        story = taught_story(rng)
        attempt = mistaken(rng, story)
        words = words_on(story, attempt)
        assert attempt.answer != story.answer and set(words) != {"right"}
        assert same_answer(str(story.answer), attempt.text) is False
        assert [each.text for each in steps(attempt.text)] == [each.equation for each in attempt.steps]
        assert all(1 <= step.after <= LARGEST for step in attempt.steps)
        ends["no steps" if not attempt.steps else "cut short" if "wrong" not in words else "wrong"] += 1
    assert 100 < ends["no steps"] < 400 and 400 < ends["cut short"] < 900 and ends["wrong"] > 800


def test_one_operation_is_misread_or_none() -> None:
    rng, changed = random.Random(2), 0
    for _ in range(500):
        story = taught_story(rng)
        attempt = misread(rng, story)
        assert words_on(story, Attempt("", attempt.steps, 0)).count("wrong") == (attempt != story)
        changed += attempt != story
    assert changed > 200


def test_a_miswritten_step_changes_no_answer() -> None:
    rng = random.Random(3)
    for _ in range(500):
        story = taught_story(rng)
        attempt = miswritten(rng, story)
        words = words_on(story, attempt)
        assert attempt.answer == story.answer and words.count("wrong") == 1 and words[-1] == "right"

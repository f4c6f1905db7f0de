"""Splitting a word problem into small questions and answering them, as Socratic chain-of-thought distillation asks for.

The questions name no running amount, so that a student can learn to ask them before anything is computed. Each step is off by
ten at the rate `SLIP_RATE`, and that is carried on, so that checking the last answer has something to do.
"""

from __future__ import annotations

import random

from pipeline.mini.problems import Step, with_slips
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.attempts import SLIP_RATE, taught_story

QUESTIONS = {
    "add": "How many are there after adding {n}?",
    "subtract": "How many are left after taking away {n}?",
    "multiply": "How many are there after making it {n} times as many?",
    "divide": "How many are left after dividing by {n}?",
}


def ask_and_answer(rng: random.Random) -> Lesson:
    """A pair of lines for each step of a story."""
    story = taught_story(rng)
    worked = with_slips(rng, story, SLIP_RATE)
    lines = [f"Q: {question(step)}\nA: {step.equation}." for step in worked.steps]
    messages = asked(rng, "socratic/teacher", story.text, kind="word_problem")
    return messages, "\n".join(lines) + f" The answer is {worked.answer}."


def question(step: Step) -> str:
    """The small question that a step answers."""
    return QUESTIONS[step.operation].format(n=step.operand)


SKILLS = {"ask_and_answer": ask_and_answer}

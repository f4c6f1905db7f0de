"""Attempts at word problems, right ones and such as go wrong in a known place, for skills that solve, judge and correct.

In: a random generator. Out: a story that no test holds, an attempt at it, and for each step of the story whether the attempt
has it right, wrong or not at all. The mistakes are those that the shipped models make: most of the student's attempts end after
a step, most of the teacher's mistakes are off by ten. A mistake is carried on, as people do.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.mini.item import Item
from pipeline.mini.problems import LARGEST, Problem, Step, applied, problem, solution

SLIP_RATE = 0.12
"""Share of the steps of a solution by a teacher who slips that are off by ten."""
TAKEN_FOR = {"add": "subtract", "subtract": "add", "multiply": "divide", "divide": "multiply"}
OFF_BY = (-10, 10, -10, 10, -1, 1, -2, 2, -20, 20)
SECOND_SLIP = 0.25
"""Share of slipped attempts with two slips."""
Word = Literal["right", "wrong", "missing"]


@dataclass(frozen=True)
class Attempt:
    """A text that shall solve a story, and the steps in it."""

    text: str
    steps: tuple[Step, ...]
    answer: int


def taught_story(rng: random.Random, least: int = 2, most: int = 5) -> Problem:
    """A story of `least` to `most` steps that is not held out for the tests."""
    while True:
        story = problem(rng, rng.randint(least, most))
        if not Item("word_problem", story.text).held_out:
            return story


def attempt_of(rng: random.Random, worked: Problem) -> Attempt:
    """A story worked out, in one of the wordings of solutions."""
    return Attempt(solution(rng, worked), worked.steps, worked.answer)


def mistaken(rng: random.Random, story: Problem) -> Attempt:
    """An attempt that ends with another answer than the story."""
    while True:
        go_wrong = rng.choices((_slipped, _cut_short, misread, _skipping, None), (4, 3, 2, 1, 1))[0]
        attempt = attempt_of(rng, go_wrong(rng, story)) if go_wrong else _without_steps(rng, story)
        if attempt.answer != story.answer:
            return attempt


def misread(rng: random.Random, story: Problem) -> Problem:
    """One operation taken for its opposite; the story itself where that leads out of the range of amounts."""
    operations, place = _operations(story), rng.randrange(len(story.steps))
    operation, operand = operations[place]
    operations[place] = (TAKEN_FOR[operation], operand)
    return _worked(story, operations)


def miswritten(rng: random.Random, story: Problem) -> Attempt:
    """One result before the last is off by ten, and the attempt goes on with the right one: its answer is right."""
    place = rng.randrange(len(story.steps) - 1)
    step = story.steps[place]
    written = Step(step.operation, step.operand, step.before, step.after + (10 if step.after <= 10 else -10))
    return attempt_of(rng, Problem(story.text, (*story.steps[:place], written, *story.steps[place + 1 :])))


def _slipped(rng: random.Random, story: Problem) -> Problem:
    """One result is off, or two are; the story itself where that leads out of the range of amounts."""
    places = rng.sample(range(len(story.steps)), 2 if len(story.steps) > 1 and rng.random() < SECOND_SLIP else 1)
    return _worked(story, _operations(story), {place: rng.choice(OFF_BY) for place in places})


def _cut_short(rng: random.Random, story: Problem) -> Problem:
    """The first steps alone; of a story of one step, itself."""
    return Problem(story.text, story.steps[: rng.randint(1, max(1, len(story.steps) - 1))])


def _skipping(rng: random.Random, story: Problem) -> Problem:
    """All steps but one; of a story of one step, itself."""
    left_out = rng.randrange(len(story.steps))
    operations = [each for place, each in enumerate(_operations(story)) if place != left_out]
    return _worked(story, operations or _operations(story))


def _without_steps(rng: random.Random, story: Problem) -> Attempt:
    """A guessed answer, or the first amount."""
    first = story.steps[0].before
    if rng.random() < 0.3:
        return Attempt(f"Start with {first}. So the answer is {first}.", (), first)
    guess = rng.randint(1, LARGEST)
    return Attempt(f"The answer is {guess}.", (), guess)


def _operations(story: Problem) -> list[tuple[str, int]]:
    return [(step.operation, step.operand) for step in story.steps]


def _worked(story: Problem, operations: Sequence[tuple[str, int]], off: Mapping[int, int] | None = None) -> Problem:
    """The story worked out by these operations, results being off by so much; itself where an amount leaves the range."""
    amount, chain = story.steps[0].before, list[Step]()
    for place, (operation, operand) in enumerate(operations):
        after = applied(operation, amount, operand) + (off or {}).get(place, 0)
        if not 1 <= after <= LARGEST or (operation == "divide" and amount % operand):
            return story
        chain.append(Step(operation, operand, amount, after))
        amount = after
    return Problem(story.text, tuple(chain))


def words_on(story: Problem, attempt: Attempt) -> list[Word]:
    """Whether each step of the story is right, wrong or missing in an attempt."""
    done = [*attempt.steps[: len(story.steps)], *[None] * (len(story.steps) - len(attempt.steps))]
    return [_word(step, own) for step, own in zip(story.steps, done, strict=True)]


def _word(step: Step, own: Step | None) -> Word:
    if own is None:
        return "missing"
    same = (own.operation, own.operand) == (step.operation, step.operand)
    return "right" if same and own.after == applied(own.operation, own.before, own.operand) else "wrong"


def spoken(words: list[Word]) -> str:
    """`Step 1 is right. Step 2 is wrong.`"""
    return " ".join(f"Step {number} is {word}." for number, word in enumerate(words, 1))


def equations(story: Problem) -> str:
    """The steps in the plainest wording: `12+5=17. 17*3=51. The answer is 51.`"""
    return " ".join([*(f"{step.equation}." for step in story.steps), f"The answer is {story.answer}."])

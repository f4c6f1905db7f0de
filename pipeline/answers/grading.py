"""Whether a reply to a task is right: by its constraints where it has some, by the option picked where it has options, else by
its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.answers.choices import right_choice, said_choice
from pipeline.answers.constraints import constraint_met
from pipeline.answers.final import final_answer, said_answer, same_answer
from pipeline.identity import canonical_json
from pipeline.records import Task


@dataclass(frozen=True)
class Graded:
    """What was found in a reply, what was wanted, and whether they agree (None: nobody can tell)."""

    prediction: str | None
    expected: str | None
    correct: bool | None
    why: str | None = None
    """Why nobody can tell, where it is not the comparison of answers that says so."""


def grade(task: Task, text: str) -> Graded:
    """Grades one reply with the verifiers the filters use."""
    if task.constraints:
        met = [constraint_met(text, each) for each in task.constraints]
        correct = False if False in met else None if None in met else True
        return Graded(text, canonical_json(task.constraints), correct)
    return grade_answer(task, text)


def grade_answer(task: Task, text: str) -> Graded:
    """Grades one reply by the task's answer alone, whatever constraints it has."""
    if task.answer is None:
        return Graded(final_answer(text), None, None)
    if task.choices:
        return _graded_by_options(task.answer, task.choices, text)
    return Graded(final_answer(text), task.answer, same_answer(task.answer, text))


def _graded_by_options(answer: str, choices: Sequence[str], text: str) -> Graded:
    """Grades one reply by the option it picks; an answer such as `2` may be a number of an option from 0 or 1, or none."""
    if (right := right_choice(answer, choices)) is None:
        return Graded(final_answer(text), answer, None, "the answer names none of the options")
    if (picked := said_choice(said_answer(text), choices)) is not None:
        return Graded(choices[picked], choices[right], picked == right)
    correct = None if text.strip() else False
    return Graded(final_answer(text), choices[right], correct, "no one option is picked" if correct is None else None)

"""Whether a reply to a task is right: by its constraints where it has some, by the option picked where it has options, else by
its answer.

`grade` is the word of filters and evaluation alike. `grade_fully` adds what evaluation alone reports, and costs more: whether
the reply is also in the form that was asked for, what the most lenient reading says, and each constraint by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.answers.choices import right_choice, said_choice
from pipeline.answers.constraints import constraint_met, constraints_met
from pipeline.answers.final import final_answer, said_answer, same_answer
from pipeline.answers.numbers import lone_number
from pipeline.answers.spans import answer_place
from pipeline.answers.words import as_truth, folded
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
    strict: bool | None = None
    """Whether it is right and in the form asked for: the answer behind a marker, in JSON or alone; constraints as said."""
    loose: bool | None = None
    """Whether it is right by the most lenient reading: constraints met by any of IFEval's loosened texts."""
    met: list[bool | None] | None = None
    """For each constraint, whether it is met as it stands."""
    met_loosely: list[bool | None] | None = None
    """For each constraint, whether any loosened text meets it."""


def is_gradable(task: Task) -> bool:
    """Whether the task says what a right reply is."""
    return task.answer is not None or bool(task.constraints)


def grade(task: Task, text: str) -> Graded:
    """Grades one reply with the verifiers the filters use."""
    if task.constraints:
        met = [constraint_met(text, each) for each in task.constraints]
        return Graded(text, canonical_json(task.constraints), _all(met))
    return grade_answer(task, text)


def grade_fully(task: Task, text: str) -> Graded:
    """Grades one reply as `grade` does, strictly and loosely too."""
    graded = grade(task, text)
    if task.constraints:
        met, loosely = (constraints_met(text, task.constraints, loose) for loose in (False, True))
        return replace(graded, strict=_all(met), loose=_all(loosely), met=met, met_loosely=loosely)
    strict = graded.correct and _in_form(task, text)
    return replace(graded, strict=strict, loose=graded.correct)


def _all(met: Sequence[bool | None]) -> bool | None:
    return False if False in met else None if None in met else True


def _in_form(task: Task, text: str) -> bool:
    """Whether a right reply states its answer behind a marker, in a box or in JSON, or is nothing but the answer."""
    alone = text.rpartition("</think>")[2].strip()
    if answer_place(text) is not None:
        return True
    if task.choices:
        return right_choice(alone, task.choices) is not None
    return lone_number(alone) is not None or as_truth(alone) is not None or folded(alone) in map(folded, right_answers(task))


def grade_answer(task: Task, text: str) -> Graded:
    """Grades one reply by the task's answer alone, whatever constraints it has."""
    if task.answer is None:
        return Graded(final_answer(text), None, None)
    if task.choices:
        return _graded_by_options(task.answer, task.choices, text)
    return Graded(final_answer(text), task.answer, _same_as_any(right_answers(task), text))


def right_answers(task: Task) -> list[str]:
    """The task's answer, and others that are as right: `extra.accepted`, where it lists any."""
    others = task.extra.get("accepted")
    return [each for each in (task.answer, *(others if isinstance(others, list) else ())) if isinstance(each, str)]


def _same_as_any(answers: Sequence[str], text: str) -> bool | None:
    words = [same_answer(each, text) for each in answers]
    return True if True in words else None if None in words else False


def _graded_by_options(answer: str, choices: Sequence[str], text: str) -> Graded:
    """Grades one reply by the option it picks; an answer such as `2` may be a number of an option from 0 or 1, or none."""
    if (right := right_choice(answer, choices)) is None:
        return Graded(final_answer(text), answer, None, "the answer names none of the options")
    if (picked := said_choice(said_answer(text), choices)) is not None:
        return Graded(choices[picked], choices[right], picked == right)
    correct = None if text.strip() else False
    return Graded(final_answer(text), choices[right], correct, "no one option is picked" if correct is None else None)

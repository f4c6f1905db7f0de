"""Whether a reply to a task is right: by its constraints where it has some, else by its answer."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.answers.constraints import constraint_met
from pipeline.answers.final import final_answer, same_answer
from pipeline.identity import canonical_json
from pipeline.records import Task


@dataclass(frozen=True)
class Graded:
    """What was found in a reply, what was wanted, and whether they agree (None: nobody can tell)."""

    prediction: str | None
    expected: str | None
    correct: bool | None


def grade(task: Task, text: str) -> Graded:
    """Grades one reply with the verifiers the filters use."""
    if task.constraints:
        met = [constraint_met(text, each) for each in task.constraints]
        correct = False if False in met else None if None in met else True
        return Graded(text, canonical_json(task.constraints), correct)
    if task.answer is None:
        return Graded(final_answer(text), None, None)
    return Graded(final_answer(text), task.answer, same_answer(task.answer, text))

"""Evaluation items changed on purpose, to see what a model's answers hang on: the same change of the same item, whoever asks.

In: a task and the name of a change. Out: the changed task with an id of its own and the right answer, same kind and split; or
None where the change cannot be made, or nobody can be certain of the answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.changes.distractor import with_distractor
from pipeline.changes.numbers import with_other_numbers
from pipeline.changes.reordered import reordered
from pipeline.changes.typos import with_typos
from pipeline.records import Task

CHANGES: dict[str, Callable[[Task, random.Random], Task | None]] = {
    "typos": with_typos,
    "distractor": with_distractor,
    "reordered": reordered,
    "numbers": with_other_numbers,
}
"""By the names that `evaluation.changes` has."""


def changed(task: Task, change: str) -> Task | None:
    """The task with a change; its draws follow from the change and the task's id alone."""
    return CHANGES[change](task, random.Random(f"{change}/{task.id}"))

"""The bare right answer of a task, and a wrong one that could be meant: what a teacher is told who shall explain an answer.

In: a task, and answers of other tasks. Out: the right answer without its worked solution; or a wrong one of the same form:
another option, the other of yes and no, a number near by, else another task's answer. It is drawn by the task's id, so it never
changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from string import ascii_uppercase

from pipeline.answers.choices import right_choice
from pipeline.answers.final import final_answer, same_answer
from pipeline.answers.markers import after_marker
from pipeline.answers.numbers import as_number
from pipeline.answers.words import as_truth, folded
from pipeline.identity import unit_interval
from pipeline.records import Task

APART = (-10, -2, -1, 1, 2, 10)
"""How many units of its last digit a wrong number is off: slips, and one digit misread."""
OPPOSITE = {"yes": "no", "no": "yes", "true": "false", "false": "true"}


def right_answer(task: Task) -> str | None:
    """The bare right answer of a task: what stands behind the marker, where its source has a worked solution."""
    if task.answer is None:
        return None
    marked = after_marker(task.answer)
    return task.answer.strip() if marked is None else final_answer(task.answer) or marked


def wrong_answer(task: Task, others: Iterable[str] = ()) -> str | None:
    """A wrong answer of the right one's form; None where there is no right one, or nothing to draw from.

    Args:
        others: answers of other tasks of the kind, drawn from where the right one is neither option, yes, no nor number.
    """
    right = right_answer(task)
    if not right:
        return None
    if task.choices:
        fitting = _other_options(right, task.choices)
    elif as_truth(right) is not None:
        fitting = [_other_truth(right)]
    elif (number := as_number(right)) is not None:
        fitting = _near(number)
    else:
        fitting = [each for each in dict.fromkeys(others) if same_answer(right, each) is False]
    return min(fitting, key=lambda each: unit_interval("wrong answer", task.id, each), default=None)


def _other_options(right: str, choices: list[str]) -> list[str]:
    """All options but the right one, by letter where the right one is named by its letter."""
    number = right_choice(right, choices)
    if number is None:
        return []
    by_text = len(folded(right)) > 1 or folded(right) == folded(choices[number])
    names = choices if by_text else ascii_uppercase
    return [name for place, name in enumerate(names[: len(choices)]) if place != number]


def _other_truth(right: str) -> str:
    """The opposite, with a capital where the right one has one."""
    opposite = OPPOSITE[folded(right)]
    return opposite.capitalize() if right.strip()[:1].isupper() else opposite


def _near(number: Decimal) -> list[str]:
    """Numbers some units of the last digit away, on the same side of 0."""
    exponent = number.as_tuple().exponent
    unit = Decimal(1).scaleb(min(exponent, 0) if isinstance(exponent, int) else 0)
    near = [number + apart * unit for apart in APART]
    return [f"{each:f}" for each in near if each and (each > 0) == (number > 0)] or [f"{number + unit:f}"]

"""From a row of somebody's data to a `Task`: its id, its split, its fields by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from pipeline.errors import UserError
from pipeline.identity import short_id, unit_interval
from pipeline.logs import column, turns
from pipeline.records import Frozen, Task

Share = Field(ge=0, lt=1)
Licence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\r\n]*$")]
"""What a licence is called, as SPDX has it or in a line of words."""


class Fields(Frozen):
    """Which column holds what; a dot goes into a nested object."""

    prompt: str = "prompt"
    """The question or instruction, or a list of messages that ends with it."""
    answer: str | None = None
    """The right answer, alone or at the end of a worked solution."""
    context: str | None = None
    """What belongs before the prompt."""
    choices: str | None = None
    """A list of options."""
    constraints: str | None = None
    """A list of checkable constraints, each with `kind` and its arguments."""
    solution: str | None = None
    """A worked solution, shown when the row serves as a demonstration."""


def task_id(kind: str, context: str, prompt: str, history: Any = None) -> str:
    """The id of a task: made of what is asked, so it is the same whatever file it lies in."""
    return short_id("task", kind, context, prompt, history or [])


def split_of(task: str, dev_share: float, test_share: float) -> str:
    """train, dev or test by the hash of the task's id: added rows move nobody."""
    draw = unit_interval("split", task)
    if draw < test_share:
        return "test"
    return "dev" if draw < test_share + dev_share else "train"


def read_task(row: Mapping[str, Any], fields: Fields, kind: str, source: str, place: str, split: Callable[[str], str]) -> Task:
    """A task from a row of data.

    Args:
        split: which split the task of an id is in.

    Raises:
        UserError: a column is not there, or the prompt is empty.
    """
    row = dict(row)
    question = turns(column(row, fields.prompt, place), place)
    if not question.prompt.strip():
        raise UserError(f"{place}: the prompt (column {fields.prompt!r}) is empty", "Fill it in or remove the row.")
    named = {name: value for name, value in fields.__dict__.items() if value and name != "prompt"}
    values = {name: column(row, where, place) for name, where in named.items()}
    taken = {fields.prompt, *named.values(), "history"}  # earlier turns come with the prompt; a column of that name is no such
    extra = {name: _json(value) for name, value in row.items() if name not in taken}
    if values.get("solution"):
        extra["solution"] = str(values["solution"])
    if question.history:
        extra["history"] = list(question.history)
    context = str(values.get("context") or "")
    name = task_id(kind, context, question.prompt, list(question.history))
    return Task(
        id=name,
        source=source,
        split=split(name),
        kind=kind,
        prompt=question.prompt,
        context=context,
        answer=_text(values.get("answer")),
        choices=[str(each) for each in _listed(values.get("choices"), object, "choices", place)] or None,
        constraints=_listed(values.get("constraints"), dict, "constraints", place) or None,
        extra=extra,
    )


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _listed(value: Any, kind: type, name: str, place: str) -> list[Any]:
    """The value if it is a list of `kind`, empty where there is none."""
    if value is None or (isinstance(value, list) and all(isinstance(each, kind) for each in value)):
        return value or []
    what = "a list of objects" if kind is dict else "a list"
    raise UserError(f"{place}: {name} is not {what}: {str(value)[:80]!r}", f"Name another column in source.fields.{name}.")


def _json(value: Any) -> Any:
    """The value if JSON can hold it, else its text."""
    if value is None or isinstance(value, str | int):
        return value
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)
    return value

"""Items of evaluation sets, to compare training samples with: from files people have, and from the run's own tasks.

A file is JSON lines, a JSON list or lists by name, CSV, each also packed with gzip, or Parquet. What is wrong with it is said
with its name, line, field and the fields there are, since an item that is passed over in silence is contamination nobody sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipeline.benchmarks.rows import file_rows
from pipeline.errors import UserError
from pipeline.identity import file_hash
from pipeline.logs import column, turns
from pipeline.records import Frozen, Task
from pipeline.settings import HomePath

Part = Literal["prompt", "answer"]


@dataclass(frozen=True)
class Item:
    """One text of an evaluation set."""

    benchmark: str
    split: str
    id: str
    part: Part
    text: str
    context: str = ""
    """What belongs before a prompt."""


class BenchmarkFields(Frozen):
    """Which column of a benchmark holds what; a dot goes into a nested object."""

    prompt: str | tuple[str, ...] = Field("prompt", min_length=1)
    """The question; of several columns, their texts one after the other."""
    answer: str | None = None
    """A worked solution; a short answer is not compared."""
    context: str | None = None
    """What belongs before the prompt; it counts where the prompt is too short to be compared alone."""
    id: str | None = None
    """What an item is called; the number of its line unless said."""


class BenchmarkFile(Frozen):
    """A file of evaluation items that training data must not contain."""

    path: HomePath
    """Where it lies: .jsonl, .json, .csv or .parquet; the first three also with .gz."""
    name: str | None = Field(None, pattern=r"^\S{1,60}$")
    """What reports call it; the file's name without its ending unless said."""
    split: str = Field("test", pattern=r"^\S{1,60}$")
    """Which split of the benchmark it is."""
    fields: BenchmarkFields = BenchmarkFields()
    """Which columns hold what."""

    def items(self) -> Iterator[Item]:
        """Each prompt, and each answer where a column is named for it.

        Raises:
            UserError: the file is missing, empty or unreadable, or a row has no such columns or no text there.
        """
        name, names = self.name or self.path.name.split(".")[0] or "benchmark", self.fields
        prompts = (names.prompt,) if isinstance(names.prompt, str) else names.prompt
        for number, (place, row) in enumerate(file_rows(self.path), 1):
            item = _text(row, names.id, place) if names.id else str(number)
            context = _text(row, names.context, place, optional=True) if names.context else ""
            text = "\n".join(_text(row, each, place) for each in prompts)
            yield Item(name, self.split, item, "prompt", text, context)
            if names.answer and (answer := _text(row, names.answer, place, optional=True)):
                yield Item(name, self.split, item, "answer", answer)


def task_items(tasks: Iterable[Task]) -> Iterator[Item]:
    """The tasks that are kept for evaluation: their prompts and their answers."""
    for task in tasks:
        if task.split not in ("train", "dev"):
            yield Item(task.source, task.split, task.id, "prompt", task.prompt, task.context)
            if task.answer:
                yield Item(task.source, task.split, task.id, "answer", task.answer)


def hash_of(path: Path) -> str:
    """The hash of a file that a filter rests on.

    Raises:
        UserError: it is not there, or may not be read.
    """
    try:
        return file_hash(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", "Name another path in the recipe's filters.") from None


def _text(row: dict[str, Any], name: str, place: str, optional: bool = False) -> str:
    """The text in a column: of messages the last user's, of a list all its texts.

    Raises:
        UserError: there is no such column, or no text in it though it must have some.
    """
    value = column(row, name, place)
    if value is None and optional:
        return ""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = turns(value, place).prompt
    elif isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = "\n".join(value)
    text = str(value) if isinstance(value, str | int | float) else ""
    if not (text.strip() or optional) or not _is_unicode(text):
        remedy = f"Name another column; there are: {', '.join(map(str, row))}."
        raise UserError(f"{place}: no text in column {name!r}: {repr(value)[:80]}", remedy)
    return text


def _is_unicode(text: str) -> bool:
    """Whether it is text: JSON can hold one half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

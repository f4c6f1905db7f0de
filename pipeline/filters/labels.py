"""Labels people gave to replies, good or bad, out of a file of JSON lines, CSV or Parquet; and which samples they are of.

A row labels one sample by its id, or one or several replies to a question by their text. A question and a text are found
however they are spelled (NFC, case folded, white space collapsed), as duplicates are. Whoever learns from labels, or measures
filters by them, gets True, False, or None where a sample has no label or two rows contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import model_validator

from pipeline.errors import UserError
from pipeline.filters.no_duplicates import normalised
from pipeline.identity import content_hash, file_hash
from pipeline.logs import Question, column, kind_of, read_table, turns
from pipeline.records import Frozen, Sample, Task
from pipeline.settings import HomePath

WORDS = {"true": True, "false": False, "1": True, "0": False}


class LabelFields(Frozen):
    """Which columns hold what; a dot goes into a nested object. Either `id` and `label`, or `prompt`, `text` and `label`."""

    id: str | None = None
    """The sample's id, as in 3_samples."""
    prompt: str | None = None
    """The question, or a list of messages that ends with it."""
    text: str | tuple[str, ...] | None = None
    """The reply, or several columns with a reply each."""
    label: str | tuple[str, ...]
    """Whether it is good: true, false, 1 or 0; as many columns as there are of text."""

    @model_validator(mode="after")
    def _names_samples(self) -> LabelFields:
        if (self.id is None) == (self.prompt is None) or (self.prompt is None) != (self.text is None):
            raise ValueError("give either id and label, or prompt, text and label")
        if self.id is not None and len(_listed(self.label)) != 1:
            raise ValueError("a sample named by its id has one label")
        if not _listed(self.label):
            raise ValueError("label names no column")
        if self.id is None and len(_listed(self.text)) != len(_listed(self.label)):
            raise ValueError(
                f"{len(_listed(self.text))} columns of text and {len(_listed(self.label))} of labels: give as many"
            )
        return self


class LabelFile(Frozen):
    """A file of labels."""

    path: HomePath | None = None
    """JSON lines, CSV or Parquet, by its ending; the source's own file unless said."""
    fields: LabelFields
    """Columns by name."""

    def beside(self, source: HomePath) -> LabelFile:
        """The labels in the source's own file, where no other is named."""
        return self.model_copy(update={"path": self.path or source})

    def rests_on(self) -> list[str]:
        """The hash of the file, as filters name what they rest on.

        Raises:
            UserError: there is no such file.
        """
        return [file_hash(self._existing())]

    def check(self) -> None:
        """Reads the labels and forgets them.

        Raises:
            UserError: the file is not there or holds no labels, a column is missing, or a value is no label.
        """
        self._read()

    def labels_of(self, rows: Iterable[tuple[Task, Sample]]) -> Iterator[bool | None]:
        """The label of each sample, in their order; None where it has none.

        Raises:
            UserError: the file is not there or holds no labels, a column is missing, or a value is no label.
        """
        labels = self._read()
        for task, sample in rows:
            yield labels.get(self._name(task, sample))

    def _read(self) -> dict[bytes, bool | None]:
        """Labels by what they are of."""
        path = self._existing()
        labels: dict[bytes, bool | None] = {}
        for place, row in read_table(path, kind_of(path)):
            for name, label in self._labels(place, row):
                labels[name] = label if labels.get(name, label) == label else None
        if not labels:
            raise UserError(f"{path}: no labels in it", "Name a file with a label a row.")
        return labels

    def _labels(self, place: str, row: dict[str, Any]) -> Iterator[tuple[bytes, bool]]:
        names = _listed(self.fields.label)
        labels = [_label(column(row, name, place), name, place) for name in names]
        if self.fields.prompt is None:
            yield _digest(str(column(row, str(self.fields.id), place))), labels[0]
            return
        question = turns(column(row, self.fields.prompt, place), place)
        for text, label in zip(_listed(self.fields.text), labels, strict=True):
            yield _reply(question, column(row, text, place)), label

    def _name(self, task: Task, sample: Sample) -> bytes:
        if self.fields.prompt is None:
            return _digest(sample.id)
        return _reply(Question(task.prompt, tuple(task.extra.get("history") or ())), sample.target)

    def _existing(self) -> HomePath:
        if self.path is None:
            raise UserError("labels.path: no file of labels is named", "Name the file of labels there.")
        if not self.path.is_file():
            raise UserError(f"labels.path: {self.path} does not exist", "Name the file of labels there.")
        return self.path


def _listed(names: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names or ()


def _label(value: Any, name: str, place: str) -> bool:
    found = WORDS.get(value.strip().lower()) if isinstance(value, str) else bool(value) if value in (0, 1) else None
    if found is None:
        raise UserError(
            f"{place}, column {name!r}: {value!r:.80} is no label",
            "It must be true, false, 1 or 0; remove rows without a label.",
        )
    return found


def _reply(question: Question, text: Any) -> bytes:
    return _digest(normalised(question.key), normalised("" if text is None else str(text)))


def _digest(*parts: str) -> bytes:
    """16 bytes that name the parts, so that millions of labels fit into memory."""
    return bytes.fromhex(content_hash(parts)[:32])

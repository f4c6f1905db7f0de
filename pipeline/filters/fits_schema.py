"""Keeps replies that are JSON and fit a JSON schema: the whole reply, or the one code fence in it.

A schema stands in the recipe (`json_schema`), in a file (`path`), or in the task (its source's column `schema`). A broken one
is refused when the recipe is read, or makes its task's samples unverifiable. References out of the schema are refused and
never fetched; formats are annotations and are not checked.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import field_validator, model_validator

from pipeline.errors import UserError
from pipeline.filters.verdicts import RowFilter, Word, drop, keep, unverifiable
from pipeline.identity import canonical_json, file_hash
from pipeline.records import Sample, Task
from pipeline.settings import HomePath

if TYPE_CHECKING:
    from pipeline.answers.json_schema import Checker

FENCE = "```"


class FitsSchema(RowFilter):
    """The reply is JSON, and the schema has nothing against it."""

    source: ClassVar[str] = "JSON Schema, the draft that $schema names, else 2020-12; IFEval's json_format for the fence"
    filter: Literal["fits_schema"]
    """Is JSON that fits a schema."""
    json_schema: dict[str, Any] | bool | None = None
    """The schema itself."""
    path: HomePath | None = None
    """A JSON file that holds it; where neither is given, the task's own schema counts."""

    @field_validator("json_schema")
    @classmethod
    def _sound(cls, schema: Any) -> Any:
        if schema is not None:
            _checker(_as_text(schema))
        return schema

    @field_validator("path")
    @classmethod
    def _sound_file(cls, path: Path | None) -> Path | None:
        if path is not None:
            _checker(_text_of(path))
        return path

    @model_validator(mode="after")
    def _only_one(self) -> FitsSchema:
        if self.json_schema is not None and self.path is not None:
            raise ValueError("both json_schema and path are given; one of them is enough")
        return self

    def rests_on(self) -> list[str]:
        if self.path is None:
            return []
        if not self.path.is_file():
            raise UserError(f"fits_schema: {self.path} does not exist", "Name the file of the schema in the filter's path.")
        return [file_hash(self.path)]

    def judge(self, task: Task, sample: Sample) -> Word:
        try:
            schema = self._schema(task)
            checker = None if schema is None else _checker(schema)
        except (ValueError, RecursionError) as error:
            return unverifiable("the schema is broken", str(error)[:200])
        if checker is None:
            return unverifiable("the task has no schema")
        try:
            value = read_json(sample.target)
        except json.JSONDecodeError as error:
            return drop("not JSON", 0.0, str(error)[:200])
        except (ValueError, RecursionError) as error:
            return unverifiable("JSON that cannot be read", str(error)[:200])
        return _word_on(checker, value)

    def _schema(self, task: Task) -> str | None:
        """The schema as JSON text, or None where there is none."""
        if self.json_schema is not None:
            return _as_text(self.json_schema)
        if self.path is not None:
            return _text_of(self.path)
        given = task.extra.get("schema")
        return given if isinstance(given, str) else None if given is None else _as_text(given)


def _word_on(checker: Checker, value: Any) -> Word:
    try:
        fault = checker.fault(value)
    except (ValueError, RecursionError, ArithmeticError) as error:
        return unverifiable("the schema could not be checked", f"{type(error).__name__}: {error}"[:200])
    return drop("does not fit the schema", 0.0, fault) if fault else keep("fits the schema", 1.0)


def _checker(schema: str) -> Checker:
    from pipeline.answers.json_schema import checker  # a tenth of a second, which no other filter needs

    return checker(schema)


def _as_text(schema: Any) -> str:
    try:
        return canonical_json(schema)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None


def _text_of(path: Path) -> str:
    try:
        state = path.stat()
        return _file_text(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None


@lru_cache(maxsize=64)
def _file_text(path: Path, changed_ns: int, size: int) -> str:
    """What a file holds, read again once it has changed."""
    try:
        return _as_text(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON: {error}") from None


def read_json(text: str) -> Any:
    """The value a text is, or the one code fence in it.

    Raises:
        JSONDecodeError: neither is JSON.
        ValueError: JSON with a number beyond what can be computed with.
        RecursionError: JSON nested too deeply.
    """
    parts = text.split(FENCE)
    try:
        return _strictly(text)
    except json.JSONDecodeError:
        if len(parts) != 3:
            raise
        return _strictly(re.sub(r"\A[^\S\n]*[\w+.-]*[^\S\n]*\n", "", parts[1]))


def _strictly(text: str) -> Any:
    def no_number(name: str) -> float:
        raise json.JSONDecodeError(f"{name} is no JSON", text[:80], 0)

    return json.loads(text, parse_constant=no_number, parse_float=_finite)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number

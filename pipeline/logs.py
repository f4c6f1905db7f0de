"""Reading rows of JSON as people have them: lines of a file, columns by dotted name, conversations as questions.

Shared by sources and recorded answers, so that a question read from a log and the answer recorded for it meet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import UserError
from pipeline.identity import canonical_json

ROLES = ("system", "user", "assistant")


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers, from 1, and objects of a JSON-lines file; blank lines are passed over.

    Raises:
        UserError: a line is not a JSON object, or not UTF-8.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, _object(path, number, line)


def read_table(path: Path, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Places and rows of a file of JSON lines, a JSON list, CSV or Parquet.

    Raises:
        UserError: it cannot be read as what it is said to be.
    """
    if kind == "jsonl":
        yield from ((f"{path}, line {number}", row) for number, row in read_json_lines(path))
        return
    if kind == "json":
        yield from _json_list(path)
        return
    number = 0
    try:
        # CSV as text: "05" stays so, and an answer in row 101 may have a fraction
        frames = pl.scan_csv(path, infer_schema=False) if kind == "csv" else pl.scan_parquet(path)
        for frame in frames.collect_batches():
            for row in frame.iter_rows(named=True):
                number += 1
                yield f"{path}, row {number}", row
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{path}: cannot be read as {kind}: {str(error).splitlines()[0]}", "Is its kind right?") from None


def _json_list(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as json: {error}", "One object a line is of the kind jsonl.") from None
    if not isinstance(rows, list):
        raise UserError(f"{path}: a {type(rows).__name__}, not a list", "It must be a list of objects.")
    for number, row in enumerate(rows, 1):
        place = f"{path}, item {number}"
        if not isinstance(row, dict):
            raise UserError(f"{place}: a {type(row).__name__}, not an object", "Each item is one {…}.")
        _refuse_half_characters(place, row)
        yield place, row


def kind_of(path: Path) -> str:
    """What a file is by its ending, and of .json by how it begins; JSON lines unless these say otherwise."""
    if path.suffix.lower() == ".json" and path.is_file():
        with path.open("rb") as file:
            begins = next(filter(bytes.strip, file), b"")
        return "json" if _begins_a_list(begins) else "jsonl"
    return {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}.get(path.suffix.lower(), "jsonl")


def _begins_a_list(line: bytes) -> bool:
    return line.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, line {number}: not UTF-8 text ({error.reason})", "Save the file as UTF-8.") from None
    except (ValueError, RecursionError) as error:
        remedy = "Mend or remove this line."
        if number == 1 and _begins_a_list(line):
            remedy = "One object a line is wanted; a list is a source of kind json."
        raise UserError(f"{path}, line {number}: not JSON: {error}", remedy) from None
    if not isinstance(row, dict):
        raise UserError(f"{path}, line {number}: a {type(row).__name__}, not an object", "Each line is one {…}.")
    if b"\\ud" in line.lower():
        _refuse_half_characters(f"{path}, line {number}", row)
    return row


def _refuse_half_characters(place: str, row: dict[str, Any]) -> None:
    """JSON can hold one half of a surrogate pair, which is no text and fits into no table."""
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{place}: not text: {error}", "Mend or remove it.") from None


def column(row: dict[str, Any], name: str, place: str) -> Any:
    """The value of a column; `a.b` is `b` inside `a`, unless a column is called so itself.

    Raises:
        UserError: there is no such column.
    """
    if name in row:
        return row[name]
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise UserError(f"{place}: no column {name!r}", f"Columns there are: {', '.join(map(str, row))}.")
        value = value[part]
    return value


@dataclass(frozen=True)
class Question:
    """The last user turn, and the turns before it."""

    prompt: str
    history: tuple[dict[str, str], ...] = ()

    @property
    def key(self) -> str:
        """What a recorded answer is found by: the prompt alone, or with the turns before it."""
        return canonical_json([*self.history, self.prompt]) if self.history else self.prompt


def turns(value: Any, place: str) -> Question:
    """A text, or a list of messages whose last is the user's, as a question.

    Raises:
        UserError: it is neither.
    """
    if isinstance(value, str):
        return Question(value)
    if isinstance(value, list):
        if value and isinstance(value[-1], dict) and value[-1].get("role") == "assistant":
            value = value[:-1]
        messages = [_message(each, place) for each in value]
        if messages and messages[-1]["role"] == "user":
            return Question(messages[-1]["content"], tuple(messages[:-1]))
    raise UserError(f"{place}: no question in {str(value)[:80]!r}", "It must be a text or messages, a user's turn last.")


def _message(value: Any, place: str) -> dict[str, str]:
    if not isinstance(value, dict) or value.get("role") not in (*ROLES, "developer"):
        raise UserError(f"{place}: not a message: {str(value)[:80]!r}", f"It needs a role of {', '.join(ROLES)}.")
    content = text_of(value.get("content"))
    if not isinstance(content, str):
        raise UserError(f"{place}: a message without text: {str(value)[:80]!r}", "Only text can be distilled.")
    return {"role": "system" if value["role"] == "developer" else value["role"], "content": content}


def text_of(content: Any) -> Any:
    """The text of a message's content, which the protocol allows to be a list of parts; anything else as it is."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content

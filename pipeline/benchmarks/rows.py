"""Rows of benchmarks as they are published: files of JSON lines, a JSON list or lists by name, each also packed with gzip; hub.

In: a path, or a data set's name with its revision. Out: each row with the place it stands at, for errors to name. Of a JSON
object of lists (as AdvGLUE has, by subtask) each row carries the name of its list as `subtask`, and the lists take turns, so
that the first N rows hold some of each.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.sources.hub import load_split

Row = tuple[str, dict[str, Any]]
"""A row, behind the place it stands at."""


def file_rows(path: Path) -> Iterator[Row]:
    """The rows of a file.

    Raises:
        UserError: it is not there, or cannot be read as any of the forms above.
    """
    text = _text(path)
    rows = _lines(text, path) if _is_lines(text) else _document(_parsed(text, str(path)), str(path))
    empty = True
    for place, row in rows:
        empty = False
        if not isinstance(row, dict):
            raise UserError(f"{place}: a {type(row).__name__}, not an object", "Each item is one {…}.")
        yield place, row
    if empty:
        raise UserError(f"{path}: there is nothing in it", "Name the file as it was published.")


def _text(path: Path) -> str:
    try:
        packed = path.read_bytes()
        return (gzip.decompress(packed) if path.suffix.lower() == ".gz" else packed).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}", "Is the path right, and the file whole?") from None


def _is_lines(text: str) -> bool:
    """Whether the first of several lines is an object by itself."""
    first, _, rest = text.strip().partition("\n")
    try:
        return bool(rest) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _lines(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield (place := f"{path}, line {number}"), _parsed(line, place)


def _document(document: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(document, list):
        yield from ((f"{place}, item {number}", row) for number, row in enumerate(document, 1))
    elif isinstance(document, dict) and document and all(isinstance(rows, list) for rows in document.values()):
        yield from _in_turn(document, place)
    else:
        yield place, document


def _in_turn(lists: Mapping[str, list[Any]], place: str) -> Iterator[tuple[str, Any]]:
    """The first of each list, then the second of each."""
    for number, rows in enumerate(zip_longest(*lists.values()), 1):
        for name, row in zip(lists, rows, strict=True):
            if row is not None:
                yield f"{place}, {name}, item {number}", {**row, "subtask": name} if isinstance(row, dict) else row


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: not JSON: {error}", "Name the file as it was published.") from None


def hub_rows(dataset: str, config: str | None, split: str, revision: str | None) -> Iterator[Row]:
    """The rows of a data set on the hub.

    Raises:
        UserError: it cannot be had.
    """
    remedy = "Is the hub reachable? The published file will do: give the benchmark its path."
    rows = load_split("benchmark", dataset, config, split, revision, remedy)
    yield from ((f"{dataset} [{split}], row {number}", dict(row)) for number, row in enumerate(rows, 1))

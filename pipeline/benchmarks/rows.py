"""Rows of benchmarks as people have them: JSON lines, a JSON list or lists by name, CSV, each also with gzip; Parquet; the hub.

In: a path, or a data set's name with its revision. Out: each row with the place it stands at, for errors to name. Of a JSON
object of lists (as AdvGLUE has, by subtask) each row carries the name of its list as `subtask`, and the lists take turns, so
that the first N rows hold some of each. Both read this way: what models are evaluated on, and what training must not contain.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from io import BufferedIOBase
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.logs import kind_of, read_table
from pipeline.sources.hub import load_split

Row = tuple[str, dict[str, Any]]
"""A row, behind the place it stands at."""


def file_rows(path: Path) -> Iterator[Row]:
    """The rows of a file: CSV or Parquet where its ending says so, else JSON.

    Raises:
        UserError: it is not there, is empty, or cannot be read as any of the forms above.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file", "Name another path in the recipe.")
    kind, empty = kind_of(Path(path.name.lower().removesuffix(".gz"))), True
    try:
        with gzip.open(path) if _is_packed(path) else path.open("rb") as file:
            rows = _json_rows(file, path) if kind in ("jsonl", "json") else _table_rows(file, path, kind)
            for place, row in rows:
                empty = False
                if not isinstance(row, dict):
                    raise UserError(f"{place}: a {type(row).__name__}, not an object", "Each item is one {…}.")
                yield place, row
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read: {error}", "Is it whole, and packed as its ending says?") from None
    if empty:
        raise UserError(f"{path}: there is nothing in it", "Name a file with at least one item.")


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _table_rows(file: BufferedIOBase, path: Path, kind: str) -> Iterator[tuple[str, Any]]:
    while _is_packed(path) and file.read(2**20):  # torn, it ends in an error; polars reads what is left
        pass
    yield from read_table(path, kind)


def _json_rows(file: BufferedIOBase, path: Path) -> Iterator[tuple[str, Any]]:
    """The rows of a JSON document; of JSON lines, one at a time, where the first of several lines is an object by itself.

    A line alone is a document, too, unless the file is called .jsonl.
    """
    first = next(filter(bytes.strip, file), b"")
    lines = _is_object(first) and (".jsonl" in path.name.lower() or any(map(bytes.strip, file)))
    file.seek(0)
    if lines:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield (place := f"{path}, line {number}"), _parsed(line, place)
    elif first:
        yield from _document(_parsed(file.read(), str(path)), str(path))


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(_parsed(text, ""), dict)
    except UserError:
        return False


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


def _parsed(text: bytes, place: str) -> Any:
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: not JSON: {error}", "A file of items is JSON lines, a JSON list or lists by name.") from None


def hub_rows(dataset: str, config: str | None, split: str, revision: str) -> Iterator[Row]:
    """The rows of a data set on the hub.

    Raises:
        UserError: it cannot be had.
    """
    remedy = "Is the hub reachable? The published file will do: --set evaluation.benchmarks.N.path=…, counted from 0."
    rows = load_split("benchmark", dataset, config, split, revision, remedy)
    yield from ((f"{dataset} [{split}], row {number}", dict(row)) for number, row in enumerate(rows, 1))

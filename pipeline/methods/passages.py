"""Passages to answer from: a file of them, and those of it that are nearest to a text by BM25.

In: a file of JSON lines with a field `text`, or of plain text, a passage a line. Out: passages, the nearest first. A file is
read once in a process, as long as it stays as it is.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pipeline.errors import UserError
from pipeline.identity import Stamp, stamp
from pipeline.logs import read_json_lines
from pipeline.settings import project_path
from pipeline.texts.bm25 import Bm25

FIELD = "text"


class Passages:
    """The passages of a file."""

    def __init__(self, texts: list[str]) -> None:
        self._texts, self._index = texts, Bm25(texts)

    def nearest(self, query: str, count: int) -> list[str]:
        """So many passages, the nearest first."""
        return [self._texts[place] for place in self._index.nearest(query, count)]


def read_passages(path: Path) -> Passages:
    """The passages of a file.

    Raises:
        UserError: it is not there, holds none, or has a row without `text`.
    """
    found = project_path(path)
    if not found.is_file():
        raise UserError(
            f"passages: {path} {'is no file' if found.exists() else 'does not exist'}",
            "Name a file of passages, one a line, in the recipe's method.",
        )
    return _read(stamp(found))


@lru_cache(maxsize=4)
def _read(file: Stamp) -> Passages:
    path = file[0]
    texts = [text for text in (_json(path) if path.suffix == ".jsonl" else _plain(path)) if text]
    if not texts:
        raise UserError(f"{path}: there are no passages in it", "A passage stands on a line of its own.")
    return Passages(texts)


def _plain(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason})", "Save it as UTF-8.") from None


def _json(path: Path) -> list[str]:
    texts = []
    for number, row in read_json_lines(path):
        if not isinstance(text := row.get(FIELD), str):
            raise UserError(f"{path}, line {number}: no field {FIELD!r} with a text", "Each line is an object with `text`.")
        texts.append(text.strip())
    return texts

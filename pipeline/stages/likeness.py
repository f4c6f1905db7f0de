"""How like two samples are, by the words they are made of, and the greedy choice of those unlike each other.

A text becomes a vector of its words and pairs of neighbouring words, hashed to a few hundred places with a sign each
(Weinberger et al. 2009, arXiv 0902.2206) and weighted by how rare they are among the texts. Vectors lie in a temporary file.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any
from zlib import crc32

import numpy as np

from pipeline.shards import stop_if_interrupted

WORD = re.compile(r"\w+")
BLOCK = 1_024
"""Samples that are compared with all that were taken at a time."""
ROUNDING = 1e-5
"""By so much the cosine of two equal texts may be off."""
Floats = np.ndarray[Any, np.dtype[np.float32]]


class Likeness:
    """Vectors of texts, kept on the disk while they are needed: `with Likeness(rows, dimensions, folder) as likeness`.

    Args:
        rows: which samples they are of, by row, in the order in which their texts will come.
        folder: where the temporary file may lie.
    """

    def __init__(self, rows: Iterable[int], dimensions: int, folder: Path) -> None:
        self._place = {row: place for place, row in enumerate(rows)}
        self._dimensions = dimensions
        self._file = tempfile.NamedTemporaryFile(dir=folder, prefix=".likeness", suffix=".unfinished")  # noqa: SIM115 - closed in __exit__
        shape = (max(1, len(self._place)), dimensions)
        size = 2 * shape[0] * shape[1]
        if hasattr(os, "posix_fallocate"):  # a full disk must be an error now, and not a signal later
            os.posix_fallocate(self._file.fileno(), 0, size)
        self._vectors = np.memmap(self._file.name, dtype=np.float16, mode="w+", shape=shape)
        self._texts_with = np.zeros(dimensions)
        self._taken: list[int] = []
        """Places of the samples taken so far."""

    def __enter__(self) -> Likeness:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        del self._vectors
        self._file.close()

    def add(self, row: int, text: str) -> None:
        """Takes in the text of one of the rows."""
        vector = term_vector(text, self._dimensions)
        self._vectors[self._place[row]] = vector
        self._texts_with += vector != 0

    def unlike(self, rows: list[int], wanted: int | None, max_similarity: float) -> list[int]:
        """Of rows in the order in which they are to be taken, those unlike all taken so far, up to as many as are wanted.

        Args:
            max_similarity: the highest cosine that two may have.
        """
        wanted, limit, taken = len(rows) if wanted is None else wanted, max_similarity + ROUNDING, list[int]()
        for start in range(0, len(rows), BLOCK):
            stop_if_interrupted()
            some = rows[start : start + BLOCK]
            vectors = self._unit([self._place[row] for row in some])
            free = np.ones(len(some), dtype=bool)
            for before in range(0, len(self._taken), BLOCK):
                free &= (vectors @ self._unit(self._taken[before : before + BLOCK]).T).max(axis=1) <= limit
            within, new = vectors @ vectors.T, list[int]()
            for place in np.flatnonzero(free).tolist():
                if len(taken) + len(new) == wanted:
                    break
                if not new or within[place, new].max() <= limit:
                    new.append(place)
            taken += [some[place] for place in new]
            self._taken += [self._place[some[place]] for place in new]
            if len(taken) == wanted:
                break
        return taken

    def _unit(self, places: list[int]) -> Floats:
        """Vectors of length 1, (places, dimensions), weighted by rarity; a text without words is like nothing."""
        rarity = np.log((1 + len(self._place)) / (1 + self._texts_with)) + 1
        weighted = self._vectors[places].astype(np.float32) * rarity.astype(np.float32)
        length = np.linalg.norm(weighted, axis=1, keepdims=True)
        return np.asarray(weighted / np.where(length > 0, length, 1), dtype=np.float32)


def term_vector(text: str, dimensions: int) -> Floats:
    """Counts of words and pairs of words, damped by their logarithm, each at its hashed place with its hashed sign."""
    words = WORD.findall(text.casefold())
    counts = Counter([*words, *map(" ".join, pairwise(words))])
    hashes = np.array([crc32(term.encode("utf-8", "replace")) for term in counts], dtype=np.int64)
    vector = np.zeros(dimensions, dtype=np.float32)
    signs = np.where(hashes >> 31, 1.0, -1.0)
    np.add.at(vector, hashes % dimensions, signs * (1 + np.log(np.array(list(counts.values()), dtype=np.float64))))
    return vector

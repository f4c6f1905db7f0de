"""Keeps the first of samples that say nearly the same: word n-grams in common, found by MinHash and then compared exactly.

Of `pair`, the default, samples are near duplicates when their prompts are, and their replies are, too. So several answers to
one prompt are not thrown away for the prompt they share, however long it is, nor short answers that are the same to different
prompts. Prompts that are mostly the same demonstrations are alike, though: compare targets there, or raise the threshold. Near
duplicates of near duplicates make a component, of which the first stays. Sets and band keys lie in a temporary folder
meanwhile; memory holds some 100 bytes a sample.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

import numpy as np
import polars as pl
from pydantic import Field

from pipeline.errors import UserError
from pipeline.filters.no_duplicates import ids_of
from pipeline.filters.verdicts import Survivors, TableFilter, Word, drop, keep
from pipeline.texts.minhash import Sketches, band_keys, twins
from pipeline.texts.shingles import F64, I64, ROWS_AT_ONCE, U64, Sets, shingle_sets

BYTES_AT_ONCE = 2**23
"""Text taken together; its words and shingles take some ten times as much."""
MOST_THREADS = 8
"""Pieces worked at, each with some 100 MB."""
In = TypeVar("In")
Out = TypeVar("Out")
REPLY = pl.concat_str("reasoning", "target", separator="\n", ignore_nulls=True).alias("reply")
PARTS: dict[str, list[str | pl.Expr]] = {"pair": ["prompt", REPLY], "prompt": ["prompt"], "target": ["target"]}


class NoNearDuplicates(TableFilter):
    """Word n-grams in common with no earlier sample reach the threshold, neither directly nor through others."""

    source: ClassVar[str] = "Broder 1997; Lee et al. 2022, arXiv 2107.06499; huggingface/datatrove pipeline/dedup/minhash.py"
    filter: Literal["no_near_duplicates"]
    """The first of its near duplicates."""
    of: Literal["pair", "prompt", "target"] = "pair"
    """What is compared: the prompt and, apart from it, the reasoning with the target, which must both be alike; or one text."""
    threshold: float = Field(0.7, gt=0, le=1)
    """Least Jaccard index of near duplicates: of all n-grams that one of two has, the share that both have."""
    ngram: int = Field(5, ge=1, le=64)
    """Words of an n-gram; a text of fewer is one n-gram of all its words."""
    bands: int = Field(14, ge=1, le=256)
    """How often two samples may meet; more find more and cost more."""
    rows: int = Field(8, ge=1, le=64)
    """Minima that agree when they meet: two of Jaccard index J meet with a probability of 1 − (1 − J^rows)^bands."""

    def judge_all(self, survivors: Survivors) -> Iterator[Word]:
        try:
            with tempfile.TemporaryDirectory(prefix="near-duplicates-") as folder:
                found, scores = twins(self._sketches(survivors, Path(folder)), self.threshold)
        except OSError as error:
            raise UserError(
                f"no_near_duplicates needs room in {tempfile.gettempdir()}, about as much as the texts: {error}",
                "Free some, or name another folder with TMPDIR.",
            ) from None
        wanted = np.unique(found[found >= 0])
        return _words(found, scores, wanted, ids_of(survivors, wanted))

    def _sketches(self, survivors: Survivors, folder: Path) -> Sketches:
        pieces = (piece for frame in survivors.frames() for piece in _pieces(frame.select(PARTS[self.of])))
        with Sketches(folder, self.bands) as sketches:
            for sets, keys in _in_order(self._sketch, pieces):
                sketches.add(sets, keys)
        return sketches

    def _sketch(self, piece: pl.DataFrame) -> tuple[Sets, U64]:
        sets = shingle_sets(piece.get_columns(), self.ngram)
        return sets, band_keys(sets, piece.width, self.bands, self.rows)


def _pieces(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """A frame in pieces of so many rows and bytes, though a single text may be longer."""
    read = frame.select(pl.sum_horizontal(pl.all().str.len_bytes().cast(pl.Int64)).cum_sum()).to_series()
    number = pl.int_range(frame.height, eager=True) // ROWS_AT_ONCE + read // BYTES_AT_ONCE
    borders = number.search_sorted(number.unique(maintain_order=True))
    for start, end in pairwise([*borders.to_list(), frame.height]):
        yield frame[start:end]


def _in_order(work: Callable[[In], Out], pieces: Iterable[In]) -> Iterator[Out]:
    """What a function makes of each piece, in their order; polars and numpy let several threads work at once."""
    threads = min(os.cpu_count() or 1, MOST_THREADS)
    waiting: deque[Future[Out]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _words(found: I64, scores: F64, wanted: I64, ids: pl.Series) -> Iterator[Word]:
    first = keep("first of its likes")
    places = np.searchsorted(wanted, found)
    for row, twin in enumerate(found):
        yield first if twin < 0 else drop("nearly the same as another sample", float(scores[row]), ids[int(places[row])])

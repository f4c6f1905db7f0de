"""The words of one filter on disk, a small Parquet file a shard: what `4_verdicts` is put together from.

A piece says in its metadata what it was made of: filter, samples, code. One that follows from the same is not made again, so
another threshold judges anew by that filter alone, and filtering that was interrupted goes on at the shard where it stopped (a
filter that sees the whole table begins anew).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.filters.verdicts import Word
from pipeline.llm.request import whole
from pipeline.publication import TableWriter
from pipeline.records import Response

FOLDER = "filtering"
"""Where the pieces of a run lie, a folder a filter."""
MADE_OF, SECONDS = b"made_of", b"seconds"
COLUMNS = pa.schema(
    [("row", pa.int64()), ("decision", pa.string()), ("score", pa.float64()), ("reason", pa.string()), ("detail", pa.string())]
)


@dataclass
class Words:
    """Words on samples of a shard, gathered until they are written."""

    rows: list[int] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    seconds: float = 0.0
    """Time it took to find them."""

    def add(self, rows: Sequence[int], words: Sequence[Word], seconds: float = 0.0) -> None:
        self.rows += rows
        self.words += words
        self.seconds += seconds


@dataclass(frozen=True)
class Pieces:
    """The pieces of one filter.

    Args:
        folder: where they lie, `00000.parquet` and so on, by the number of the shard.
        made_of: for each shard, the name of all that its piece follows from.
        asks: whether the calls of an asking filter lie beside each piece.
    """

    folder: Path
    made_of: Sequence[str]
    asks: bool = False

    def path(self, shard: int) -> Path:
        return self.folder / f"{shard:05}.parquet"

    def calls_path(self, shard: int) -> Path:
        """The model calls of an asking filter, as rows of `4_judgements`."""
        return self.folder / f"{shard:05}.calls.parquet"

    def has(self, shard: int) -> bool:
        """Whether the piece is there, whole, and follows from the same; its calls, too."""
        with suppress(OSError, pa.ArrowException):
            schema = self.read(shard).schema
            whole = schema.equals(COLUMNS) and self._is_of(schema, shard)
            return whole and (not self.asks or self._is_of(pq.read_schema(self.calls_path(shard)), shard))
        return False

    def _is_of(self, schema: pa.Schema, shard: int) -> bool:
        return (schema.metadata or {}).get(MADE_OF) == self.made_of[shard].encode()

    def tidy(self) -> None:
        """Removes what is of no shard there is now."""
        shards = range(len(self.made_of))
        known = {path for shard in shards for path in (self.path(shard), self.calls_path(shard))}
        for path in self.folder.glob("*"):
            if path not in known:
                path.unlink()

    def write(self, shard: int, words: Words, complete: bool = True) -> None:
        """Writes a piece in one step.

        Args:
            complete: whether it may stand; one in which calls are owed is made again at the next start.
        """
        columns = [
            pa.array(words.rows, pa.int64()),
            pa.array([each.decision for each in words.words], pa.string()),
            pa.array([each.score for each in words.words], pa.float64()),
            pa.array([whole(each.reason) for each in words.words], pa.string()),
            pa.array([whole(each.detail) for each in words.words], pa.string()),
        ]
        named = {MADE_OF: self.made_of[shard] if complete else "", SECONDS: f"{words.seconds:.3f}"}
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{shard:05}.unfinished"
        try:
            pq.write_table(pa.Table.from_arrays(columns, schema=COLUMNS.with_metadata(named)), unfinished, compression="zstd")
            os.replace(unfinished, self.path(shard))
        finally:
            unfinished.unlink(missing_ok=True)

    @contextmanager
    def calls(self, shard: int) -> Iterator[TableWriter]:
        """Takes what an asking filter asks about the samples of a shard; nothing is seen of it before the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        writer = TableWriter(self.calls_path(shard), Response, self.made_of[shard])
        try:
            yield writer
            writer.complete()
            writer.publish()
        finally:
            writer.discard()

    def read(self, shard: int) -> pa.Table:
        """Columns row, decision, score, reason and detail."""
        return pq.read_table(self.path(shard), memory_map=False)


def seconds_of(folder: Path, name: str) -> float | None:
    """The time a filter of a run took to judge, on one core or waiting for a model; None where its pieces are gone."""
    total: float | None = None
    for path in sorted((folder / FOLDER / name).glob("?????.parquet")):
        with suppress(OSError, pa.ArrowException, ValueError):
            seconds = float((pq.read_schema(path).metadata or {}).get(SECONDS, b"nan"))
            total = (total or 0.0) + (0.0 if math.isnan(seconds) else seconds)
    return total

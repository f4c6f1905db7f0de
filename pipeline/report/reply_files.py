"""The kinds of files that the replies of a store are written to: `.jsonl`, `.parquet`, and `.sqlite`, which is a store again.

Each takes rows some hundreds at a time. A line or a Parquet row holds key, provider, model, time and every field of the reply.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.llm.databases import PATIENCE
from pipeline.llm.databases.sqlite import SqliteDatabase
from pipeline.llm.databases.stored import Stored
from pipeline.llm.request import Reply
from pipeline.records import Response
from pipeline.tables import arrow_schema

Rows = list[tuple[Stored, Reply]]
Write = Callable[[Rows], object]
Writing = Callable[[Path], AbstractContextManager[Write]]
TYPES = arrow_schema(Response)
COLUMNS = pa.schema(
    [TYPES.field("key"), TYPES.field("provider"), TYPES.field("model"), pa.field("landed", pa.timestamp("ms", "UTC"))]
    + [TYPES.field(name) for name in Reply.model_fields]
)
"""Columns of a Parquet file; a reply's are those of `2_responses`."""


@contextmanager
def _lines(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8") as file:
        yield lambda rows: file.writelines(json.dumps(_line(*each), ensure_ascii=False) + "\n" for each in rows)


def _line(row: Stored, reply: Reply) -> dict[str, Any]:
    landed = _moment(row).isoformat(timespec="milliseconds")
    return {"key": row.key, "provider": row.provider, "model": row.model, "landed": landed, **reply.model_dump()}


@contextmanager
def _table(path: Path) -> Iterator[Write]:
    with pq.ParquetWriter(path, COLUMNS, compression="zstd") as file:
        yield lambda rows: file.write_table(pa.Table.from_pylist([_cells(*each) for each in rows], COLUMNS))


def _cells(row: Stored, reply: Reply) -> dict[str, Any]:
    values = _line(row, reply) | {"landed": _moment(row)}
    return {name: json.dumps(value) if isinstance(value, list) else value for name, value in values.items()}


@contextmanager
def _store(path: Path) -> Iterator[Write]:
    with SqliteDatabase(path, PATIENCE) as fresh:
        yield lambda rows: fresh.put([row for row, _ in rows])


def _moment(row: Stored) -> datetime:
    return datetime.fromtimestamp(row.landed, UTC)


KINDS: dict[str, Writing] = {
    ".jsonl": _lines,
    ".parquet": _table,
    ".sqlite": _store,
}

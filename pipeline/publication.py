"""Writing tables: whole or not at all, several together.

A table is written to a temporary file beside its place, in row groups of five thousand, and renamed when complete; whoever
reads sees the old table or the new one. The same rows give the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.identity import file_hash
from pipeline.records import Record
from pipeline.tables import MADE_OF, TABLES, arrow_schema, json_fields, read_rows_of, table_path

ROW_GROUP = 5_000
R = TypeVar("R", bound=Record)


class TableWriter:
    """Takes rows one by one and writes them in row groups; nothing is seen at `path` before `publish`.

    Args:
        made_of: name of everything the table follows from; whoever finds it in the table need not make it again.
    """

    def __init__(self, path: Path, record: type[Record], made_of: str = "") -> None:
        self.path = path
        self.rows = 0
        self._json = json_fields(record)
        self._schema = arrow_schema(record)
        self._nested = [field.name for field in self._schema if pa.types.is_nested(field.type)]
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
        self._pending: list[dict[str, Any]] = []
        self._values = itemgetter(*self._schema.names)
        self._complete = False
        described = self._schema.with_metadata({MADE_OF: made_of}) if made_of else self._schema
        self._file = pq.ParquetWriter(self._unfinished, described, compression="zstd")

    def append(self, row: Record) -> None:
        """Adds one row; memory holds at most one row group."""
        values = dict(row.__dict__)  # a dump of the model would copy every text and take six times as long
        for name in self._nested:
            values[name] = _plain(values[name])
        for name in self._json:
            if values[name] is not None:
                values[name] = json.dumps(values[name], sort_keys=True, ensure_ascii=False)
        self._pending.append(values)
        self.rows += 1
        if len(self._pending) >= ROW_GROUP:
            self._flush()

    def extend(self, columns: dict[str, Any]) -> None:
        """Adds rows that lie in columns already, one of each name."""
        self._flush()
        table = pa.table({name: columns[name] for name in self._schema.names}).cast(self._schema)
        self._file.write_table(table, row_group_size=ROW_GROUP)
        self.rows += len(table)

    def _flush(self) -> None:
        if self._pending:
            columns = [
                pa.array(values, field.type)
                for values, field in zip(zip(*map(self._values, self._pending), strict=True), self._schema, strict=True)
            ]
            self._file.write_table(pa.Table.from_arrays(columns, schema=self._schema))
            self._pending.clear()

    def complete(self) -> None:
        """Writes what is left and makes it durable; the table is not yet visible."""
        if self._complete:
            return
        self._flush()
        self._file.close()
        with self._unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        self._complete = True

    def content_hash(self) -> str:
        """Names what is in the table; completes it."""
        self.complete()
        return file_hash(self._unfinished)

    def read_back(self, record: type[R]) -> Iterator[R]:
        """The rows of a complete table before it is published."""
        return read_rows_of(self._unfinished, record)

    def publish(self) -> None:
        """Puts the completed table in its place in one step."""
        os.replace(self._unfinished, self.path)

    def discard(self) -> None:
        """Leaves the old table as it was."""
        with suppress(OSError):  # the disk may be full; the file goes either way
            self._file.close()
        self._unfinished.unlink(missing_ok=True)


class Publication:
    """Several tables that appear together or not at all: `with Publication(folder) as new: new["1_tasks"].append(…)`."""

    def __init__(self, folder: Path, *names: str, made_of: str = "") -> None:
        self._writers: dict[str, TableWriter] = {}
        self._folder, self._names, self._made_of = folder, names, made_of

    def __enter__(self) -> Publication:
        try:
            for name in self._names:
                self._writers[name] = TableWriter(table_path(self._folder, name), TABLES[name], self._made_of)
        except BaseException:
            self._discard()
            raise
        return self

    def __getitem__(self, name: str) -> TableWriter:
        return self._writers[name]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                for writer in self._writers.values():
                    writer.complete()
                for writer in self._writers.values():
                    writer.publish()
        finally:
            self._discard()

    def _discard(self) -> None:
        for writer in self._writers.values():
            writer.discard()


def _plain(value: Any) -> Any:
    """Records inside of a field, which hold no others, as plain mappings."""
    if isinstance(value, list):
        return [each.__dict__ if isinstance(each, Record) else each for each in value]
    return value.__dict__ if isinstance(value, Record) else value


def write_table(folder: Path, name: str, rows: Iterable[Record], made_of: str = "") -> int:
    """Writes one table; returns how many rows it holds."""
    with Publication(folder, name, made_of=made_of) as new:
        for row in rows:
            new[name].append(row)
        return new[name].rows

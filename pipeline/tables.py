"""Typed Parquet: the six tables of a run, written whole or not at all.

A table is written to a temporary file beside its place, in row groups of ten thousand, and renamed when complete; whoever
reads sees the old table or the new one. The same rows give the same bytes.
"""

from __future__ import annotations

import json
import os
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.records import AsJson, Example, Grade, Record, Response, Sample, Task, Verdict

TABLES: dict[str, type[Record]] = {
    "1_tasks": Task,
    "2_responses": Response,
    "3_samples": Sample,
    "4_verdicts": Verdict,
    "5_corpus": Example,
    "5_control": Example,
    "6_evaluation": Grade,
}
"""Every table of a run and the record its rows are. `5_control` is the random control of the corpus."""

ROW_GROUP = 10_000
SCALARS = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
R = TypeVar("R", bound=Record)


def arrow_schema(record: type[Record]) -> pa.Schema:
    """The columns of a record's table, in the order of its fields."""
    return pa.schema([pa.field(name, _arrow_type(info)) for name, info in record.model_fields.items()])


def _arrow_type(info: Any) -> pa.DataType:
    return pa.string() if AsJson in info.metadata else _of_annotation(info.annotation)


def _of_annotation(annotation: Any) -> pa.DataType:
    if annotation in SCALARS:
        return SCALARS[annotation]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _of_annotation(next(each for each in inner if each is not type(None)))
    if origin is Literal:
        return pa.string()
    if origin is list:
        return pa.list_(_of_annotation(inner[0]))
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return pa.struct(list(arrow_schema(annotation)))
    raise TypeError(f"no column type for {annotation!r}")


def _json_fields(record: type[Record]) -> tuple[str, ...]:
    return tuple(name for name, info in record.model_fields.items() if AsJson in info.metadata)


class TableWriter:
    """Takes rows one by one and writes them in row groups; nothing is seen at `path` before `publish`."""

    def __init__(self, path: Path, record: type[Record]) -> None:
        self.path = path
        self.rows = 0
        self._json = _json_fields(record)
        self._schema = arrow_schema(record)
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
        self._pending: list[dict[str, Any]] = []
        self._file = pq.ParquetWriter(self._unfinished, self._schema, compression="zstd")

    def append(self, row: Record) -> None:
        """Adds one row; memory holds at most one row group."""
        values = row.model_dump()
        for name in self._json:
            if values[name] is not None:
                values[name] = json.dumps(values[name], sort_keys=True, ensure_ascii=False)
        self._pending.append(values)
        self.rows += 1
        if len(self._pending) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._file.write_table(pa.Table.from_pylist(self._pending, self._schema))
            self._pending.clear()

    def complete(self) -> None:
        """Writes what is left and makes it durable; the table is not yet visible."""
        self._flush()
        self._file.close()
        with self._unfinished.open("rb+") as file:
            os.fsync(file.fileno())

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

    def __init__(self, folder: Path, *names: str) -> None:
        self._writers: dict[str, TableWriter] = {}
        self._folder, self._names = folder, names

    def __enter__(self) -> Publication:
        try:
            for name in self._names:
                self._writers[name] = TableWriter(table_path(self._folder, name), TABLES[name])
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


def table_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def write_table(folder: Path, name: str, rows: Iterable[Record]) -> int:
    """Writes one table; returns how many rows it holds."""
    with Publication(folder, name) as new:
        for row in rows:
            new[name].append(row)
        return new[name].rows


def read_frame(folder: Path, name: str, columns: list[str] | None = None) -> pl.DataFrame:
    """The table as polars has it.

    Raises:
        UserError: it was not made yet; the message names the command that makes it.
    """
    path = table_path(folder, name)
    if not path.exists():
        verb = "train" if name.startswith("6") else "generate"
        raise UserError(f"{path}: this table does not exist", f"Make it with `make {verb} RECIPE={folder.name}`.")
    with readable(path):
        return pl.read_parquet(path, columns=columns)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns whatever a broken table makes its readers raise into one error.

    Raises:
        UserError: the table cannot be read.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, pa.ArrowException, ValidationError, KeyError) as error:
        raise UserError(
            f"{path}: this table cannot be read: {str(error).splitlines()[0]}",
            f"Make it again with `make generate RECIPE={path.parent.name}`; replies are remembered.",
        ) from None


def read_rows(folder: Path, name: str, record: type[R]) -> Iterator[R]:
    """The rows of a table as records, read a row group at a time."""
    read_frame(folder, name, columns=[next(iter(record.model_fields))])
    json_fields = _json_fields(record)
    with readable(table_path(folder, name)), pq.ParquetFile(table_path(folder, name)) as file:
        for batch in file.iter_batches(ROW_GROUP):
            for values in batch.to_pylist():
                for field in json_fields:
                    if values[field] is not None:
                        values[field] = json.loads(values[field])
                yield record(**values)

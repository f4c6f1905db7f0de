"""Typed Parquet: the tables of a run, their columns and how they are read; `publication` writes them.

In: a run's folder and a table's name. Out: rows as records a thousand at a time, or columns as polars has them. A table that
is missing, broken or has other columns than its record is the user's to mend, and says so.
"""

from __future__ import annotations

import hashlib
import json
import types
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.identity import Stamp, canonical_json, stamp
from pipeline.records import AsJson, Example, Grade, Item, Record, Response, Sample, Speed, Task, Verdict

TABLES: dict[str, type[Record]] = {
    "1_tasks": Task,
    "2_responses": Response,
    "3_samples": Sample,
    "4_verdicts": Verdict,
    "4_judgements": Response,
    "5_corpus": Example,
    "5_control": Example,
    "5_gold_labels": Example,
    "5_teacher_labels": Example,
    "6_items": Item,
    "6_evaluation": Grade,
    "6_speed": Speed,
}
"""Every table of a run and the record its rows are. `4_judgements` are the calls of filters that ask models, `5_control` is the
random control of the corpus, `5_gold_labels` and `5_teacher_labels` are its questions with bare answers, `6_items` what the
models were evaluated on, `6_speed` how fast they answer here."""

CORPORA = ("5_corpus", "5_control", "5_gold_labels", "5_teacher_labels")
"""What students learn from."""
READ_ROWS = 1_000
"""Rows that are turned into records at a time."""
MADE_OF = b"made_of"
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


def json_fields(record: type[Record]) -> tuple[str, ...]:
    return tuple(name for name, info in record.model_fields.items() if AsJson in info.metadata)


def made_of(folder: Path, name: str) -> str | None:
    """What a table says it was made of; None where there is none, or it does not say."""
    with suppress(OSError, pa.ArrowException):
        named: bytes | None = (pq.read_schema(table_path(folder, name)).metadata or {}).get(MADE_OF)
        return named.decode() if named else None
    return None


def rows_hash(folder: Path, name: str) -> str:
    """64 hex digits naming a table's rows and their order, whatever it was made of and however its file is written.

    Raises:
        UserError: it was not made yet, or is broken.
    """
    check_table(folder, name)
    return _rows_hash(stamp(table_path(folder, name).absolute()))


@lru_cache(maxsize=16)
def _rows_hash(file: Stamp) -> str:
    digest = hashlib.sha256()
    with readable(file[0]), pq.ParquetFile(file[0], pre_buffer=False) as table:
        for batch in table.iter_batches(READ_ROWS):
            for row in batch.to_pylist():
                digest.update(canonical_json(row).encode("utf-8") + b"\n")
    return digest.hexdigest()


def table_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def remove_tables(folder: Path, *names: str) -> None:
    """Removes tables that no longer follow from those before them."""
    for name in names:
        table_path(folder, name).unlink(missing_ok=True)


def read_frame(folder: Path, name: str, columns: list[str] | None = None) -> pl.DataFrame:
    """The table as polars has it.

    Raises:
        UserError: it was not made yet; the message names the command that makes it.
    """
    check_table(folder, name)
    with readable(table_path(folder, name)):
        return pl.read_parquet(table_path(folder, name), columns=columns)


def check_table(folder: Path, name: str) -> None:
    """Makes sure that a table is there and can be read.

    Raises:
        UserError: it was not made yet, the message names the command that makes it; or it is broken.
    """
    path = table_path(folder, name)
    if not path.exists():
        raise UserError(f"{path}: this table does not exist", f"Make it with `make {_made_by(name)} RECIPE={folder.name}`.")
    with readable(path):
        columns = pq.read_schema(path).names
    wanted = TABLES[name].model_fields
    odd = [f"no column {each!r}" for each in wanted if each not in columns]
    odd += [f"a foreign column {each!r}" for each in columns if each not in wanted]
    if odd:
        raise UserError(
            f"{path}: this table cannot be read: it has {', '.join(odd)}",
            f"Remove it, and make it again with `make {_made_by(name)} RECIPE={folder.name}`; replies are remembered.",
        )


def _made_by(name: str) -> str:
    """The command that makes a table."""
    return "train" if name.startswith("6") else "filter" if name.startswith("4") else "generate"


def _state(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from the one that took its place; None of none."""
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
    return None


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns whatever a broken table makes its readers raise into one error.

    Raises:
        UserError: the table cannot be read.
    """
    before = _state(path)
    try:
        yield
    except (
        pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, ValidationError, KeyError, OSError,
        json.JSONDecodeError,
    ) as error:  # fmt: skip
        if isinstance(error, FileNotFoundError) or _state(path) != before:
            raise UserError(f"{path}: this table was made anew or removed while it was read", "Do the same again.") from None
        if isinstance(error, OSError) and error.errno is not None:  # the disk's; of a broken file it has none
            raise
        raise UserError(
            f"{path}: this table cannot be read: {(str(error).splitlines() or [type(error).__name__])[0]}",
            f"Remove it, and make it again with `make generate RECIPE={path.parent.name}`; replies are remembered.",
        ) from None


def read_rows(folder: Path, name: str, record: type[R], start: int = 0, stop: int | None = None) -> Iterator[R]:
    """The rows of a table as records, from one row to another, read a few at a time."""
    check_table(folder, name)
    return read_rows_of(table_path(folder, name), record, start, stop)


def read_rows_of(path: Path, record: type[R], start: int = 0, stop: int | None = None) -> Iterator[R]:
    """The rows of a table that lies anywhere."""
    as_json = json_fields(record)
    with readable(path), pq.ParquetFile(path, pre_buffer=False) as file:  # it would hold the whole file
        skipped, groups = row_groups(file, start, stop)
        left = None if stop is None else stop - start
        for batch in file.iter_batches(READ_ROWS, row_groups=groups):
            rows = batch.slice(min(max(start - skipped, 0), batch.num_rows))
            skipped += batch.num_rows
            if left is not None:
                rows, left = rows.slice(0, left), left - min(left, rows.num_rows)
            for values in rows.to_pylist():
                for field in as_json:
                    if values[field] is not None:
                        values[field] = json.loads(values[field])
                yield record(**values)
            if left == 0:
                return


def row_groups(file: pq.ParquetFile, start: int, stop: int | None = None) -> tuple[int, list[int]]:
    """The row groups that rows `start` to `stop` lie in, and how many rows lie before them."""
    ends = list(accumulate(file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)))
    first = bisect_right(ends, start)
    last = len(ends) if stop is None else bisect_left(ends, stop) + 1
    return (ends[first - 1] if first else 0), list(range(first, min(last, len(ends))))

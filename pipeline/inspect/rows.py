"""Rows of one table: those that fit a condition, sorted, a page at a time, without loading the table.

In: a run's folder and a question. Out: numbers of rows first, out of the few columns that decide, then those rows alone, read
from the row groups they lie in. So a page of a table of a million rows takes the room of the columns that were asked about.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from pipeline.errors import UserError
from pipeline.report.query import CONVERSATION, columns_of, explained, fulfilling, rather, scan
from pipeline.tables import TABLES, check_table, readable, table_path

LONGEST_WORDS = 1_000
"""Characters that are looked for; a pattern of more may be too large."""
PAGE_ROWS = 25
"""Rows of a page."""
NUMBER = "row number"
"""A column that no record has: where a row stands in its table."""
SHOWN = {
    "1_tasks": ("id", "split", "kind", "source", "prompt", "answer"),
    "2_responses": ("key", "task_id", "template", "model", "finish", "text", "tokens_out", "seconds", "error"),
    "3_samples": ("id", "task_id", "method", "view", "target", "answer", "finish"),
    "4_verdicts": ("sample_id", "filter", "decision", "reason", "score", "detail"),
    "4_judgements": ("key", "task_id", "role", "model", "finish", "text", "error"),
    "6_items": ("id", "benchmark", "kind", "prompt", "answer"),
    "6_evaluation": ("key", "benchmark", "task_id", "model", "seed", "mode", "prediction", "expected", "correct"),
}
"""Columns that are shown unless others are asked for; of other tables all that are not nested."""
SEARCHED = ("prompt", "context", "answer", "text", "reasoning", "error", "target", "reason", "detail", "prediction", "expected")
"""Columns of texts, which a word is looked for in."""
NAMED = ("id", "key", "task_id", "sample_id")
"""Columns whose beginnings are looked for, too."""


@dataclass(frozen=True)
class Question:
    """What is asked of a table."""

    table: str
    where: str = ""
    """A condition in SQL, as `distill show --where` takes it."""
    find: str = ""
    """Words that stand in one of the texts, whatever their capitals and the space between them, or the beginning of an id."""
    sort: str = ""
    """A column; the order of the table where it is empty."""
    descending: bool = False
    columns: tuple[str, ...] = ()
    """Those to show; the customary ones where there are none."""
    page: int = 0

    @property
    def shown(self) -> tuple[str, ...]:
        """Columns that are shown."""
        return self.columns or SHOWN.get(self.table) or sortable(self.table)


@dataclass(frozen=True)
class Page:
    """Some rows of a table."""

    rows: list[dict[str, Any]]
    numbers: list[int]
    """Where each stands in its table, from 0."""
    more: bool
    """Whether others follow."""


def columns(table: str) -> dict[str, str]:
    """What each column of a table means."""
    return {name: info.description or "" for name, info in TABLES[table].model_fields.items()}


def sortable(table: str) -> tuple[str, ...]:
    """Columns that have an order, by what the record says of them."""
    nested = ("messages", "choices", "response_keys", "loss_spans", "answer_span", "met", "met_loosely")
    return tuple(name for name in TABLES[table].model_fields if name not in nested)


def rows_in(folder: Path, table: str) -> int:
    """Rows of a table, by what its file says of itself.

    Raises:
        UserError: it was not made yet, is of another version, or broken.
    """
    check_table(folder, table)
    with readable(table_path(folder, table)):
        return int(pq.read_metadata(table_path(folder, table)).num_rows)


def read_page(folder: Path, asked: Question) -> Page:
    """The rows of a page that fit.

    Raises:
        UserError: the table is missing or broken, or the question names what there is not.
    """
    count = rows_in(folder, asked.table)
    _check(asked)
    first = asked.page * PAGE_ROWS
    if not (asked.where or asked.find or asked.sort):
        numbers = list(range(first, min(first + PAGE_ROWS + 1, count)))
    else:
        with _answering(folder, asked):
            numbers = _numbers(folder, asked, first, PAGE_ROWS + 1)
    shown = numbers[:PAGE_ROWS]
    return Page(read_numbered(folder, asked.table, shown, asked.shown), shown, len(numbers) > PAGE_ROWS)


def count_rows(folder: Path, asked: Question) -> int:
    """How many rows fit; the same errors."""
    count = rows_in(folder, asked.table)
    _check(asked)
    if not (asked.where or asked.find):
        return count
    with _answering(folder, asked):
        return int(_fitting(folder, asked).select(pl.len()).collect(engine="streaming").item())


def read_numbered(folder: Path, table: str, numbers: list[int], wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    """Columns of rows by their numbers, in that order; no row group without one of them is read."""
    found: dict[int, dict[str, Any]] = {}
    with _readable(table_path(folder, table)), pq.ParquetFile(table_path(folder, table), pre_buffer=False) as file:
        ends = list(accumulate(file.metadata.row_group(each).num_rows for each in range(file.metadata.num_row_groups)))
        for group, some in groupby(sorted(numbers), lambda number: bisect_right(ends, number)):
            places, start = list(some), ends[group - 1] if group else 0
            part = file.read_row_group(group, columns=list(wanted), use_threads=False)
            for number, row in zip(places, part.take([each - start for each in places]).to_pylist(), strict=True):
                found[number] = row
    return [found[number] for number in numbers]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """The same, where texts become Python's, which are no texts if their bytes are not UTF-8."""
    try:
        with readable(path):
            yield
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: this table cannot be read: bytes that are no UTF-8: {error.object[error.start : error.end]!r}",
            f"Remove it, and make it again with `make generate RECIPE={path.parent.name}`; replies are remembered.",
        ) from None


def _numbers(folder: Path, asked: Question, first: int, most: int) -> list[int]:
    fitting = _fitting(folder, asked)
    if not asked.sort:
        return fitting.select(NUMBER).slice(first, most).collect(engine="streaming")[NUMBER].to_list()
    narrow = fitting.select(NUMBER, asked.sort)
    order = narrow.sort(asked.sort, NUMBER, descending=[asked.descending, False], nulls_last=True)
    return order.slice(first, most).collect(engine="streaming")[NUMBER].to_list()


def _fitting(folder: Path, asked: Question) -> pl.LazyFrame:
    """The rows that fit, with their numbers; every table of the run can be named in a condition, as in `distill show`."""
    rows = scan(folder, asked.table).with_row_index(NUMBER)
    if asked.find:
        named = TABLES[asked.table].model_fields
        texts = [name for name in SEARCHED if name in named]
        texts = texts or [CONVERSATION if CONVERSATION in columns_of(asked.table) else "model"]
        pattern = "(?i)" + r"\s+".join(map(re.escape, asked.find.split()))
        words = [pl.col(name).str.contains(pattern) for name in texts if name in columns_of(asked.table)]
        rows = rows.filter(
            pl.any_horizontal(*words, *(pl.col(name).str.starts_with(asked.find) for name in NAMED if name in named))
        )
    return fulfilling(folder, asked.table, asked.where, rows) if asked.where else rows


def _check(asked: Question) -> None:
    if len(asked.find) > LONGEST_WORDS:
        raise UserError(f"find: {len(asked.find):,} characters are too many", f"Give at most {LONGEST_WORDS:,} of them.")
    for name in (*asked.columns, *([asked.sort] if asked.sort else [])):
        if name not in columns(asked.table):
            raise UserError(
                f"{asked.table}: there is no column {name[:80]!r}", rather(name, list(columns(asked.table)), "Columns")
            )
    if asked.sort and asked.sort not in sortable(asked.table):
        raise UserError(f"{asked.table}: {asked.sort} has no order", f"Sort by one of {', '.join(sortable(asked.table))}.")


@contextmanager
def _answering(folder: Path, asked: Question) -> Iterator[None]:
    """Turns what polars says of a condition into an error of whoever wrote it."""
    try:
        with explained(folder, asked.table, asked.where):
            yield
    except UserError as error:
        raise UserError(error.what.removeprefix("--"), error.remedy) from None

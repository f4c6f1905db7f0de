"""The calls of a run in figures: how they ended, what is known of their cost, and how many have a time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.inspect.calls import Row, read_calls
from pipeline.publication import write_table
from tests.rows import make_response


def calls(folder: Path, *replies: dict[str, Any]) -> Path:
    """A table of replies, their keys their numbers."""
    write_table(folder, "2_responses", [make_response("x", key=f"{n}", **each) for n, each in enumerate(replies)])
    return folder


def group(folder: Path, *replies: dict[str, Any]) -> Row:
    [found] = read_calls(calls(folder, *replies), "elsewhere").groups
    return found


def test_each_end_is_counted_as_what_it_is(tmp_path: Path) -> None:
    ends = {"stop": 8, "length": 4, "owed": 2, "error": 1, "content_filter": 1}
    found = group(tmp_path, *({"finish": end} for end, many in ends.items() for _ in range(many)))
    assert (found["calls"], found["cut"], found["owed"], found["failed"]) == (16, 4, 2, 2)


def test_seconds_that_most_calls_stay_under(tmp_path: Path) -> None:
    found = group(tmp_path, *({"seconds": float(n)} for n in range(101)))
    assert (found["median"], found["high"], found["longest"]) == (50.0, 95.0, 100.0)


@pytest.mark.parametrize(
    ("replies", "cost"),
    [
        ([(0.25, "stop"), (0.5, "length")], 0.75),
        ([(0.25, "stop"), (None, "stop")], None),
        ([(0.25, "stop"), (None, "error"), (None, "missing"), (None, "owed")], 0.25),
        ([(None, "error")], 0.0),
        ([(None, "content_filter")], None),
    ],
)
def test_dollars_are_all_of_them_or_none(tmp_path: Path, replies: list[tuple[float | None, str]], cost: float | None) -> None:
    assert group(tmp_path, *({"cost": each, "finish": finish} for each, finish in replies))["cost"] == cost


def test_the_part_whose_times_are_known(tmp_path: Path) -> None:
    store = tmp_path / "responses.sqlite"
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("CREATE TABLE replies (key TEXT PRIMARY KEY, landed REAL NOT NULL)")
        connection.executemany("INSERT INTO replies VALUES (?, ?)", [(f"{n}", 1e9 + n) for n in range(3)])
    found = read_calls(calls(tmp_path, *({} for _ in range(12))), store)
    assert (found.answered, found.looked_up, found.landed) == (12, 12, 3) and sum(span.calls for span in found.spans) == 3

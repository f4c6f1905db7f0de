"""The calls of a run: how they ended, how long they took and how many tokens they wrote, in all and over time.

In: `2_responses` and `4_judgements`; for the times the response store, of which some thousands of calls are looked up; and
`run.json` for retries. Out: figures a table row each, and points of a chart.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.llm.tally import MINUTE
from pipeline.report.spending import billed
from pipeline.tables import check_table, readable, table_path

CALLS = ("2_responses", "4_judgements")
ASKED_BY = ("role", "model", "template")
LOOKED_UP = 10_000
"""Calls whose times are looked up in the store, evenly from all."""
AT_ONCE = 500
"""Keys of one look-up."""
SPANS = 48
"""Stretches of time that a chart shows."""
ERRORS = 20
"""Different errors that are shown."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """A stretch of time."""

    began: float
    """Seconds since 1970."""
    calls: int
    """Those that were looked up; the others lie between them."""
    tokens: int
    """Written by these."""
    latency: float | None
    """Median seconds of a call."""
    failed: int
    """Those without a reply that ended by itself or at its limit."""
    retried: int
    """Tries that failed and were followed by another, all of them, to the minute."""


@dataclass(frozen=True)
class Calls:
    """Everything about the calls."""

    groups: list[Row]
    """By role, model and template: calls, tokens in and out, cost, seconds (median, 95 %, longest), cut off, failed, owed."""
    errors: list[Row]
    """What went wrong, and how often."""
    spans: list[Span]
    answered: int
    """All calls but those that are owed."""
    looked_up: int
    """Those of them whose times were looked for in the store, evenly from all."""
    landed: int
    """Those of these that the store still has, which the stretches count; a reply that several rows share is one there."""
    why_no_times: str
    """Why there are none."""


def read_calls(folder: Path, store: Path | str) -> Calls:
    """The calls of a run.

    Args:
        store: file of the response store; an address of one elsewhere is not asked.
    """
    there = [name for name in CALLS if table_path(folder, name).exists()]
    groups = [row for name in there for row in _groups(folder, name)]
    errors = sorted((row for name in there for row in _errors(folder, name)), key=lambda row: -row["calls"])[:ERRORS]
    total, owed = (sum(row[column] for row in groups) for column in ("calls", "owed"))
    times, looked_up, why = _times(folder, there, store, total)
    return Calls(groups, errors, _spans(times.unique("key"), _retries(folder)), total - owed, looked_up, len(times), why)


def _scan(folder: Path, name: str) -> pl.LazyFrame:
    check_table(folder, name)
    return pl.scan_parquet(table_path(folder, name))


def _groups(folder: Path, name: str) -> list[Row]:
    seconds, finish = pl.col("seconds"), pl.col("finish")
    with readable(table_path(folder, name)):
        calls = _scan(folder, name).select(*ASKED_BY, "finish", "tokens_in", "tokens_out", "cost", "seconds")
        groups = (
            calls.group_by(ASKED_BY)
            .agg(
                calls=pl.len(), tokens_in=pl.col("tokens_in").sum(), tokens_out=pl.col("tokens_out").sum(),
                cost=pl.when(_billed().null_count() == 0).then(_billed().sum()), longest=seconds.max(),
                cut=(finish == "length").sum(), failed=_failed().sum(), owed=(finish == "owed").sum(),
            )
            .sort("calls", descending=True)
            .collect(engine="streaming")
            .to_dicts()
        )  # fmt: skip
        for group in groups:  # a quantile within a group_by would hold the names of every call
            own = calls.filter(*(pl.col(column).eq_missing(group[column]) for column in ASKED_BY))
            group |= (
                own.select(median=seconds.median(), high=seconds.quantile(0.95)).collect(engine="streaming").row(0, named=True)
            )
    return groups


def _billed() -> pl.Expr:
    """Dollars of a call; none of one that is owed."""
    return pl.when(pl.col("finish") == "owed").then(0.0).otherwise(billed())


def _failed() -> pl.Expr:
    return ~pl.col("finish").is_in(["stop", "length", "owed"])


def _errors(folder: Path, name: str) -> list[Row]:
    with readable(table_path(folder, name)):
        some = (
            _scan(folder, name)
            .select("model", "finish", pl.col("error").str.slice(0, 300))
            .filter(pl.col("error").is_not_null())
        )
        counted = some.group_by("model", "finish", "error").agg(calls=pl.len()).sort("calls", "error", descending=[True, False])
        return counted.head(ERRORS).collect(engine="streaming").to_dicts()


def _times(folder: Path, tables: list[str], store: Path | str, total: int) -> tuple[pl.DataFrame, int, str]:
    """When some of the calls landed, how many of them were looked up, and why there are none.

    The columns are key, landed, seconds, tokens, failed.
    """
    columns = {"key": pl.String, "landed": pl.Float64, "seconds": pl.Float64, "tokens": pl.Int64, "failed": pl.Boolean}
    none = pl.DataFrame(schema=columns)
    if not isinstance(store, Path):
        return none, 0, "The times of calls are in the response store, which is not a file here."
    if not store.is_file():
        return none, 0, f"The times of calls are in the response store; there is none at {store}."
    every = max(1, -(-total // LOOKED_UP))
    told = (pl.col("key"), pl.col("seconds"), pl.col("tokens_out").fill_null(0).alias("tokens"), _failed().alias("failed"))
    parts = []
    for name in tables:
        with readable(table_path(folder, name)):
            some = _scan(folder, name).select("finish", *told).gather_every(every).collect(engine="streaming")
        parts.append(some.filter(pl.col("finish") != "owed"))
    calls = pl.concat(parts) if parts else pl.DataFrame()
    if calls.is_empty():
        return none, 0, "There are no calls yet."
    try:
        landed = _landed(store, calls["key"].unique().to_list())
    except sqlite3.Error as error:
        return none, 0, f"The times of calls are in the response store; {store} cannot be read: {error}."
    times = calls.join(
        pl.DataFrame({"key": list(landed), "landed": list(landed.values())}, schema_overrides={"key": pl.String}), on="key"
    )
    why = "" if times.height else f"None of the {calls.height:,} calls that were looked up is still in {store}."
    return times.select(none.columns), calls.height, why


def _landed(store: Path, keys: list[str]) -> dict[str, float]:
    """When replies landed, by key, in seconds since 1970; the store is opened for reading only."""
    found: dict[str, float] = {}
    with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            marks = ",".join("?" * len(some))
            found |= dict(connection.execute(f"SELECT key, landed FROM replies WHERE key IN ({marks})", some))
    return found


def read_starts(folder: Path) -> list[Row]:
    """The starts that `run.json` tells of; none where it cannot be read."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        log = json.loads((folder / "run.json").read_text(encoding="utf-8", errors="replace"))
        return [each for each in log.get("starts", []) if isinstance(each, dict)]
    return []


def _retries(folder: Path) -> dict[float, int]:
    """Tries that were followed by another, by the middle of the minute in which they failed, as all starts tell."""
    found: dict[float, int] = {}
    for start in read_starts(folder):
        at = start.get("retried_at")
        for minute, count in (at if isinstance(at, dict) else {}).items():
            if str(minute).isdigit() and isinstance(count, int):
                found[int(minute) + MINUTE / 2] = found.get(int(minute) + MINUTE / 2, 0) + count
    return found


def _spans(times: pl.DataFrame, retries: dict[float, int]) -> list[Span]:
    """The calls in stretches of the same length, from the first to the last; tries outside of them are at their ends."""
    if times.is_empty():
        return []
    first, last = float(times["landed"].min()), float(times["landed"].max())  # type: ignore[arg-type]
    length = max((last - first) / SPANS, 1.0)
    number = ((pl.col("landed") - first) / length).floor().cast(pl.Int64).clip(0, SPANS - 1)
    groups = times.group_by(number.alias("number")).agg(
        pl.len(), pl.col("tokens").sum(), pl.col("seconds").median(), pl.col("failed").sum()
    )
    found = {row[0]: row[1:] for row in groups.iter_rows()}
    retried = [0] * (max(found) + 1)
    for at, count in retries.items():
        retried[min(max(int((at - first) / length), 0), len(retried) - 1)] += count
    return [
        Span(first + place * length, calls, tokens, latency, failed, tries)
        for place, tries in enumerate(retried)
        for calls, tokens, latency, failed in [found.get(place, (0, 0, None, 0))]
    ]

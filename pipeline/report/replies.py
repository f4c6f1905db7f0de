"""`distill store`: what the response store holds and what it had cost, all of it as a file, and old replies thrown away.

In: the path or address of a store, of any size: replies pass through memory by some hundreds. Out: lines for a terminal. Prices
and tokens nobody told are counted as unknown, never as 0. Replies that cannot be read are counted and left out.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline.errors import UserError
from pipeline.llm.databases import database_at
from pipeline.llm.databases.stored import PAGE, RESCUE, Damaged, Database, Stored, reply_in
from pipeline.llm.request import Reply
from pipeline.report.reply_counts import UNKNOWN, Counts, Sum, aligned
from pipeline.report.reply_files import KINDS, Writing

DAY = 24 * 60 * 60.0
AT_ONCE = 1000
"""Replies thrown away in one commit."""
SHORT = 2.0
"""Seconds to wait for others before the space of what is gone stays in the file."""


def stats(where: str | Path) -> list[str]:
    """Replies, bytes and dates of a store; for each provider and model replies, tokens, cost and outcomes without text.

    Raises:
        UserError: there is no store, or it is damaged.
    """
    counts: dict[tuple[str, str], Counts] = {}
    first, last, unread = math.inf, 0.0, 0
    with database_at(where, reading=True) as database:
        for row, reply in _read(database):
            first, last = min(first, row.landed), max(last, row.landed)
            if reply is None:
                unread += 1
            else:
                counts.setdefault((row.provider or UNKNOWN, row.model or UNKNOWN), Counts()).add(reply)
        size = database.size()
    replies = sum(each.replies for each in counts.values()) + unread
    when = f", landed {_day(first)} to {_day(last)} UTC" if replies else ""
    lines = [f"{database.name}: {replies:,} replies in {size / 1e6:,.1f} MB{when}"]
    lines += aligned(counts) if counts else []
    lines += [f"  {unread:,} of them cannot be read. {RESCUE}"] if unread else []
    return lines


def export(where: str | Path, path: Path) -> list[str]:
    """Writes every reply that can be read to `path`; lines that say how many.

    Raises:
        UserError: there is no store, or the path is of another sort, is taken, or cannot be written.
    """
    writing = KINDS.get(path.suffix.lower())
    if writing is None:
        raise UserError(f"{path}: not a kind of file replies are written to", f"Name one that ends in {' '.join(KINDS)}.")
    if path.suffix.lower() == ".sqlite" and path.exists():
        raise UserError(f"{path}: is there already, and may be a store", "Name a new file.")
    damaged: list[Damaged] = []
    try:
        written, unread = _written(where, path, writing, damaged)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}", "Free space or name another place.") from None
    lines = [f"{path}: {written:,} replies"]
    if unread:
        lines.append(f"  {unread:,} replies could not be read and were left out")
    if damaged:
        lines.append(f"  parts of the store could not be read, and what lay there is lost: {damaged[0].what}")
    return lines


def _written(where: str | Path, path: Path, writing: Writing, damaged: list[Damaged]) -> tuple[int, int]:
    """How many replies were written, and how many could not be read."""
    written = unread = 0
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with database_at(where, reading=True) as database, writing(unfinished) as write:
            rows = _read(database, damaged)
            while page := list(islice(rows, PAGE)):
                whole = [(row, reply) for row, reply in page if reply is not None]
                write(whole)
                written, unread = written + len(whole), unread + len(page) - len(whole)
        os.replace(unfinished, path)
    finally:
        for ending in ("", "-wal", "-shm"):
            unfinished.with_name(unfinished.name + ending).unlink(missing_ok=True)
    return written, unread


def prune(
    where: str | Path,
    older_than_days: float | None = None,
    provider: str | None = None,
    model: str | None = None,
    errors: bool = False,
    dry_run: bool = False,
) -> tuple[int, list[str]]:
    """Throws away the replies that fit all conditions; how many, and lines that say so and what they had cost.

    Args:
        older_than_days: those that landed before so many days.
        provider: those of this provider, or `unknown`.
        model: those of this model, or `unknown`.
        errors: those without a text.
        dry_run: throw nothing away, only say.

    Raises:
        UserError: no condition is given, or there is no store, or it is damaged.
    """
    chosen = _Chosen(_before(older_than_days), provider, model, errors)
    if chosen == _Chosen():
        raise UserError(
            "store prune: no condition is given, and every reply would go",
            "Say which: --older-than DAYS, --provider NAME, --model NAME or --errors.",
        )
    with database_at(where, reading=True) as there:  # a place without a store is refused, not made into one
        name = there.name
    with database_at(where, reading=dry_run) as database:
        count, cost = _throw_away(database, chosen, dry_run)
        if count and not dry_run:
            database.hurry(SHORT)
            with suppress(UserError):  # somebody reads just now: the space is used again by later replies
                database.compact()
    verb = "would be thrown away" if dry_run else "were thrown away"
    return count, [f"{name}: {count:,} replies {verb}; dollars they had cost: {cost.shown(',.4f')}"]


@dataclass(frozen=True)
class _Chosen:
    """Which replies are meant."""

    before: float | None = None
    provider: str | None = None
    model: str | None = None
    errors: bool = False

    def fits(self, row: Stored, reply: Reply | None) -> bool:
        """Whether a reply is meant; one that cannot be read is no error of the provider's."""
        return (
            (self.before is None or row.landed < self.before)
            and (self.provider is None or self.provider == (row.provider or UNKNOWN))
            and (self.model is None or self.model == (row.model or UNKNOWN))
            and (not self.errors or (reply is not None and reply.text is None))
        )


def _before(days: float | None) -> float | None:
    if days is not None and not 0 <= days < math.inf:
        raise UserError(f"--older-than {days}: not a number of days", "Give days, such as 30 or 0.5.")
    return None if days is None else time.time() - days * DAY


def _throw_away(database: Database, chosen: _Chosen, dry_run: bool) -> tuple[int, Sum]:
    """How many replies were meant and what they had cost."""
    count, cost, keys = 0, Sum(), list[str]()
    for row, reply in _read(database):
        if chosen.fits(row, reply):
            count += 1
            cost.add(reply.cost if reply else None)
            keys.append(row.key)
        if len(keys) == AT_ONCE:
            _remove(database, keys, dry_run)
    _remove(database, keys, dry_run)
    return count, cost


def _remove(database: Database, keys: list[str], dry_run: bool) -> None:
    if not dry_run:
        database.remove(keys)
    keys.clear()


def _read(database: Database, damaged: list[Damaged] | None = None) -> Iterator[tuple[Stored, Reply | None]]:
    """All rows with their replies, None for those that cannot be read; `damaged` as `Database.pages` has it."""
    for rows in database.pages(damaged):
        for row in rows:
            try:
                yield row, reply_in(row, database.name)
            except Damaged:
                yield row, None


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))

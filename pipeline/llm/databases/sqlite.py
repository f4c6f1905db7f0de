"""Replies in an SQLite file: a write-ahead log, every commit on the disk, claims among the processes of this machine.

The file may be on a local disk only, as SQLite and its locks demand. Files of version 0, which had three columns, are brought
up to date when they are opened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from pipeline.errors import UserError
from pipeline.llm.databases.claims import Claims
from pipeline.llm.databases.stored import PAGE, RESCUE, VERSION, Damaged, Stored, newer, nothing_stored

TABLE = """CREATE TABLE replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL, landed REAL NOT NULL,
           provider TEXT, model TEXT, checksum INTEGER)"""
"""With row ids: kept under their keys, rows of 1 kB took 4 times the processor and 3 times the space."""
COLUMNS = "key, reply, landed, provider, model, checksum"
SMALLEST = 100
"""Bytes of a row at least."""
AT_ONCE = 500
"""Keys in one SELECT: SQLite built with its old limit takes 999."""


class SqliteDatabase:
    """The file at `path`; every method may be called from one thread at a time."""

    def __init__(self, path: Path, patience: float, reading: bool = False) -> None:
        self.path, self.name = path, str(path)
        self._patience, self._reading = patience, reading
        self._claims: Claims | None = None

    def __enter__(self) -> SqliteDatabase:
        if self._reading and not self.path.exists():
            raise nothing_stored(self.name)
        with self._problems():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None, check_same_thread=False)
            self._connection.text_factory = bytes  # damage may be no UTF-8; it is found by the checksum
            try:
                self._make_ready()
            except BaseException:
                self._connection.close()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        with self._problems():
            self._connection.close()
            if self._claims is not None:
                self._claims.close()
                self._claims = None

    def find(self, keys: Sequence[str]) -> dict[str, Stored]:
        with self._problems():
            return {row.key: row for row in map(self._row, self._select(COLUMNS, keys))}

    def take(self, keys: Collection[str]) -> set[str]:
        with self._problems():
            if self._claims is None:
                path = self.path.resolve()  # one folder, by whatever links the store was named
                self._claims = Claims(path.with_name(f"{path.name}.claims"))
            return self._claims.take(keys)

    def drop(self, keys: Collection[str]) -> None:
        if self._claims is not None:
            with self._problems():
                self._claims.drop(keys)

    def put(self, rows: Sequence[Stored]) -> None:
        with self._problems(), self._transaction():
            self._connection.executemany(
                f"INSERT OR IGNORE INTO replies ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
                [(key, reply.decode(), *rest) for key, reply, *rest in sorted(rows)],
            )
        self.drop([row.key for row in rows])

    def hurry(self, patience: float) -> None:
        with self._problems():
            self._connection.execute(f"PRAGMA busy_timeout={int(min(patience, self._patience) * 1000)}")

    def pages(self, damaged: list[Damaged] | None = None) -> Iterator[list[Stored]]:
        for start in range(0, self._last_row(damaged), PAGE):
            try:
                rows = self._between(start + 1, start + PAGE)
            except Damaged as damage:
                if damaged is None:
                    raise
                damaged.append(damage)
                rows = self._one_by_one(start + 1, start + PAGE)
            if rows:
                yield rows

    def _last_row(self, damaged: list[Damaged] | None) -> int:
        try:
            with self._problems():
                return self._number("SELECT coalesce(max(rowid), 0) FROM replies")
        except Damaged as damage:
            if damaged is None:
                raise
            damaged.append(damage)
            return self.path.stat().st_size // SMALLEST

    def _between(self, first: int, last: int) -> list[Stored]:
        with self._problems():
            question = f"SELECT {COLUMNS} FROM replies WHERE rowid BETWEEN ? AND ?"
            return list(map(self._row, self._connection.execute(question, (first, last))))

    def _one_by_one(self, first: int, last: int) -> list[Stored]:
        """The rows of which each by itself can be read."""
        rows = []
        for number in range(first, last + 1):
            with suppress(Damaged):
                rows += self._between(number, number)
        return rows

    def remove(self, keys: Collection[str]) -> int:
        with self._problems(), self._transaction():
            before = self._connection.total_changes
            self._connection.executemany("DELETE FROM replies WHERE key = ?", [(key,) for key in keys])
            return self._connection.total_changes - before

    def compact(self) -> None:
        with self._problems():
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def size(self) -> int:
        log = self.path.with_name(f"{self.path.name}-wal")
        return sum(path.stat().st_size for path in (self.path, log) if path.exists())

    def _select(self, columns: str, keys: Sequence[str]) -> Iterator[Any]:
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            places = ",".join("?" * len(some))
            yield from self._connection.execute(f"SELECT {columns} FROM replies WHERE key IN ({places})", some)

    def _row(self, row: tuple[Any, ...]) -> Stored:
        key, reply, landed, provider, model, total = row
        try:
            if not isinstance(reply, bytes):
                raise TypeError
            return Stored(key.decode(), reply, float(landed), provider and provider.decode(), model and model.decode(), total)
        except (AttributeError, TypeError, ValueError):
            raise Damaged(f"{self.name}: the response store is damaged: no reply under {key!r}", RESCUE) from None

    def _make_ready(self) -> None:
        """Brings the file to this version, whatever it was; one of this version is not written to."""
        if self._reading:  # SQLite refuses a file that was cut off, unless asked like this
            self._connection.execute("PRAGMA writable_schema=ON")
        version = self._number("PRAGMA user_version")
        if version > VERSION:
            raise newer(self.name, version)
        tables = self._tables() if version < VERSION else [b"replies"]
        if self._reading and not tables:
            raise nothing_stored(self.name)
        if tables and b"replies" not in tables:
            raise UserError(f"{self.name}: a database of another program", "Name another file with DISTILL_STORE.")
        _write_ahead(self._connection, self._patience)
        self._connection.execute("PRAGMA synchronous=FULL")
        if version < VERSION:
            with self._transaction():
                self._bring_up_to_date()

    def _tables(self) -> list[bytes]:
        return [name for (name,) in self._connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]

    def _bring_up_to_date(self) -> None:
        if self._number("PRAGMA user_version") == VERSION:
            return  # another process just did
        is_old = b"replies" in self._tables()
        if is_old:
            self._connection.execute("ALTER TABLE replies RENAME TO replies_0")
        self._connection.execute(TABLE)
        if is_old:
            self._connection.execute("INSERT INTO replies SELECT key, reply, landed, NULL, NULL, NULL FROM replies_0")
            self._connection.execute("DROP TABLE replies_0")
        self._connection.execute(f"PRAGMA user_version={VERSION}")

    def _number(self, question: str) -> int:
        return int(self._connection.execute(question).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite itself has rolled back after some errors
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _problems(self) -> Iterator[None]:
        """What SQLite or the disk raises, as errors that say what to do."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._problem(error) from error

    def _problem(self, error: sqlite3.Error | OSError) -> UserError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what = f"{self.name}: the response store cannot be used: {error}"
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return Damaged(what, f"Is it a response store? {RESCUE}")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return UserError(f"{what}: another program holds it", "End that program, or name another with DISTILL_STORE.")
        return UserError(what, "Free space on its disk, permit writing there, or name another with DISTILL_STORE.")


def _write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Switches the file to a write-ahead log; SQLite itself does not wait where another process is just doing so."""
    again = Retrying(
        retry=retry_if_exception(_is_busy), stop=stop_after_delay(patience), wait=wait_random(0, 0.1), reraise=True
    )
    again(connection.execute, "PRAGMA journal_mode=WAL")


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY

"""The memory behind the door: one SQLite file in which every reply lies under the hash of all that determined it.

Replies that land at the same time share one commit, and `put` returns only when its reply is on the disk: a `kill -9` loses
calls in flight and nothing else. Several processes may use the file at once.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from pipeline.errors import UserError
from pipeline.llm.request import Reply

SCHEMA = "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL, landed REAL NOT NULL) WITHOUT ROWID"


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


class Store:
    """`get` and `put` replies by key; use as an async context manager."""

    def __init__(self, path: Path) -> None:
        if ":/" in str(path):  # a path has only one of an address's two slashes left
            raise UserError(f"DISTILL_STORE={path}: only a path of an SQLite file is understood", "Give a file's path.")
        self.path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._pending: dict[str, str] = {}
        self._commit: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Store:
        await self._run(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if self._commit is not None:
                await self._commit  # what landed is kept, also when everybody who waited for it is gone
            await self._run(self._connection.close)
        finally:
            self._thread.shutdown()

    async def get(self, key: str) -> Reply | None:
        """The reply under `key`, or None."""
        row = await self._run(self._select, key)
        try:
            return None if row is None else Reply.model_validate_json(row)
        except ValueError:
            raise UserError(
                f"{self.path}: the reply under {key} cannot be read",
                "Was the file written by another version? Name another with DISTILL_STORE.",
            ) from None

    async def put(self, key: str, reply: Reply) -> None:
        """Remembers `reply`; returns when it is durable."""
        self._pending[key] = reply.model_dump_json(exclude_none=True)
        if self._commit is None:
            self._commit = asyncio.create_task(self._commit_pending())
        await asyncio.shield(self._commit)

    async def _commit_pending(self) -> None:
        await asyncio.sleep(0)  # let the others that landed just now join
        rows, self._pending, self._commit = self._pending, {}, None
        await self._run(self._insert, rows)

    async def _run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        except (sqlite3.Error, OSError) as error:
            raise UserError(
                f"{self.path}: the response store cannot be used: {error}",
                "Free space on its disk, mend the file, or name another with DISTILL_STORE.",
            ) from error

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
        self._write_ahead()
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(SCHEMA)

    @retry(retry=retry_if_exception(_is_busy), stop=stop_after_delay(60), wait=wait_random(0, 0.1), reraise=True)
    def _write_ahead(self) -> None:
        """Switches the file to a write-ahead log; SQLite itself does not wait where another process is just doing so."""
        self._connection.execute("PRAGMA journal_mode=WAL")

    def _select(self, key: str) -> str | None:
        row = self._connection.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def _insert(self, rows: dict[str, str]) -> None:
        now = time.time()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(
                "INSERT OR IGNORE INTO replies VALUES (?, ?, ?)", [(key, reply, now) for key, reply in rows.items()]
            )
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

"""The memory behind the door: every reply under the hash of all that determined it, in a file or a database.

What is asked of the store while its one thread is busy is gathered and then done together: one look for all keys, one commit
for all replies that landed. `put` returns when its reply is durable, so a `kill -9` loses calls in flight and nothing else.
Of several processes on one store, whoever claims a key first asks for it, and the others wait for the reply.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import UserError
from pipeline.llm.databases import PATIENCE, database_at
from pipeline.llm.databases.stored import Stored, checksum, reply_in
from pipeline.llm.request import Reply

POLL = 0.05
"""Seconds between two looks for a key that somebody else has claimed."""
HURRY = 5.0
"""Seconds to wait for others' locks once a reply could not be stored."""
T = TypeVar("T")
Answer = asyncio.Future[Stored | None]


@dataclass
class _Gathered:
    """What was asked of the store since it last looked."""

    finds: list[tuple[str, Answer]] = field(default_factory=list)
    claims: list[tuple[str, Answer]] = field(default_factory=list)
    drops: list[str] = field(default_factory=list)
    puts: dict[str, tuple[bytes, str, str]] = field(default_factory=dict)
    landings: list[asyncio.Future[None]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.finds or self.claims or self.drops or self.puts)


class Store:
    """Remembered replies by key; use as an async context manager.

    Args:
        where: path of an SQLite file, or `postgresql://user:password@host/database`.
        patience: seconds to wait where another program holds the store locked.
    """

    def __init__(self, where: str | Path, patience: float = PATIENCE) -> None:
        self._database = database_at(where, patience)
        self.name = self._database.name
        self._gathered = _Gathered()
        self._working: asyncio.Task[None] | None = None
        self._waiting: list[tuple[str, Answer]] = []
        self._unsaved: dict[str, tuple[bytes, str, str]] = {}

    async def __aenter__(self) -> Store:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")  # a store may be opened again
        await self._run(self._database.__enter__)
        return self

    async def __aexit__(self, *_: object) -> None:
        for _key, future in self._waiting:
            future.cancel()
        try:
            while self._working is not None:
                await asyncio.shield(self._working)  # what landed is kept, also when everybody who waited for it is gone
            if self._unsaved:
                await self._save_at_last()
        finally:
            try:
                await self._run(self._database.__exit__, None, None, None)
            finally:
                self._thread.shutdown()

    async def get(self, key: str) -> Reply | None:
        """The reply under `key`, or None."""
        answer = self._ask(self._gathered.finds, key)
        return self._reply(await answer)

    async def claim(self, key: str) -> Reply | None:
        """The reply under `key`, or None: then this store alone may ask for it, until `put` or `release`.

        Waits while another store has claimed the key, in this process or in another, and takes over if that one dies.
        """
        answer = self._ask(self._gathered.claims, key)
        try:
            return self._reply(await answer)
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and not answer.exception() and answer.result() is None:
                self._drop(key)  # it was granted just before
            raise

    async def release(self, key: str) -> None:
        """Gives a claimed key up: the call failed."""
        self._drop(key)

    async def put(self, key: str, reply: Reply, *, provider: str = "", model: str = "") -> None:
        """Remembers `reply`, ends the claim on `key`, and returns when both are done and durable.

        Raises:
            UserError: it could not be stored; it is tried once more when the store is closed.
        """
        self._gathered.puts.setdefault(key, (reply.model_dump_json(exclude_none=True).encode(), provider, model))
        landing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathered.landings.append(landing)
        self._wake()
        await landing

    def _ask(self, questions: list[tuple[str, Answer]], key: str) -> Answer:
        answer: Answer = asyncio.get_running_loop().create_future()
        questions.append((key, answer))
        self._wake()
        return answer

    def _drop(self, key: str) -> None:
        if key not in self._unsaved:  # whose reply has come, and is only not stored yet
            self._gathered.drops.append(key)
            self._wake()

    def _reply(self, row: Stored | None) -> Reply | None:
        return None if row is None else reply_in(row, self.name)

    def _wake(self) -> None:
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Does what was gathered until there is nothing more."""
        try:
            while self._gathered:
                await asyncio.sleep(0)  # let the others of this moment join
                gathered, self._gathered = self._gathered, _Gathered()
                await self._look(gathered)
                await self._write(gathered)
        finally:
            self._working = None

    async def _look(self, gathered: _Gathered) -> None:
        questions = gathered.finds + gathered.claims
        if not questions and not gathered.drops:
            return
        try:
            found, taken = await self._run(self._look_up, gathered)
        except Exception as error:
            _fail([future for _, future in questions], error)
            return
        for key, future in questions[: len(gathered.finds)]:
            if not future.done():
                future.set_result(found.get(key))
        for key, future in gathered.claims:
            self._answer_claim(key, future, found.get(key), taken)
        self._gathered.drops.extend(taken)  # by who is gone

    def _answer_claim(self, key: str, future: Answer, row: Stored | None, taken: set[str]) -> None:
        if future.done():
            return
        if row is not None or key in taken:
            taken.discard(key)
            future.set_result(row)
        else:
            if not self._waiting:
                asyncio.get_running_loop().call_later(POLL * random.uniform(0.5, 1.5), self._look_again)
            self._waiting.append((key, future))

    def _look_again(self) -> None:
        self._gathered.claims += [each for each in self._waiting if not each[1].done()]
        self._waiting.clear()
        self._wake()

    def _look_up(self, gathered: _Gathered) -> tuple[dict[str, Stored], set[str]]:
        """The rows that are there, and the keys that are claimed from now on; in the thread."""
        database = self._database
        database.drop(gathered.drops)
        found = database.find([key for key, _ in gathered.finds] + [key for key, _ in gathered.claims])
        taken = database.take({key for key, _ in gathered.claims if key not in found})
        if taken:
            landed_meanwhile = database.find(list(taken))
            database.drop(landed_meanwhile.keys())
            found |= landed_meanwhile
            taken -= landed_meanwhile.keys()
        return found, taken

    async def _write(self, gathered: _Gathered) -> None:
        if not gathered.puts:
            return
        self._unsaved |= gathered.puts
        try:
            await self._run(self._save)
        except Exception as error:
            _fail(gathered.landings, error)
            with suppress(UserError):
                await self._run(self._database.hurry, HURRY)
            return
        for landing in gathered.landings:
            if not landing.done():
                landing.set_result(None)

    def _save(self) -> None:
        """Puts what is not yet there; in the thread."""
        now = time.time()
        self._database.put(
            [
                Stored(key, reply, now, provider or None, model or None, checksum(key, reply))
                for key, (reply, provider, model) in self._unsaved.items()
            ]
        )
        self._unsaved.clear()

    async def _save_at_last(self) -> None:
        count = len(self._unsaved)
        try:
            await self._run(self._save)
        except UserError as error:
            what = f"{error.what}; {count} of the replies that came could not be stored and will be asked for again"
            raise UserError(what, error.remedy) from error

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def _fail(futures: Iterable[asyncio.Future[Any]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)

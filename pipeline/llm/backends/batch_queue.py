"""Gathers requests into batches, finds those that earlier starts submitted, and waits for all of them.

A request goes on the waiting list. Once no more came for a while, the list goes to the provider as a file, and everybody waits
until that batch is over. What a batch holds is read back from the provider itself, where `custom_id` is the request's key: a
program that was killed finds its batches again, on any day of a month, and submits only what is in none of them. So there is no
status file to lose, and nothing is paid for twice.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from openai.types import Batch

from pipeline.errors import DistillError, UserError
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.batch_files import BatchFiles, FileGone
from pipeline.llm.backends.batch_lines import (
    OVER,
    Terms,
    files_of,
    input_line,
    left_over,
    outcome,
    read_line,
    seconds_of,
    state_of,
)
from pipeline.llm.backends.openai import Endpoint
from pipeline.llm.backends.protocol import request_body
from pipeline.llm.request import Reply, Request
from pipeline.settings import Settings
from pipeline.terminal import complain


@dataclass
class _Call:
    """A request without an outcome."""

    line: bytes
    """Its line of an input file; empty once that is submitted."""
    reply: asyncio.Future[Reply]
    wanted: int = 0
    """How many wait for it."""

    def end(self, outcome: Reply | Exception) -> None:
        if self.reply.done():
            return
        if isinstance(outcome, Reply):
            self.reply.set_result(outcome)
        else:
            self.reply.set_exception(outcome)
            self.reply.exception()  # seen, also where nobody waits any more


@dataclass
class _Known:
    """A batch at the provider."""

    batch: Batch
    keys: set[str] | None = None
    """The requests it may hold results of; None before its files were read."""

    @property
    def over(self) -> bool:
        return state_of(self.batch) in OVER


_Calls = dict[str, _Call]


class BatchQueue:
    """Answers by batches; use as an async context manager. Batches under way at its end go on at the provider."""

    def __init__(self, identity: dict[str, str], endpoint: Endpoint, settings: Settings, terms: Terms) -> None:
        self._identity, self._endpoint, self._terms = identity, endpoint, terms
        self._files = BatchFiles(identity["model"], endpoint, settings, terms)
        self._calls: _Calls = {}
        self._waiting: _Calls = {}
        self._size = 0
        self._news = asyncio.Event()
        self._holding = False
        self._known: list[_Known] | None = None
        self._following: dict[asyncio.Task[None], tuple[_Known, _Calls]] = {}

    async def __aenter__(self) -> BatchQueue:
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._say_what_goes_on()
        tasks = [self._worker, *self._following]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for call in self._calls.values():
            call.reply.cancel()
        await self._files.close()

    async def complete(self, request: Request) -> Reply:
        key = request.key(self._identity)
        call = self._calls.get(key)
        if call is None or call.reply.done():
            line = input_line(key, request_body(self._identity["model"], request, self._endpoint.limit_field))
            call = self._calls[key] = _Call(line, asyncio.get_running_loop().create_future())
            self._wait(key, call)
        call.wanted += 1
        try:
            return await asyncio.shield(call.reply)
        finally:
            call.wanted -= 1
            if call.reply.done() and self._calls.get(key) is call:
                del self._calls[key]

    def _wait(self, key: str, call: _Call) -> None:
        self._waiting[key] = call
        self._size += len(call.line)
        self._news.set()

    def hold(self) -> None:
        """Gives up what was not sent yet, and sends nothing more."""
        self._holding = True
        for call in self._waiting.values():
            call.end(CallFailed("the run ended before it was sent", again=False))
        self._waiting, self._size = {}, 0

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            while not self._full():
                self._news.clear()
                try:
                    await asyncio.wait_for(self._news.wait(), self._terms.quiet)
                except TimeoutError:
                    break
            calls, self._waiting, self._size = self._waiting, {}, 0
            for key in [key for key, call in calls.items() if not call.wanted]:  # given up before it was sent
                del calls[key], self._calls[key]
            await self._place(calls)

    def _full(self) -> bool:
        return len(self._waiting) >= self._terms.most_requests or self._size >= self._terms.most_bytes

    async def _place(self, calls: _Calls) -> None:
        """Finds a batch for each call; those that fail meanwhile are told."""
        try:
            if calls and self._known is None:
                self._known = [_Known(batch) for batch in await self._files.earlier()]
            for known in [*(self._known or ())]:
                if calls:
                    await self._look_into(known, calls)
            if self._holding:
                raise CallFailed("the run ended before it was sent", again=False)
            for keys in files_of({key: call.line for key, call in calls.items()}, self._terms):
                await self._submit({key: calls[key] for key in keys})
                for key in keys:
                    del calls[key]
        except Exception as error:
            for call in calls.values():
                call.end(error)

    async def _submit(self, calls: _Calls) -> None:
        batch = await self._files.submit([call.line for call in calls.values()])
        known = _Known(batch, set(calls))
        self._known = [known, *(self._known or ())]
        self._follow(known, calls)

    async def _look_into(self, known: _Known, calls: _Calls) -> None:
        """Takes from `calls` those that a batch answered or will answer."""
        if known.over:
            if known.keys is None or known.keys & calls.keys():
                try:
                    await self._take(known, calls, owed=False)
                except FileGone:
                    known.keys = set()
            return
        if known.keys is None:
            with suppress(FileGone):
                known.keys = await self._files.keys_asked(known.batch)
        mine = {key: calls.pop(key) for key in [*calls] if known.keys is None or key in known.keys}
        if mine:
            # of a batch that is being cancelled, or does not tell what was asked, the rest is submitted once it is over
            self._follow(known, mine, again=known.keys is None or state_of(known.batch) == "cancelling")

    def _follow(self, known: _Known, calls: _Calls, again: bool = False) -> None:
        for call in [] if again else calls.values():
            call.line = b""  # submitted: the memory is given back
        task = asyncio.create_task(self._followed(known, calls, again))
        self._following[task] = known, calls
        task.add_done_callback(lambda done: self._following.pop(done, None))

    async def _followed(self, known: _Known, calls: _Calls, again: bool) -> None:
        """Hands out what a batch brings once it is over, and what became of the rest."""
        try:
            await self._until_over(known)
            await self._take(known, calls, owed=not again)
            rest: Exception | None = None if again else left_over(known.batch)
        except Exception as error:
            rest = error
        for key in [*calls]:
            call = calls.pop(key)
            if rest:
                call.end(rest)
            else:
                self._wait(key, call)

    async def _until_over(self, known: _Known) -> None:
        """Looks at a batch, ever more seldom, until it is over."""
        pause = self._terms.first_poll
        while not known.over:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, self._terms.last_poll)
            known.batch = await self._files.looked_at(known.batch)

    async def _take(self, known: _Known, calls: _Calls, owed: bool) -> None:
        """Ends the calls whose outcomes a batch that is over holds, until there are no more.

        Args:
            owed: whether a call also ends with a failure that asking again may mend.
        """
        seen: set[str] = set()
        whole = state_of(known.batch) == "completed"
        place, model, seconds = self._endpoint.base_url, self._identity["model"], seconds_of(known.batch)

        def take(line: bytes) -> bool:
            row = read_line(line)
            key = row["custom_id"] if row else ""
            seen.add(key)
            if row and key in calls:
                try:
                    calls[key].end(outcome(row, place, model, seconds))
                    del calls[key]
                except DistillError as error:  # what was never run, the end of the batch explains
                    if owed and (whole or isinstance(error, UserError)):
                        calls.pop(key).end(error)
            return bool(calls)

        if await self._files.results(known.batch, take) and known.keys is None:
            known.keys = seen

    def _say_what_goes_on(self) -> None:
        """One line about the batches that are left to the provider."""
        going = [(known.batch.id, len(calls)) for known, calls in self._following.values() if calls]
        if going:
            ids, requests = ", ".join(sorted({name for name, _ in going})), sum(count for _, count in going)
            complain(
                f"{requests:,} requests go on at {self._endpoint.host} ({ids}); the same command picks them up",
            )

"""`ask`: every question to every model goes through here, and none is paid for twice.

In: a request and the model to put it to. Out: the reply, from memory where it is known, else from the backend and into memory
before anybody sees it. The same request asked twice at once is sent once, also by several processes. A backend is started when
it is first needed, so a run whose replies are all remembered loads no model and opens no connection.

Calls belong to the door, not to whoever asked: when a run is interrupted, stopped by a ceiling or ended by somebody else's
error, those under way still land.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, cast

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.backends import Backend, CallFailed, SharingBackend
from pipeline.llm.budget import UNKNOWN_REPLY, Budget
from pipeline.llm.model import Model
from pipeline.llm.prices import bill
from pipeline.llm.reasoning import split
from pipeline.llm.request import Reply, Request
from pipeline.llm.retry import again
from pipeline.llm.store import Store
from pipeline.llm.tally import Complaints, Tally
from pipeline.llm.together import Call, Together

REFUSED = ("error", "content_filter")
FEW = 10
"""So many refusals and nothing else may well be the requests' own fault."""
INTERRUPT_SECONDS, ERROR_SECONDS = 3.0, 30.0
"""How long calls under way may take to land after an interrupt, which shall end within five seconds, and after an error."""


class Door:
    """The way to every model of a run; use as an async context manager."""

    def __init__(self, store: Store, budget: Budget) -> None:
        self.store, self.budget, self.tally, self.complaints = store, budget, Tally(), Complaints()
        self._open = AsyncExitStack()
        self._asking: dict[str, asyncio.Future[Reply]] = {}
        self._buying: dict[asyncio.Task[None], str] = {}
        """Who waits for a call, and its key."""
        self._sent: set[str] = set()
        """Keys of the calls that are under way."""
        self._refused: dict[str, tuple[Model, Reply]] = {}
        """Refusals that are not remembered unless the same model answers something."""
        self._under_way: set[asyncio.Task[Any]] = set()
        self._backends: dict[int, asyncio.Task[Backend]] = {}
        self._together: dict[int, Together] = {}
        self._closing = False

    @property
    def in_flight(self) -> int:
        """Calls that are under way."""
        return len(self._sent)

    async def __aenter__(self) -> Door:
        self._closing = False
        await self._open.enter_async_context(self.store)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        try:
            await self._land(kind)
            for model in [model for model, _ in self._refused.values()]:
                if len(self._refused) <= FEW:
                    await self._remember_refusals(model)
        finally:
            self._refused.clear()
            self._backends.clear()
            await self._open.__aexit__(kind, error, trace)

    async def ask(self, model: Model, request: Request) -> tuple[str, Reply]:
        """The key and the reply to one request.

        Raises:
            CallFailed: the backend gave up for now; nothing was remembered.
            BudgetReached: a ceiling forbids sending it.
            UserError: the backend cannot work at all.
        """
        key = request.key(model.identity)
        waiting = self._asking.get(key)
        if waiting is not None:
            return key, split(await asyncio.shield(waiting))
        waiting = self._asking[key] = asyncio.get_running_loop().create_future()
        waiting.add_done_callback(partial(self._forget, key))
        try:
            reply = await self.store.claim(key)
        except BaseException as error:
            waiting.set_exception(error) if isinstance(error, Exception) else waiting.cancel()
            raise
        if reply is not None:
            self.tally.remembered += 1
            waiting.set_result(reply)
            return key, split(reply)
        buying = asyncio.create_task(self._buy(key, model, request, waiting))
        self._buying[buying] = key
        buying.add_done_callback(lambda done: self._buying.pop(done, None))
        return key, split(await asyncio.shield(waiting))

    def _forget(self, key: str, done: asyncio.Future[Reply]) -> None:
        self._asking.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen, even where nobody waits any more

    async def _buy(self, key: str, model: Model, request: Request, waiting: asyncio.Future[Reply]) -> None:
        """Sends a request until it is answered, and lets whoever waits know."""
        try:
            if model.samples_per_call == 1:
                reply = (await self._send(model, [(key, request)]))[0]
            else:
                reply = await self._gathering(model).reply((key, request))
        except BaseException as error:
            await self.store.release(key)
            if isinstance(error, asyncio.CancelledError):
                error = CallFailed("the run ended before it was answered", again=False)
            elif isinstance(error, CallFailed):
                self.tally.owed += 1
                self._complain(str(error))
                model.health.note(model.name, str(error))
            if not waiting.done():
                waiting.set_exception(error)
        else:
            if not waiting.done():
                waiting.set_result(reply)

    def _gathering(self, model: Model) -> Together:
        if id(model) not in self._together:
            self._together[id(model)] = Together(model.samples_per_call, partial(self._send, model))
        return self._together[id(model)]

    async def _send(self, model: Model, calls: list[Call]) -> list[Reply]:
        """Tries until there are replies; between two tries a call stands in no line."""
        try:
            return await self._try(model, calls)
        except CallFailed as error:
            if not error.again or self._closing:
                raise
            return await again(error, partial(self._try, model, calls, first=True), model.patience, self._note_retry)

    def _note_retry(self, error: CallFailed) -> None:
        if self._closing:
            raise error
        self.tally.note_retry()
        self._complain(str(error))

    def _complain(self, words: str) -> None:
        self.tally.last_error = words
        self.complaints.note(words)

    async def _try(self, model: Model, calls: list[Call], first: bool = False) -> list[Reply]:
        """One try: a slot, a reservation, the call, its bill, and the memory. From the sending on it is under way."""
        backend = await self._started(model)
        slot = None if model.pace is None else await model.pace.enter(*_size(calls), first=first)
        reserved: list[Any] = []
        replies: list[Reply] = []
        failure: BaseException | None = None
        me = asyncio.current_task()
        assert me is not None
        try:
            if not self.budget.unlimited:
                reserved = list(await self.budget.reserve_all([request for _, request in calls], model.price))
            if model.health.broken:
                raise model.health.broken
            self._under_way.add(me)
            self._sent.update(key for key, _ in calls)
            replies = [bill(reply, model.price) for reply in await _complete(backend, calls)]
            for reply in replies:
                model.health.note(model.name, (reply.error or "") if reply.finish in REFUSED else "")
                if reply.finish in REFUSED:
                    self.complaints.note(reply.error or reply.finish)
            if len(calls) == 1:
                await self._land_one(calls[0][0], model, replies[0])
            else:
                landing = (self._land_one(key, model, reply) for (key, _), reply in zip(calls, replies, strict=False))
                await asyncio.gather(*landing)
        except BaseException as error:
            failure = error
            if isinstance(error, UserError):  # no other call will work either
                model.health.broken = model.health.broken or error
            raise
        finally:  # only now, with the reply on the disk, does the next call take this one's place
            self._settle(model, slot, reserved, replies, failure, sent=me in self._under_way)
            self._under_way.discard(me)
            self._sent.difference_update(key for key, _ in calls)
        return replies

    def _settle(
        self, model: Model, slot: Any, reserved: list[Any], replies: list[Reply], failure: BaseException | None, sent: bool
    ) -> None:
        """Gives the slot back and replaces the reservations by the bill."""
        if slot is not None and model.pace is not None:
            overloaded = isinstance(failure, CallFailed) and failure.overloaded
            tokens_in = _sum([reply.tokens_in for reply in replies])
            tokens_out = _sum([reply.tokens_out for reply in replies])
            model.pace.leave(slot, overloaded=overloaded, answered=bool(replies), tokens_in=tokens_in, tokens_out=tokens_out)
        billed = sent and (failure.billed if isinstance(failure, CallFailed) else isinstance(failure, asyncio.CancelledError))
        for place, each in enumerate(reserved):
            self.budget.settle(each, replies[place] if place < len(replies) else None, billed=billed)

    async def _land_one(self, key: str, model: Model, reply: Reply) -> None:
        """Remembers a reply. A refusal must wait for an answer of the same model: an endpoint that refuses everybody is
        misconfigured, and what it says would stand in the way once it is mended."""
        if reply.finish == "error" and not model.health.answers:
            self._refused[key] = model, reply
            await self.store.release(key)
            self.tally.asked += 1
            return
        await self._remember(key, model, reply)
        await self._remember_refusals(model)

    async def _remember_refusals(self, model: Model) -> None:
        refused = [(key, reply) for key, (who, reply) in self._refused.items() if who is model]
        for key, _ in refused:  # all at once, for others land meanwhile
            del self._refused[key]
        for key, reply in refused:
            await self._remember(key, model, reply, asked=0)

    async def _remember(self, key: str, model: Model, reply: Reply, asked: int = 1) -> None:
        await self.store.put(key, reply, provider=model.identity["provider"], model=model.name)
        tally = self.tally
        tally.asked += asked
        tally.tokens_in += reply.tokens_in or 0
        tally.tokens_out += reply.tokens_out or 0
        tally.cost = None if tally.cost is None or reply.cost is None else tally.cost + reply.cost

    async def _started(self, model: Model) -> Backend:
        starting = self._backends.get(id(model))
        if starting is None:
            starting = asyncio.create_task(self._open.enter_async_context(model.start()))
            self._backends[id(model)] = starting
        return starting.result() if starting.done() else await asyncio.shield(starting)

    async def _land(self, kind: type[BaseException] | None) -> None:
        """Gives up what was not sent yet and waits for what was: it is paid for. An interrupt does not wait for long."""
        if kind is not None:
            self._closing = True
            awaited = {task for task, key in self._buying.items() if key in self._sent}
            for task in self._tasks() - self._under_way - awaited:
                task.cancel()
            interrupted = not issubclass(kind, Exception)
            if kind is not BudgetReached:
                self._hold()
            patience = None if kind is BudgetReached else INTERRUPT_SECONDS if interrupted else ERROR_SECONDS
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=patience)
        left = self._tasks()
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _hold(self) -> None:
        """Lets backends that gather calls before they send them give up those they have not sent."""
        for starting in self._backends.values():
            if starting.done() and not starting.cancelled() and not starting.exception():
                hold = getattr(starting.result(), "hold", None)
                if hold is not None:
                    hold()

    def _tasks(self) -> set[asyncio.Task[Any]]:
        """All that somebody waits for or that is under way."""
        return set(self._buying).union(self._under_way, *(together.sending for together in self._together.values()))


async def _complete(backend: Backend, calls: list[Call]) -> list[Reply]:
    if len(calls) == 1:
        return [await backend.complete(calls[0][1])]
    return await cast(SharingBackend, backend).complete_together([request for _, request in calls])


def _sum(counts: list[int | None]) -> int | None:
    """Their sum; None where there are none, or some were not told."""
    told = [count for count in counts if count is not None]
    return sum(told) if counts and len(told) == len(counts) else None


def _size(calls: list[Call]) -> tuple[int, int]:
    """About how many tokens a call takes: in, and out at most."""
    request = calls[0][1]
    tokens_in = sum(len(message.content) for message in request.messages) // 4 + 8
    return tokens_in, (request.sampling.max_tokens or UNKNOWN_REPLY) * len(calls)

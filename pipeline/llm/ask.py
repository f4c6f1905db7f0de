"""`ask`: every question to every model goes through here, and none is paid for twice.

In: a request and the model to put it to. Out: the reply, from memory where it is known, else from the backend and into memory
before anybody sees it. The same request asked twice at once is sent once. A backend is started when it is first needed, so a
run whose replies are all remembered loads no model and opens no connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import BudgetReached
from pipeline.llm.backends import Backend, CallFailed
from pipeline.llm.budget import Budget
from pipeline.llm.request import Price, Reply, Request
from pipeline.llm.store import Store


@dataclass
class Model:
    """A model that can be asked: who it is, and how to start the backend that speaks for it."""

    identity: dict[str, str]
    """provider, model and revision: the part of the key that is not in the request."""
    name: str
    """What people call it; in no key."""
    start: Callable[[], Backend]
    in_flight: int = 64
    """Calls it takes at once."""
    price: Price | None = None
    _slots: asyncio.Semaphore = field(init=False)
    _backend: asyncio.Task[Backend] | None = None

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.in_flight)


@dataclass
class Tally:
    """Counts of one command."""

    asked: int = 0
    """Calls sent to a backend and answered."""
    remembered: int = 0
    """Replies that came from memory."""
    owed: int = 0
    """Calls that failed and will be asked again."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = 0.0
    """Dollars spent; None once a price was unknown."""
    last_error: str = ""


class Door:
    """The way to every model of a run; use as an async context manager."""

    def __init__(self, store: Store, budget: Budget) -> None:
        self.store, self.budget, self.tally = store, budget, Tally()
        self._open = AsyncExitStack()
        self._asking: dict[str, asyncio.Future[Reply]] = {}

    async def __aenter__(self) -> Door:
        await self._open.enter_async_context(self.store)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if kind is BudgetReached:  # what is in flight is paid for
            await asyncio.gather(*self._asking.values(), return_exceptions=True)
        await self._open.__aexit__(kind, error, trace)

    async def ask(self, model: Model, request: Request) -> tuple[str, Reply]:
        """The key and the reply to one request.

        Raises:
            CallFailed: the backend gave up for now; nothing was remembered.
            BudgetReached: a ceiling forbids sending it.
            UserError: the backend cannot work at all.
        """
        key = request.key(model.identity)
        if key in self._asking:
            return key, await asyncio.shield(self._asking[key])
        waiting = self._asking[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._recall_or_send(key, model, request)
        except BaseException as error:
            waiting.set_exception(error if isinstance(error, Exception) else CallFailed("interrupted"))
            waiting.exception()  # seen, even where nobody else waits
            raise
        else:
            waiting.set_result(reply)
            return key, reply
        finally:
            del self._asking[key]

    async def _recall_or_send(self, key: str, model: Model, request: Request) -> Reply:
        reply = await self.store.get(key)
        if reply is not None:
            self.tally.remembered += 1
            return reply
        async with model._slots:
            reply = await self._send(model, request)
            await self.store.put(key, reply)
        self._count(reply)
        return reply

    async def _send(self, model: Model, request: Request) -> Reply:
        backend = await self._started(model)
        reserved = self.budget.reserve(request, model.price)
        reply = None
        try:
            reply = await backend.complete(request)
        except CallFailed as error:
            self.tally.owed += 1
            self.tally.last_error = str(error)
            raise
        finally:
            if reply is not None and model.price and reply.cost is None and reply.tokens_in is not None:
                reply = reply.model_copy(update={"cost": model.price.of(reply.tokens_in, reply.tokens_out or 0)})
            self.budget.settle(reserved, reply)
        return reply

    async def _started(self, model: Model) -> Backend:
        if model._backend is None:
            model._backend = asyncio.create_task(self._open.enter_async_context(model.start()))
        return await asyncio.shield(model._backend)

    def _count(self, reply: Reply) -> None:
        tally = self.tally
        tally.asked += 1
        tally.tokens_in += reply.tokens_in or 0
        tally.tokens_out += reply.tokens_out or 0
        tally.cost = None if tally.cost is None or reply.cost is None else tally.cost + reply.cost

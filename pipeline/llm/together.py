"""Samples of one prompt that are asked for at the same moment, sent as one call, where the provider bills the prompt once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from pipeline.llm.backends import CallFailed
from pipeline.llm.request import Reply, Request

Call = tuple[str, Request]
"""A request and its key."""
Send = Callable[[list[Call]], Awaitable[list[Reply]]]
GATHER_SECONDS = 0.02
"""How long the first sample waits for the others of its prompt, which are asked for at once but looked up one by one."""


@dataclass
class Together:
    """Gathers calls that differ in nothing but the number of the sample.

    Args:
        most: how many samples one call may bring.
        send: sends such a group; replies in its order.
    """

    most: int
    send: Send
    _groups: dict[str, list[tuple[Call, asyncio.Future[Reply]]]] = field(default_factory=dict)
    sending: set[asyncio.Task[None]] = field(default_factory=set)
    """What is gathering or under way."""

    async def reply(self, call: Call) -> Reply:
        """The reply to one of them."""
        if call[1].sampling.seed is not None:  # each sample has a seed of its own, and a call has one
            return (await self.send([call]))[0]
        prompt = call[1].model_copy(update={"sample": 0}).key({"provider": ""})
        mine: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        group = self._groups.setdefault(prompt, [])
        group.append((call, mine))
        if len(group) == 1:
            self._start(self._gather(prompt))
        return await mine

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.sending.add(task)
        task.add_done_callback(self.sending.discard)

    async def _gather(self, prompt: str) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        group = self._groups.pop(prompt)
        for start in range(0, len(group), self.most):
            self._start(self._deal(group[start : start + self.most]))

    async def _deal(self, part: list[tuple[Call, asyncio.Future[Reply]]]) -> None:
        try:
            replies = await self.send([call for call, _ in part])
        except BaseException as error:
            for _, future in part:
                if not future.done():
                    future.set_exception(error) if isinstance(error, Exception) else future.cancel()
            return
        for (_, future), reply in zip(part, replies, strict=False):
            if not future.done():
                future.set_result(reply)
        for _, future in part[len(replies) :]:
            if not future.done():
                words = f"{len(replies)} replies where n={len(part)} were asked for; leave teacher.samples_per_call out"
                future.set_exception(CallFailed(f"{words} for this endpoint", again=False))

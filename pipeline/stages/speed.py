"""How fast models answer on this machine: a few items, one after the other, put to the backend itself.

In: contestants that compute in this process, and items. Out: a row of `6_speed` for each. Remembered replies have no speed, so
nothing here goes through the store.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import cast

from pipeline.llm.backends.local import LocalBackend
from pipeline.llm.request import Reply, Request
from pipeline.records import Item, Speed, Task
from pipeline.run import Run
from pipeline.stages.contestants import Contestant, greedy
from pipeline.stages.items import prompt_for

TIMED = 8
"""Items; the first is put twice, for what a first reply takes beside is not the model's speed."""
SECONDS = 10.0
"""No reply is begun later, so that a slow model does not keep everybody waiting."""


async def speeds(run: Run, entrants: Sequence[Contestant], items: Sequence[Item], bank: list[Task]) -> list[Speed]:
    """A row for each contestant that can be looked at so."""
    rows = []
    for entrant in entrants:
        if entrant.probed:
            prompts = [prompt_for(run, item, bank, entrant.is_teacher) for item in items[:TIMED]]
            sampling = greedy(run, entrant.role).over(run.sampling(entrant.role))
            rows += await _speed(run, entrant, [Request(messages=each.messages, sampling=sampling) for each in prompts])
    return rows


async def _speed(run: Run, entrant: Contestant, requests: list[Request]) -> list[Speed]:
    """One row; none where no request can be answered."""
    async with run.model(entrant.role).start() as opened:
        backend = cast(LocalBackend, opened)
        await backend.complete(requests[0])
        replies = await _one_by_one(backend, requests)
        device, parameters = backend.size
    written, seconds = sum(each.tokens_out or 0 for each in replies), sum(each.seconds for each in replies)
    if not written:
        return []
    return [
        Speed(
            model=entrant.model, device=device, parameters=parameters, items=len(replies),
            latency=median(each.seconds for each in replies), tokens_per_second=written / seconds,
        )
    ]  # fmt: skip


async def _one_by_one(backend: LocalBackend, requests: list[Request]) -> list[Reply]:
    """The replies that were given in time; `seconds` is what the model took, without waiting for others to share a batch."""
    replies, end = [], time.monotonic() + SECONDS
    for request in requests:
        reply = await backend.complete(request)
        replies += [reply] if reply.finish != "error" else []
        if time.monotonic() > end:
            break
    return replies

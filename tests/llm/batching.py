"""What the tests of batches share: a model asked by batches without patience, and a program that asks it, to be killed.

`python -m tests.llm.batching FOLDER URL COUNT` puts so many sums through a door whose store lies in FOLDER.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.llm.backends.batch import BatchModel
from pipeline.llm.backends.batch_lines import Terms
from pipeline.llm.model import Model
from pipeline.llm.request import Reply, Request
from pipeline.settings import load_settings
from tests.llm.asking import door, request
from tests.servers import wait_until

QUICK = Terms(quiet=0.03, first_poll=0.02, last_poll=0.05, patience=1.0)


def model(url: str, terms: Terms = QUICK, **settings: Any) -> Model:
    """`small-1` at an address, asked by batches."""
    return BatchModel(backend="batch", model="small-1").open(load_settings(openai_base_url=url, **settings), terms)


def sums(count: int) -> list[Request]:
    """Requests that differ."""
    return [request(f"How much is {number} + 1?") for number in range(count)]


async def answers(asked: Model, *requests: Request) -> list[Reply | BaseException]:
    """What becomes of requests put to a freshly started backend at once."""
    async with asked.start() as backend:
        return await asyncio.gather(*map(backend.complete, requests), return_exceptions=True)


async def through_door(folder: Path, asked: Model, *requests: Request) -> list[Reply | BaseException]:
    """Likewise, by way of a door and its store."""
    async with door(folder) as opened:
        results = await asyncio.gather(*(opened.ask(asked, each) for each in requests), return_exceptions=True)
    return [each if isinstance(each, BaseException) else each[1] for each in results]


def ask(url: str, *requests: Request, terms: Terms = QUICK, **settings: Any) -> list[Reply | BaseException]:
    """What becomes of requests put to a freshly started backend, once all is over."""
    return asyncio.run(answers(model(url, terms, **settings), *requests))


def texts(replies: list[Reply | BaseException]) -> list[str | None]:
    """The ends of the replies; None where there is none."""
    return [reply.text.rsplit(" ", 1)[1] if isinstance(reply, Reply) and reply.text else None for reply in replies]


def right(count: int) -> list[str]:
    """The texts of right answers to `sums`."""
    return [f"{number + 1}." for number in range(count)]


async def until(true: Callable[[], bool]) -> None:
    """Returns once `true()` is."""
    await asyncio.to_thread(wait_until, true, 20)


if __name__ == "__main__":
    asyncio.run(through_door(Path(sys.argv[1]), model(sys.argv[2]), *sums(int(sys.argv[3]))))

"""A real HTTP server that speaks OpenAI chat completions, answers deterministically, and misbehaves on purpose.

In: a `Trouble` for each thing that shall go wrong (tests/trouble.py), a rate limit (tests/limits.py), a latency. Out: `url` for
`OPENAI_BASE_URL`, and what was seen: the bodies, hits by body hash, the most calls at once, the bill. It runs in a thread of
the test, so the counts outlive a client that is killed, and everything may be changed while it runs.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from multidict import CIMultiDict

from tests.completions import completion as completion
from tests.limits import RateLimit
from tests.trouble import BROKEN as BROKEN
from tests.trouble import CUT as CUT
from tests.trouble import FILTERED as FILTERED
from tests.trouble import NO_CREDIT as NO_CREDIT
from tests.trouble import NO_JSON as NO_JSON
from tests.trouble import NO_MESSAGE as NO_MESSAGE
from tests.trouble import OVERLOADED as OVERLOADED
from tests.trouble import TOO_LONG as TOO_LONG
from tests.trouble import UNKNOWN_MODEL as UNKNOWN_MODEL
from tests.trouble import UNSUPPORTED as UNSUPPORTED
from tests.trouble import WRONG_KEY as WRONG_KEY
from tests.trouble import Answer, Trouble, cut_before, whole

JSON = {"Content-Type": "application/json"}
SLOW_DOWN = '{"error": {"message": "Slow down.", "type": "requests", "code": "rate_limit_exceeded"}}'


@dataclass
class Bill:
    """What a provider would bill: everything it worked on, also where the answer was cut or the client went away."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    def add(self, usage: dict[str, int]) -> None:
        self.calls += 1
        self.tokens_in += usage["prompt_tokens"]
        self.tokens_out += usage["completion_tokens"]


class ChatServer:
    """`with ChatServer() as server:` listens on a free port of this machine until the block ends.

    Args:
        troubles: what goes wrong; the first that fits a call befalls it. May be changed while it runs.
        seconds: how long each answer takes.
        limit: how many calls a second are let in; the others are refused at once.
        seed: of the draws for troubles that befall a share of the calls.
    """

    def __init__(self, *troubles: Trouble, seconds: float = 0.0, limit: RateLimit | None = None, seed: int = 0) -> None:
        self.troubles, self.seconds, self.limit, self.seed = list(troubles), seconds, limit, seed
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        """When each call came, by the monotonic clock."""
        self.by_body: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        """Right answers that were sent whole, by body hash."""
        self.answered_at: list[float] = []
        """When each of them was sent."""
        self.refused = 0
        """Calls beyond the limit."""
        self.bill = Bill()
        self.at_once = self.most_at_once = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    @property
    def hits(self) -> int:
        """Calls that came in, whatever became of them."""
        return len(self.bodies)

    def wait_for_hits(self, count: int, seconds: float = 60.0) -> None:
        """Returns once so many calls came in."""
        wait_until(lambda: self.hits >= count, seconds)

    def right(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        """The right answer to a body with this hash."""
        return completion(body, name)

    async def _start(self) -> None:
        application = web.Application()
        application.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=4096)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw)
        name = hashlib.sha256(raw).hexdigest()
        call = self.hits
        self.by_body[name] += 1
        self.times.append(time.monotonic())
        self.bodies.append(body)
        if self.limit and not self.limit.let_in():
            self.refused += 1
            return web.Response(
                status=429, text='{"error": {"message": "Slow down."}}', headers=self.limit.headers(True) | JSON
            )
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(request, body, name, call)
        finally:
            self.at_once -= 1

    async def _answer(self, request: web.Request, body: dict[str, Any], name: str, call: int) -> web.StreamResponse:
        right = self.right(body, name)
        trouble = self._trouble(body, name, call)
        if trouble is None or trouble.costs:
            self.bill.add(right["usage"])
        await asyncio.sleep(self.seconds + (trouble.seconds if trouble else 0.0))
        told = self.limit.headers(False) if self.limit else {}
        if trouble is None or trouble.right:
            self.answered[name] += 1
            self.answered_at.append(time.monotonic())
        if trouble is None:
            return web.Response(text=json.dumps(right), headers=told | JSON)
        answer = _spoiled(trouble, right, request.headers.get("Authorization", "").removeprefix("Bearer "), told)
        return await ((cut_before if trouble.cut else trouble.wire) or whole)(request, answer)

    def _trouble(self, body: dict[str, Any], name: str, call: int) -> Trouble | None:
        """The first that fits; looked up before the answer, so what is changed meanwhile holds for later calls."""
        prompt, tries = json.dumps(body["messages"], ensure_ascii=False), self.by_body[name]
        for place, each in enumerate(self.troubles):
            fits = each.where in prompt and (each.times is None or tries <= each.times)
            due = each.calls is None or call in each.calls
            if fits and due and random.Random(f"{self.seed}/{place}/{name}/{tries}").random() < each.share:
                return each
        return None


def _spoiled(trouble: Trouble, right: dict[str, Any], key: str, told: dict[str, str]) -> Answer:
    """What is sent instead of the right completion."""
    text, headers = trouble.text, CIMultiDict(told | {"Content-Type": "text/plain"})
    if trouble.status == 200 and not text:
        text = json.dumps(trouble.change(right) if trouble.change else right)
        headers.update(JSON)
    headers.update({name: value.replace("{key}", key) for name, value in trouble.headers.items()})
    return Answer(trouble.status, headers, text.replace("{key}", key).encode())


def times(trouble: Trouble, count: int) -> Trouble:
    """The trouble for the first tries of each body only."""
    return replace(trouble, times=count)


def closed_url() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@contextmanager
def deaf_url(full: bool = False) -> Iterator[str]:
    """An address where connections are taken and nobody ever reads; `full`: where they are not even taken."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0 if full else 4096)
        waiting = [socket.socket() for _ in range(4 if full else 0)]
        for each in waiting:
            each.setblocking(False)
            with suppress(BlockingIOError):
                each.connect(deaf.getsockname())
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        for each in waiting:
            each.close()


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Returns once `true()` is.

    Raises:
        TimeoutError: it is not after so many seconds.
    """
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not so after {seconds} seconds")
        time.sleep(0.01)

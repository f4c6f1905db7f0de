"""A real HTTP server that speaks OpenAI chat completions, answers deterministically, and misbehaves on purpose.

In: a `Trouble` for each thing that shall go wrong. Out: `url` for `OPENAI_BASE_URL`, and what was seen: the bodies, hits by
body hash, the most calls at once. It runs in a thread of the test, so the counts outlive a client that is killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

SUM = re.compile(r"(\d+) \+ (\d+)")


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with the calls whose prompt holds `where`."""

    status: int = 200
    text: str = ""
    """The answer's body, where `{key}` becomes the key the client sent."""
    headers: dict[str, str] = field(default_factory=dict)
    where: str = ""
    times: int | None = None
    """How many tries of each body it befalls; all unless said."""
    cut: bool = False
    """Whether the connection is cut instead of answered."""


def _error(message: str, code: str = "") -> str:
    """An error as the protocol has it."""
    return json.dumps({"error": {"message": message, "code": code, "type": "test"}}).replace("((key))", "{key}")


WRONG_KEY = Trouble(401, _error("Incorrect API key provided: ((key)).", "invalid_api_key"))
UNKNOWN_MODEL = Trouble(404, _error("The model `small-1` does not exist.", "model_not_found"))
TOO_LONG = Trouble(400, _error("This model's maximum context length is 64 tokens.", "context_length_exceeded"))
FILTERED = Trouble(400, _error("The prompt was filtered; the key was ((key)).", "content_filter"))
UNSUPPORTED = Trouble(400, _error("Unsupported parameter: `seed`.", "unsupported_parameter"))
NO_CREDIT = Trouble(429, _error("You exceeded your current quota.", "insufficient_quota"))
OVERLOADED = Trouble(429, _error("Slow down."), {"Retry-After": "0"})
BROKEN = Trouble(500, "<html>oops</html>", {"Retry-After": "0"})
NO_JSON = Trouble(200, '{"choices": [')
NO_MESSAGE = Trouble(200, '{"choices": [{"message": null}]}')
CUT = Trouble(cut=True)


class ChatServer:
    """`with ChatServer() as server:` listens on a free port of this machine until the block ends.

    Args:
        troubles: what goes wrong; the first that fits a call befalls it. May be changed while it runs.
        seconds: how long each answer takes.
    """

    def __init__(self, *troubles: Trouble, seconds: float = 0.0) -> None:
        self.troubles, self.seconds = list(troubles), seconds
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        """When each call came, by the monotonic clock."""
        self.by_body: Counter[str] = Counter()
        self.most_at_once = 0
        self._at_once = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> ChatServer:
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

    async def _start(self) -> None:
        application = web.Application()
        application.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw)
        name = hashlib.sha256(raw).hexdigest()
        self.by_body[name] += 1
        self.times.append(time.monotonic())
        self.bodies.append(body)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self._at_once -= 1
        trouble = self._trouble(body, self.by_body[name])
        return web.json_response(completion(body, name)) if trouble is None else _befall(trouble, request)

    def _trouble(self, body: dict[str, Any], tries: int) -> Trouble | None:
        prompt = json.dumps(body["messages"], ensure_ascii=False)
        fitting = (each for each in self.troubles if each.where in prompt and (each.times is None or tries <= each.times))
        return next(fitting, None)


def _befall(trouble: Trouble, request: web.Request) -> web.StreamResponse:
    if trouble.cut and request.transport is not None:
        request.transport.abort()
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return web.Response(status=trouble.status, text=trouble.text.replace("{key}", key), headers=trouble.headers)


def completion(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The answer to a request: right for the last sum in it, cut off after `max_tokens` words; `name` makes it vary."""
    prompt = body["messages"][-1]["content"]
    sums = SUM.findall(prompt)
    result = int(sums[-1][0]) + int(sums[-1][1]) if sums else int(name[:4], 16)
    words = f"By way {name[:6]} this makes {result} . The answer is {result} .".replace(" .", ".").split()
    limit = body.get("max_tokens") or len(words)
    usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": min(limit, len(words))}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": " ".join(words[:limit])},
        "finish_reason": "stop" if limit >= len(words) else "length",
    }
    return {"id": name[:12], "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}


def closed_url() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


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

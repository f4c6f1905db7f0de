"""A chat endpoint as light as can be, for measuring clients: it knows HTTP just well enough, and its latency is a timer.

In: `POST /v1/chat/completions`, with keep-alive and a Content-Length. Out: a valid completion with content, reasoning_content
and usage, another one for every body. `GET /stats` tells what was seen. `POST /reset` begins a new count and takes new settings
as JSON: `{"latency": 0.1, "errors": 0.2, "per_second": 100, "retry_after": 1}`. It must never be what is measured, so
`capacity` tells how many calls a second it can answer. `python bench/server.py` prints its port as one line of JSON and serves
until its standard input ends, so that it never outlives whoever started it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BACKLOG = 4096
"""Connections may all come at once; the customary 100 would have the kernel drop some, and their clients wait a second."""
TOKENS = {"prompt_tokens": 96, "completion_tokens": 88, "total_tokens": 184}


@dataclass(frozen=True)
class Settings:
    """How it behaves."""

    latency: float = 0.1
    """Seconds until a call is answered."""
    errors: float = 0.0
    """Share of the calls answered with status 500, after the latency."""
    per_second: float | None = None
    """Calls let in a second; the others get status 429 at once."""
    retry_after: float | None = None
    """Seconds told in `Retry-After` with a 429; no such header unless said."""


@dataclass
class Counts:
    """What was seen since the last reset."""

    hits: int = 0
    """Calls that came in, whatever became of them."""
    answered: int = 0
    """Calls answered with a completion: what a provider would bill."""
    failed: int = 0
    refused: int = 0
    duplicates: int = 0
    """Answered calls whose body had been answered before: money for nothing."""
    abandoned: int = 0
    """Calls whose client went away before the answer."""
    in_flight: int = 0
    peak_in_flight: int = 0
    connections: int = 0
    late_seconds: float = 0.0
    """Sum of how much later than due the answers went: grows when this server is what is slow."""
    first: float = 0.0
    """When the first call came, in seconds of the monotonic clock."""
    last: float = 0.0
    """When the last answer went."""


@dataclass
class Endpoint:
    """The state all connections share."""

    loop: asyncio.AbstractEventLoop
    settings: Settings = Settings()
    counts: Counts = field(default_factory=Counts)
    answered: set[bytes] = field(default_factory=set)
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    allowed: float = 0.0
    """Calls that may come in now; it fills at `per_second` up to what a quarter of a second brings."""
    filled: float = 0.0

    def reset(self, changes: dict[str, Any]) -> None:
        self.settings = replace(self.settings, **changes)
        self.counts = Counts(in_flight=self.counts.in_flight)
        self.answered, self.dice = set(), random.Random(0)
        self.allowed, self.filled = 1.0, self.loop.time()

    def admits(self) -> bool:
        """Whether the rate limit has room for one more call."""
        rate, now = self.settings.per_second, self.loop.time()
        if rate is None:
            return True
        self.allowed = min(max(rate / 4, 1.0), self.allowed + (now - self.filled) * rate)
        self.filled = now
        if self.allowed < 1:
            return False
        self.allowed -= 1
        return True


class Connection(asyncio.Protocol):
    """One client's connection: one request at a time, as HTTP/1.1 clients send them."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint, self.received = endpoint, b""
        self.waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.endpoint.counts.connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
            self.endpoint.counts.in_flight -= 1
            self.endpoint.counts.abandoned += 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.waiting is None:
            self.read()

    def read(self) -> None:
        """Takes one whole request, if it is there."""
        end = self.received.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        length = LENGTH.search(self.received, 0, end)
        whole = end + (int(length[1]) if length else 0)
        if len(self.received) < whole:
            return
        line, body = self.received[: self.received.find(b"\r\n")], self.received[end:whole]
        self.received = self.received[whole:]
        self.route(line, body)

    def route(self, line: bytes, body: bytes) -> None:
        if line.startswith(b"POST /v1/chat/completions "):
            self.complete(body)
        elif line.startswith(b"GET /stats "):
            self.transport.write(http(200, json.dumps(asdict(self.endpoint.counts)).encode()))
        elif line.startswith(b"POST /reset "):
            self.endpoint.reset(json.loads(body or b"{}"))
            self.transport.write(http(200, b"{}"))
        else:
            self.transport.write(http(404, b'{"error": {"message": "no such path", "type": "not_found"}}'))

    def complete(self, body: bytes) -> None:
        """Takes a call in, or refuses it at once."""
        endpoint, counts = self.endpoint, self.endpoint.counts
        counts.first = counts.first or endpoint.loop.time()
        counts.hits += 1
        if not endpoint.admits():
            counts.refused += 1
            self.transport.write(refusal(endpoint.settings.retry_after))
            return
        counts.in_flight += 1
        counts.peak_in_flight = max(counts.peak_in_flight, counts.in_flight)
        fails = endpoint.dice.random() < endpoint.settings.errors
        due = endpoint.loop.time() + endpoint.settings.latency
        self.waiting = endpoint.loop.call_later(endpoint.settings.latency, self.answer, body, fails, due)

    def answer(self, body: bytes, fails: bool, due: float) -> None:
        counts, self.waiting = self.endpoint.counts, None
        counts.in_flight -= 1
        counts.last = self.endpoint.loop.time()
        counts.late_seconds += counts.last - due
        name = blake2b(body, digest_size=8).digest()
        if fails:
            counts.failed += 1
            self.transport.write(BROKEN)
        else:
            counts.answered += 1
            counts.duplicates += name in self.endpoint.answered
            self.endpoint.answered.add(name)
            self.transport.write(completion(name.hex().encode()))
        if self.received:
            self.read()


def http(status: int, body: bytes, headers: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
    return head % (status, headers, len(body)) + body


def completion(name: bytes) -> bytes:
    """The answer to the body of this name, 16 characters long; only the name differs, so the length is always the same."""
    return COMPLETION.replace(NAME, name)


def refusal(retry_after: float | None) -> bytes:
    header = b"" if retry_after is None else b"Retry-After: %g\r\n" % retry_after
    return http(429, b'{"error": {"message": "Slow down.", "type": "rate_limit", "code": "rate_limit_exceeded"}}', header)


NAME = b"0123456789abcdef"
_SENTENCE = "first the question is taken apart then each part is looked at in turn and what follows is written down"
_MESSAGE = {
    "role": "assistant",
    "content": f"The answer {NAME.decode()} in full: " + " ".join([_SENTENCE] * 3) + ".",
    "reasoning_content": f"About {NAME.decode()}: " + _SENTENCE + ".",
}
_ANSWER = {
    "id": f"chatcmpl-{NAME.decode()}", "object": "chat.completion", "created": 1, "model": "bench",
    "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop", "logprobs": None}],
    "usage": TOKENS | {"completion_tokens_details": {"reasoning_tokens": 22}},
}  # fmt: skip
COMPLETION = http(200, json.dumps(_ANSWER).encode())
BROKEN = http(500, b'{"error": {"message": "Broken on purpose.", "type": "server_error"}}')


class Hammer(asyncio.Protocol):
    """A client that does nothing but ask again as soon as it is answered."""

    def __init__(self, request: bytes, answered: Callable[[], None]) -> None:
        self.request, self.answered, self.missing = request, answered, 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.missing = len(COMPLETION)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.missing -= len(data)
        if self.missing <= 0:
            self.answered()
            self.ask()


async def capacity(port: int, in_flight: int = 64, seconds: float = 2.0) -> float:
    """Requests a second the server at this port answers when it need not wait: set its latency to 0 before."""
    loop, count = asyncio.get_running_loop(), 0

    def answered() -> None:
        nonlocal count
        count += 1

    body = json.dumps({"model": "bench", "messages": [{"role": "user", "content": "word " * 60}], "max_tokens": 256}).encode()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    opened = [await loop.create_connection(lambda: Hammer(request, answered), "127.0.0.1", port) for _ in range(in_flight)]
    before, started = count, time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (count - before) / (time.perf_counter() - started)
    for transport, _ in opened:
        transport.abort()
    return rate


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Runs it on uvloop where that is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


async def serve(settings: Settings, port: int) -> None:
    """Serves until the standard input ends or somebody asks to stop."""
    loop = asyncio.get_running_loop()
    endpoint = Endpoint(loop, settings)
    endpoint.reset({})
    server = await loop.create_server(lambda: Connection(endpoint), "127.0.0.1", port, backlog=BACKLOG)
    print(json.dumps({"port": server.sockets[0].getsockname()[1], "loop": type(loop).__module__}), flush=True)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.buffer.read1(1024) or stop.set())
    await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A light chat endpoint for measuring clients.")
    parser.add_argument("--port", type=int, default=0, help="any free one unless said")
    parser.add_argument("--latency", type=float, default=0.1, help="seconds until a call is answered")
    parser.add_argument("--errors", type=float, default=0.0, help="share of the calls that get status 500")
    parser.add_argument("--per-second", type=float, help="calls let in a second; the others get status 429")
    parser.add_argument("--retry-after", type=float, help="seconds told with a 429")
    given = vars(parser.parse_args())
    run(serve(Settings(**{name: value for name, value in given.items() if name != "port"}), given["port"]))

"""What may go wrong between a client and an endpoint: one `Trouble` each, and the ways an answer can be sent badly.

In: the right answer to a call. Out: what the client gets instead: another status, another body, or the same body cut, dripped,
swollen, mislabelled or never sent. Those that have a name here are what providers, routers and proxies are known to do.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

MEBIBYTE = b" " * 2**20
TCP_REPAIR = 19
"""Linux: a socket in this state is closed without a word to the other side. Only root may."""


@dataclass(frozen=True)
class Answer:
    """What is to be sent."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


Wire = Callable[[web.Request, Answer], Awaitable[web.StreamResponse]]
"""Sends an answer, well or badly."""


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with the calls whose prompt holds `where`."""

    status: int = 200
    text: str = ""
    """The answer's body, where `{key}` becomes the key the client sent; the right completion if empty and the status is 200."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the answer; `{key}` as in the body."""
    where: str = ""
    times: int | None = None
    """How many tries of each body it befalls; all unless said."""
    cut: bool = False
    """Whether the connection is cut instead of answered."""
    change: Callable[[dict[str, Any]], Any] | None = None
    """What becomes of the right completion before it is sent."""
    wire: Wire | None = None
    """How it is sent; whole unless said."""
    share: float = 1.0
    """The share of the tries it befalls, drawn from the server's seed, the body and the try: in any order the same ones."""
    calls: Container[int] | None = None
    """The calls it befalls, by their number at the server from 0; all unless said."""
    seconds: float = 0.0
    """How much longer the answer takes."""
    billed: bool | None = None
    """Whether the provider bills the completion; unless said, wherever the status is 200."""
    right: bool = False
    """Whether the client has the right and whole answer all the same."""

    @property
    def costs(self) -> bool:
        return self.status == 200 if self.billed is None else self.billed


def _error(message: str, code: str = "") -> str:
    """An error as the protocol has it."""
    return json.dumps({"error": {"message": message, "code": code, "type": "test"}}).replace("((key))", "{key}")


# how an answer is sent


async def whole(request: web.Request, answer: Answer) -> web.StreamResponse:
    """As it should be."""
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


async def cut_before(request: web.Request, answer: Answer) -> web.StreamResponse:
    """The connection ends and nothing was sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def reset_in_the_body(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Half of the body, then a reset."""
    await _send(request, answer, answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        line: socket.socket = request.transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return await cut_before(request, answer)


async def end_in_the_body(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Half of the body, then a friendly end of the connection."""
    await _send(request, answer, answer.body[: len(answer.body) // 2])
    return _end(request)


async def hang(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Never answers, and keeps the connection."""
    return await asyncio.Future()


async def hang_in_the_body(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Half of the body, and never the rest."""
    await _send(request, answer, answer.body[: len(answer.body) // 2])
    return await asyncio.Future()


async def vanish(request: web.Request, answer: Answer) -> web.StreamResponse:
    """The connection is gone on this side and the client is not told: half-open. Without the right to do so, it hangs."""
    if request.transport is not None:
        with suppress(PermissionError):
            request.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            request.transport.abort()
    return await asyncio.Future()


def drip(seconds: float, size: int = 1) -> Wire:
    """So many bytes of the body at a time, and so long a pause between them."""

    async def send(request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        await response.prepare(request)
        for start in range(0, len(answer.body), size):
            await response.write(answer.body[start : start + size])
            await asyncio.sleep(seconds)
        return response

    return send


def swell(mebibytes: int, zipped: bool = False) -> Wire:
    """Blanks before the body, so many MiB of them: valid JSON all the same. Zipped, a thousandth of it is sent."""

    async def send(request: web.Request, answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        await response.prepare(request)
        if zipped:
            await response.write(_zipped_blanks(mebibytes) + gzip.compress(answer.body))
            return response
        for _ in range(mebibytes):
            await response.write(MEBIBYTE)
        await response.write(answer.body)
        return response

    return send


@cache
def _zipped_blanks(mebibytes: int) -> bytes:
    """A member of a gzip file; others may follow it."""
    return gzip.compress(MEBIBYTE * mebibytes)


def wrong_length(more: int) -> Wire:
    """A Content-Length that is wrong by so many bytes."""

    async def send(request: web.Request, answer: Answer) -> web.StreamResponse:
        await _send(request, answer, answer.body, len(answer.body) + more)
        return _end(request)

    return send


async def twice(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Every header two times, but for the length, of which the protocol allows one only."""
    headers = CIMultiDict([*answer.headers.items(), ("X-Request-Id", "1"), ("Cache-Control", "no-store")])
    return await whole(request, Answer(answer.status, CIMultiDict([*headers.items(), *headers.items()]), answer.body))


async def twice_with_length(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Every header two times, the length included."""
    line = f"Content-Length: {len(answer.body)}\r\n"
    await _send(request, answer, answer.body, len(answer.body), line)
    return _end(request)


async def _send(request: web.Request, answer: Answer, body: bytes, length: int | None = None, more: str = "") -> None:
    """Writes an answer by hand, so that it may be wrong."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    length = len(answer.body) if length is None else length
    if request.transport is not None:
        request.transport.write(
            f"HTTP/1.1 {answer.status} Test\r\n{lines}{more}Content-Length: {length}\r\n\r\n".encode() + body
        )
    await asyncio.sleep(0.02)  # let it be on its way before the connection ends


def _end(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


# what becomes of a completion


def without_usage(answer: dict[str, Any]) -> Any:
    return {name: value for name, value in answer.items() if name != "usage"}


def without_choices(answer: dict[str, Any]) -> Any:
    return answer | {"choices": []}


def with_choice(**fields: Any) -> Callable[[dict[str, Any]], Any]:
    """The completion with other fields in each choice."""
    return lambda answer: answer | {"choices": [choice | fields for choice in answer["choices"]]}


def with_message(**fields: Any) -> Callable[[dict[str, Any]], Any]:
    """The completion with other fields in each message."""

    def change(answer: dict[str, Any]) -> Any:
        return answer | {"choices": [each | {"message": each["message"] | fields} for each in answer["choices"]]}

    return change


# the ones with a name

WRONG_KEY = Trouble(401, _error("Incorrect API key provided: ((key)).", "invalid_api_key"))
UNKNOWN_MODEL = Trouble(404, _error("The model `small-1` does not exist.", "model_not_found"))
TOO_LONG = Trouble(400, _error("This model's maximum context length is 64 tokens.", "context_length_exceeded"))
FILTERED = Trouble(400, _error("The prompt was filtered; the key was ((key)).", "content_filter"))
UNSUPPORTED = Trouble(400, _error("Unsupported parameter: `seed`.", "unsupported_parameter"))
NO_CREDIT = Trouble(429, _error("You exceeded your current quota.", "insufficient_quota"))
OVERLOADED = Trouble(429, _error("Slow down."), {"Retry-After": "0.01"})
UNAVAILABLE = Trouble(503, _error("Come again."))
GATEWAY = Trouble(502, "<html>bad gateway</html>", {"Content-Type": "text/html"})
BROKEN = Trouble(500, "<html>oops</html>", {"Retry-After": "0.01"})
HTML = Trouble(200, "<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"})
EMPTY = Trouble(200, " ")
NO_JSON = Trouble(200, '{"choices": [')
NO_MESSAGE = Trouble(200, '{"choices": [{"message": null}]}')
WRAPPED_ERROR = Trouble(200, _error("The upstream gave up."), billed=False)
ELSEWHERE = Trouble(307, "", {"Location": "https://login.invalid/"})
NO_USAGE = Trouble(change=without_usage)
NO_CHOICES = Trouble(change=without_choices)
NULL_CONTENT = Trouble(change=with_message(content=None))
STOPPED = Trouble(change=with_choice(finish_reason="content_filter"))
TWICE = Trouble(wire=twice, right=True)
CUT = Trouble(cut=True)
RESET = Trouble(wire=reset_in_the_body)
ENDED = Trouble(wire=end_in_the_body)
HANG = Trouble(wire=hang)
HALF = Trouble(wire=hang_in_the_body)
GONE = Trouble(wire=vanish)
TOO_LITTLE = Trouble(wire=wrong_length(+100))
TOO_MUCH = Trouble(wire=wrong_length(-20))
HUGE = Trouble(wire=swell(100))
ZIPPED = Trouble(wire=swell(100, zipped=True))
WEATHER = (
    Trouble(429, share=0.04),
    Trouble(500, share=0.04),
    Trouble(502, "<html>", {"Content-Type": "text/html"}, share=0.03),
    Trouble(503, headers={"Retry-After": "1"}, share=0.03),
    Trouble(wire=reset_in_the_body, share=0.04),
    Trouble(wire=end_in_the_body, share=0.03),
    Trouble(wire=hang, share=0.01),
    Trouble(wire=vanish, share=0.01),
    Trouble(wire=wrong_length(50), share=0.02),
    Trouble(wire=twice, share=0.03, right=True),
    Trouble(wire=drip(0.05, 40), share=0.02, right=True),
    Trouble(200, '{"choices": [', share=0.03),
    Trouble(200, "<html>Sign in</html>", share=0.02),
    Trouble(change=without_choices, share=0.03),
    Trouble(200, '{"error": {"message": "The upstream gave up."}}', share=0.02, billed=False),
    Trouble(cut=True, share=0.03),
)
"""A bad day: four in ten tries fail, each in one of many ways."""

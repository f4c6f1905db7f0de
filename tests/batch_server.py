"""A small real server of OpenAI's files and batches, on loopback, that keeps a bill and misbehaves on purpose.

In: a `Course` for each batch to come (how it ends), a `Trouble` for each request that fails, a `Mishap` for calls of HTTP. Out:
`url` for `OPENAI_BASE_URL`, the batches and files there are, and `billed`: how often each `custom_id` was run and charged for.
It runs in a thread of the test, so that the bill outlives a client that is killed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from aiohttp import web

from tests.batch_provider import DAY, Course, Provider, cancel
from tests.servers import wait_until
from tests.trouble import Trouble

Kind = Literal["upload", "content", "create", "list", "look", "cancel"]
Handler = Callable[[web.Request], Any]


@dataclass(frozen=True)
class Mishap:
    """What befalls calls of one kind."""

    kind: Kind
    status: int = 503
    text: str = "<html>oops</html>"
    headers: dict[str, str] = field(default_factory=lambda: {"Retry-After": "0"})
    times: int | None = None
    """How many calls it befalls; all unless said."""
    late: bool = False
    """Whether the work is done first, and only the answer is lost; of a file, half of it is sent."""
    cut: bool = False
    """Whether the connection is cut instead of answered."""
    hang: bool = False
    """Whether there is never an answer."""


class BatchServer(Provider):
    """`with BatchServer() as server:` listens on a free port of this machine until the block ends.

    Args:
        mishaps: what befalls calls of HTTP; the first that fits. May be changed while it runs.
        courses, rows, seconds: of the provider.
        page: batches in one page of the list, at most.
        key: the only key that is good; any unless said.
    """

    def __init__(
        self, *mishaps: Mishap, courses: tuple[Course, ...] = (), rows: tuple[Trouble, ...] = (), seconds: float = 0.05,
        page: int = 100, key: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(courses, rows, seconds)
        self.mishaps, self.page, self.key = list(mishaps), page, key
        self.log: list[str] = []
        """Kinds of the calls that came in."""
        self._befallen: Counter[int] = Counter()
        self._running: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> BatchServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def wait_for(self, kind: Kind) -> None:
        """Returns once a call of this kind came in."""
        wait_until(lambda: kind in self.log)

    async def _start(self) -> None:
        application = web.Application(client_max_size=2**30)
        routes: tuple[tuple[str, str, Kind, Handler], ...] = (
            ("POST", "/v1/files", "upload", self._upload),
            ("GET", "/v1/files/{id}/content", "content", self._content),
            ("POST", "/v1/batches", "create", self._create),
            ("GET", "/v1/batches", "list", self._list),
            ("GET", "/v1/batches/{id}", "look", self._look),
            ("POST", "/v1/batches/{id}/cancel", "cancel", self._cancel),
        )
        for method, path, kind, work in routes:
            application.router.add_route(method, path, self._misbehaving(kind, work))
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def _stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._runner.cleanup()

    def _misbehaving(self, kind: Kind, work: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.log.append(kind)
            sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if self.key is not None and sent != self.key:
                return _refusal(401, f"Incorrect API key provided: {sent}.", "invalid_api_key")
            mishap = self._mishap(kind)
            if mishap is None:
                return await work(request)  # type: ignore[no-any-return]
            answer = await work(request) if mishap.late else None
            if mishap.hang:
                await asyncio.sleep(600)
            if mishap.cut and request.transport is not None:
                if isinstance(answer, web.Response) and kind == "content" and mishap.late:
                    await _half(request, answer)
                request.transport.abort()
            return web.Response(status=mishap.status, text=mishap.text, headers={"Content-Type": "text/html", **mishap.headers})

        return handle

    def _mishap(self, kind: Kind) -> Mishap | None:
        for mishap in self.mishaps:
            if mishap.kind == kind and (mishap.times is None or self._befallen[id(mishap)] < mishap.times):
                self._befallen[id(mishap)] += 1
                return mishap
        return None

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        upload = form["file"]
        if not isinstance(upload, web.FileField) or form["purpose"] != "batch":
            return _refusal(400, "'file' and the purpose 'batch' are required.")
        return web.json_response(self.add_file("batch", upload.filename, upload.file.read()))

    async def _content(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        if name not in self.contents:
            return _refusal(404, f"No such File object: {name}")
        return web.Response(body=self.contents[name], content_type="application/octet-stream")

    async def _create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["input_file_id"] not in self.files:
            return _refusal(400, f"Cannot find file {asked['input_file_id']}.")
        if asked["endpoint"] != "/v1/chat/completions" or asked["completion_window"] != "24h":
            return _refusal(400, "Invalid endpoint or completion_window.")
        marks = asked.get("metadata") or {}
        if len(marks) > 16 or any(len(name) > 64 or len(value) > 512 for name, value in marks.items()):
            return _refusal(400, "Invalid 'metadata'.")
        batch = {
            "id": f"batch_{len(self.batches) + 1}", "object": "batch", **asked, "metadata": marks or None,
            "status": "validating", "created_at": int(time.time()), "expires_at": int(time.time()) + DAY, "errors": None,
            "output_file_id": None, "error_file_id": None, "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }  # fmt: skip
        self.batches[batch["id"]] = batch
        task = asyncio.create_task(self.run(batch, self.courses.pop(0) if self.courses else Course()))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return web.json_response(batch)

    async def _list(self, request: web.Request) -> web.Response:
        newest = list(self.batches.values())[::-1]
        ids = [each["id"] for each in newest]
        start = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
        end = start + min(self.page, int(request.query.get("limit", "20")))
        data = newest[start:end]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return web.json_response({"object": "list", "data": data, **ends, "has_more": end < len(newest)})

    async def _look(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        return web.json_response(batch) if batch else _refusal(404, "No such batch.")

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self.batches[request.match_info["id"]]
        cancel(batch)
        return web.json_response(batch)


def _refusal(status: int, message: str, code: str | None = None) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return web.json_response({"error": error}, status=status)


async def _half(request: web.Request, answer: web.Response) -> None:
    """The first half of a file, and no more."""
    body = answer.body
    assert isinstance(body, bytes)
    cut = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    await asyncio.sleep(0.02)

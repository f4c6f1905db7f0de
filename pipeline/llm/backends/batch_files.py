"""The provider's side of a batch: uploads an input file, creates the batch, looks at it, and reads its files line by line.

By the `openai` client, imported when the first batch is needed. What may pass is tried again for an hour, since a batch goes on
at the provider meanwhile; what cannot pass is a `UserError`. A batch is never created twice: where the answer to its creation
was lost, it is looked for first.
"""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import httpx2
from openai import APIConnectionError, APIStatusError, AsyncOpenAI
from openai.types import Batch
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_random_exponential

from pipeline.errors import DistillError, UserError
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.batch_lines import ENDPOINT, Terms, read_line, state_of
from pipeline.llm.backends.openai import Endpoint
from pipeline.llm.backends.protocol import LONGEST_WAIT, TRANSIENT, refused
from pipeline.llm.pace import duration
from pipeline.settings import Settings

KEPT_DAYS = 30
"""Files of batches are deleted after this time, by the docstring of `client.files.create` (openai 3.54)."""
MADE_BY = "distill"
GONE = (400, 404, 410)
"""Statuses for a file or batch that is not there, or that the provider gives out to nobody; 403 speaks of the key."""
Out = TypeVar("Out")


class FileGone(CallFailed):
    """A file is no longer at the provider."""


class BatchFiles:
    """The batches of one model at one endpoint."""

    def __init__(self, model: str, endpoint: Endpoint, settings: Settings, terms: Terms) -> None:
        self._model, self._endpoint, self._terms = model, endpoint, terms
        self._answered = False
        if not endpoint.key.isprintable() or not endpoint.key.isascii():
            raise UserError("OPENAI_API_KEY holds characters no key has", "Copy it again, without line breaks.")
        self._client = AsyncOpenAI(
            api_key=endpoint.key or "none",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=httpx2.Timeout(settings.read_seconds, connect=settings.connect_seconds),
        )

    async def close(self) -> None:
        await self._client.close()

    async def submit(self, lines: Sequence[bytes]) -> Batch:
        """A batch of these requests, under way."""
        name, content = f"{MADE_BY}-{len(lines)}.jsonl", b"".join(lines)

        async def upload(_: int) -> str:
            return (await self._client.files.create(file=(name, content), purpose="batch")).id

        input_file = await self._trying(upload)
        return await self._trying(lambda tries: self._create(input_file, looking=tries > 1))

    async def _create(self, input_file: str, looking: bool) -> Batch:
        if looking:
            await sleep(self._terms.first_poll)  # a list may lag behind
            async for batch in self._listed():
                if batch.input_file_id == input_file:
                    return batch
        return _checked(
            await self._client.batches.create(
                input_file_id=input_file,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={"made_by": MADE_BY, "model": self._model[:512]},
            )
        )

    async def earlier(self) -> list[Batch]:
        """Batches submitted before by this program for this model, newest first, as far as there are files of them."""

        async def ours(_: int) -> list[Batch]:
            return [batch async for batch in self._listed() if self._is_ours(batch)]

        return await self._trying(ours)

    def _is_ours(self, batch: Batch) -> bool:
        marks = batch.metadata or {}
        same = marks.get("made_by") == MADE_BY and marks.get("model") == self._model[:512]
        return same and batch.endpoint == ENDPOINT and state_of(batch) != "failed"

    async def _listed(self) -> AsyncIterator[Batch]:
        """All batches of the last month, newest first."""
        oldest = time.time() - KEPT_DAYS * 86400
        try:
            async for batch in self._client.batches.list(limit=100):
                if _checked(batch).created_at < oldest:
                    return
                yield batch
        except (AttributeError, TypeError) as error:  # what the client makes of an answer that is no list
            raise ValueError(f"no list of batches ({error})") from None

    async def looked_at(self, batch: Batch) -> Batch:
        """The batch as it is now."""

        async def look(_: int) -> Batch:
            return _checked(await self._client.batches.retrieve(batch.id))

        try:
            return await self._trying(look, submitted=True)
        except FileGone:
            raise CallFailed(f"batch {batch.id} is no longer at {self._endpoint.host}", billed=True, again=False) from None

    async def keys_asked(self, batch: Batch) -> set[str]:
        """The requests of a batch, by its input file.

        Raises:
            FileGone: the provider does not give it out.
        """
        keys: set[str] = set()

        def take(line: bytes) -> bool:
            row = read_line(line)
            keys.update([row["custom_id"]] if row else [])
            return True

        await self._read(batch.input_file_id, take)
        return keys

    async def results(self, batch: Batch, take: Callable[[bytes], bool]) -> bool:
        """Hands the lines of a batch's result files to `take` until it answers False; whether all were read.

        A line may come twice, where a download was cut and tried again.

        Raises:
            FileGone: they were deleted.
        """
        for file in (batch.output_file_id, batch.error_file_id):
            if file and not await self._read(file, take):
                return False
        return True

    async def _read(self, file: str, take: Callable[[bytes], bool]) -> bool:
        async def read(_: int) -> bool:
            rest = b""
            async with self._client.files.with_streaming_response.content(file) as response:
                async for piece in response.iter_bytes():  # its lines would also end at U+2028 inside a text
                    *lines, rest = (rest + piece).split(b"\n")
                    if not all(map(take, lines)):
                        return False
            return take(rest)

        return await self._trying(read, submitted=True)

    async def _trying(self, call: Callable[[int], Awaitable[Out]], submitted: bool = False) -> Out:
        """The outcome of `call`, which is told the number of the try, once it succeeds.

        Args:
            submitted: whether it is about a batch there is, so that a 404 speaks of its files and not of the endpoint.
        """
        tries = 0

        async def once() -> Out:
            nonlocal tries
            tries += 1
            out = await call(tries)
            self._answered = True
            return out

        trying = AsyncRetrying(
            retry=retry_if_exception(self._may_pass), stop=stop_after_delay(self._terms.patience), wait=_wait, reraise=True
        )
        try:
            return await trying(once)
        except (APIStatusError, APIConnectionError, httpx2.TransportError, ValueError) as error:
            raise self._end(error, submitted) from None

    def _may_pass(self, error: BaseException) -> bool:
        if isinstance(error, APIStatusError):
            late = error.status_code == 400 and "cannot find file" in str(error).lower()  # an upload that is not seen yet
            return late or (error.status_code in TRANSIENT and "insufficient_quota" not in str(error.body))
        if isinstance(error, APIConnectionError):
            return self._answered or not isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
        return isinstance(error, httpx2.TransportError) or (self._answered and isinstance(error, ValueError))

    def _end(self, error: Exception, submitted: bool) -> DistillError:
        """What a failure that did not pass means: for a call, or for the run."""
        place, words = self._endpoint.base_url, self._words(error)
        if isinstance(error, APIStatusError) and not self._may_pass(error):
            return self._refusal(error, submitted)
        if self._answered or not isinstance(error, APIConnectionError | ValueError):
            what = f"{place}: out of order for {self._terms.patience:.0f} seconds ({words})"
            return CallFailed(f"{what}; the same command finds its batches again", billed=submitted, again=False)
        if isinstance(error, ValueError):
            what = f"{place}: sends something that is no list of batches: {words}"
            return UserError(what, "Does BASE_URL (OPENAI_BASE_URL) end in /v1?")
        return UserError(
            f"{place}: cannot be reached: {self._words(error.__cause__ or error)}",
            "Is it up, and BASE_URL (OPENAI_BASE_URL) its address with /v1? Batches under way go on there.",
        )

    def _refusal(self, error: APIStatusError, submitted: bool) -> DistillError:
        status, place, words = error.status_code, self._endpoint.base_url, self._words(error)
        if status in GONE and submitted:
            return FileGone(f"{place}: {status} {words}", billed=True, again=False)
        if status in (404, 405, 501):
            return UserError(f"{place}: {status} {words}", "This endpoint has no batches: use --backend openai.")
        try:
            refused(status, error.body if isinstance(error.body, dict) else {}, words, place, self._model, None)
        except DistillError as refusal:
            return refusal
        return UserError(f"{place}: {status} {words}", "Mend what the provider complains of; batches under way go on.")

    def _words(self, error: BaseException) -> str:
        """The provider's own message, on one line, in at most 300 characters and never with the key in it."""
        body = getattr(error, "body", None)
        said = body.get("message") or body.get("detail") if isinstance(body, dict) else None
        line = " ".join(str(said or error or type(error).__name__).split())
        return (line.replace(self._endpoint.key, "***") if self._endpoint.key else line)[:300]


def _checked(batch: object) -> Batch:
    """The client hands anything through that came with status 200."""
    if not isinstance(batch, Batch) or not isinstance(batch.id, str) or not isinstance(batch.created_at, int):
        raise ValueError(f"no batch: {str(batch)[:100]!r}")
    return batch


def _wait(state: RetryCallState) -> float:
    """Seconds before the next try: what the endpoint asks for, else growing and random."""
    error = state.outcome.exception() if state.outcome else None
    asked = duration(error.response.headers.get("retry-after")) if isinstance(error, APIStatusError) else None
    return wait_random_exponential(multiplier=0.5, max=60)(state) if asked is None else min(asked, LONGEST_WAIT)

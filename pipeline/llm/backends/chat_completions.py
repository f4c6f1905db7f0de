"""Asks an endpoint that speaks the OpenAI chat-completions protocol, with the `openai` client on its aiohttp transport.

Failures that may pass are retried with exponential backoff and jitter, honouring `Retry-After`; what cannot pass is either an
outcome of the call (a refused request) or ends the run (a wrong key, an unknown model, nobody listening).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import httpx2
from openai import (
    APIConnectionError,
    APIStatusError,
    AsyncOpenAI,
    BadRequestError,
    DefaultAioHttpClient,
    UnprocessableEntityError,
)
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from pipeline.errors import UserError
from pipeline.llm.backends import CallFailed
from pipeline.llm.request import Reply, Request

ATTEMPTS = 6
CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 10.0, 300.0, 900.0
LONGEST_WAIT = 120.0
"""Seconds an endpoint may ask to be left alone; a call that would have to wait longer is owed."""
TRANSIENT = {408, 409, 425, 429, 500, 502, 503, 504, 529}
UNREACHABLE = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Nobody listens there; a connection that was cut is another thing and may pass."""


class ChatCompletions:
    """Sends requests to `<base_url>/chat/completions`."""

    def __init__(self, model: str, base_url: str, key: str, limit_field: str) -> None:
        self.model, self.base_url, self._key, self.limit_field = model, base_url, key, limit_field
        self._client = AsyncOpenAI(
            api_key=key or "none",
            base_url=base_url,
            max_retries=0,
            http_client=DefaultAioHttpClient(
                timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
                limits=httpx2.Limits(max_connections=0),  # none, as aiohttp has it; None would be its default of 100
            ),
        )

    async def __aenter__(self) -> ChatCompletions:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.close()

    async def complete(self, request: Request) -> Reply:
        body = _body(self.model, request)
        if "max_tokens" in body:
            body[self.limit_field] = body.pop("max_tokens")
        started = time.monotonic()
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(_may_pass), stop=stop_after_attempt(ATTEMPTS), wait=_wait, reraise=True
            ):
                with attempt:
                    async with asyncio.timeout(TOTAL_SECONDS):
                        answer = await self._client.post("/chat/completions", body=body, cast_to=httpx2.Response)
        except (BadRequestError, UnprocessableEntityError) as error:
            if _unsupported_field(error):
                raise UserError(
                    f"{self.base_url}: {self._words(error)}", "Change or leave out that field of teacher.sampling."
                ) from None
            return Reply(finish=_refusal(error), error=self._words(error), seconds=time.monotonic() - started)
        except APIStatusError as error:
            if error.status_code == 413:  # too large today, too large tomorrow
                return Reply(finish="error", error=self._words(error), seconds=time.monotonic() - started)
            raise self._end_of(error) from None
        except (APIConnectionError, TimeoutError) as error:
            cause = error.__cause__ or error
            if isinstance(cause.__cause__, UNREACHABLE):
                raise UserError(
                    f"{self.base_url}: cannot be reached: {cause}",
                    "Is the server up, and BASE_URL (OPENAI_BASE_URL) its address with /v1? Replies that landed are kept.",
                ) from None
            raise CallFailed(f"{self.base_url}: {type(cause).__name__} after {ATTEMPTS} tries") from None
        return _reply(answer, time.monotonic() - started)

    def _end_of(self, error: APIStatusError) -> Exception:
        """What a status that was not mended by trying again means for the run."""
        place = f"{self.base_url}: {error.status_code} {self._words(error)}"
        if error.status_code in (401, 403):
            return UserError(place, "The endpoint refuses this key: set OPENAI_API_KEY to one that is valid there.")
        if error.status_code == 404:
            return UserError(
                place,
                f"Is {self.model!r} a model of this endpoint, and does BASE_URL end in /v1? See {self.base_url}/models.",
            )
        if error.status_code == 402 or _out_of_credit(error):
            return UserError(place, "The account has no credit left: add some; replies that landed are kept.")
        return CallFailed(place)

    def _words(self, error: APIStatusError) -> str:
        """The provider's own message, on one line, in at most 300 characters and never with the key in it."""
        body = error.body if isinstance(error.body, dict) else {}
        message = " ".join(str(body.get("message") or body.get("detail") or error.message).split())
        return (message.replace(self._key, "***") if self._key else message)[:300]


def _body(model: str, request: Request) -> dict[str, Any]:
    """The request as the protocol has it: every field asked for is sent, and no other."""
    sampling = request.sampling.model_dump(exclude_none=True)
    body = {"model": model, "messages": [message.model_dump() for message in request.messages], **sampling}
    if "seed" in sampling:
        body["seed"] = sampling["seed"] + request.sample
    if request.response_format is not None:
        body["response_format"] = request.response_format
    return body


def _reply(response: httpx2.Response, seconds: float) -> Reply:
    try:
        answer = response.json()
        choice, usage = answer["choices"][0], answer.get("usage") or {}
        message, details = choice["message"], usage.get("completion_tokens_details") or {}
        return Reply(
            text=message.get("content") or "",
            reasoning=message.get("reasoning_content") or message.get("reasoning"),
            finish=choice.get("finish_reason") or "stop",
            tokens_in=usage.get("prompt_tokens"),
            tokens_out=usage.get("completion_tokens"),
            tokens_reasoning=details.get("reasoning_tokens"),
            seconds=seconds,
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise CallFailed(f"the endpoint sent something that is no chat completion: {response.text[:200]}") from None


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, APIStatusError):
        soon = (_retry_after(error) or 0.0) <= LONGEST_WAIT
        return error.status_code in TRANSIENT and soon and not _out_of_credit(error)
    return isinstance(error, (APIConnectionError, TimeoutError))


def _retry_after(error: APIStatusError) -> float | None:
    """Seconds the endpoint asks to be left alone; None where it does not say."""
    try:
        seconds = float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return seconds if seconds >= 0 else None


def _unsupported_field(error: APIStatusError) -> bool:
    """Whether the endpoint refuses a field that every call of this run would send."""
    code = error.body.get("code") if isinstance(error.body, dict) else None
    return code in ("unsupported_parameter", "unsupported_value", "unknown_parameter")


def _out_of_credit(error: APIStatusError) -> bool:
    return "insufficient_quota" in str(error.body)


def _wait(state: RetryCallState) -> float:
    """Seconds before the next try: what the endpoint asks for, else growing and random; short while nobody listens."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, APIStatusError):
        asked = _retry_after(error)
        return wait_random_exponential(multiplier=0.5, max=30)(state) if asked is None else asked
    return wait_random_exponential(multiplier=0.1, max=2)(state)


def _refusal(error: APIStatusError) -> str:
    return "content_filter" if "content_filter" in str(error.body) else "error"

"""Asks an endpoint that speaks the OpenAI chat-completions protocol, over HTTP by aiohttp.

One try a call: the door waits and tries again. What comes back is a reply, an outcome of the call (a refused request), an error
somebody must mend (a wrong key, an unknown model, nobody listening), or a failure that may pass. The `openai` client would do
the same at several times the CPU a call (docs/decisions/0005).
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from pipeline.errors import UserError
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.protocol import OVERLOADED, TRANSIENT, read_completions, refused, request_body
from pipeline.llm.pace import Pace, duration
from pipeline.llm.request import Reply, Request
from pipeline.settings import Settings

LARGEST = 32 * 2**20
"""Bytes of an answer; a completion of a hundred thousand tokens with log-probabilities takes half of it."""
SECRET = 16
"""Characters from which on a key is a secret and not a word such as `none` or `EMPTY`, which replies may well contain."""
UNREACHABLE = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Nobody listens there; a connection that was cut is another thing and may pass."""


class ChatCompletions:
    """Sends requests to `<base_url>/chat/completions`."""

    def __init__(self, model: str, base_url: str, key: str, limit_field: str, pace: Pace, settings: Settings) -> None:
        self.model, self.base_url, self._key, self.limit_field, self._pace = model, base_url, key, limit_field, pace
        self._timeout = aiohttp.ClientTimeout(
            total=settings.total_seconds, sock_connect=settings.connect_seconds, sock_read=settings.read_seconds
        )
        self._answered = False

    async def __aenter__(self) -> ChatCompletions:
        if not self._key.isprintable() or not self._key.isascii():
            raise UserError("OPENAI_API_KEY holds characters no key has", "Copy it again, without line breaks.")
        host = urlsplit(self.base_url).netloc
        here = urlsplit(self.base_url).hostname in ("localhost", "127.0.0.1", "::1")
        proxies = {} if here or proxy_bypass(host) else getproxies()
        proxy, self._proxy_headers = _proxy(proxies.get("https" if self.base_url.startswith("https") else "http"))
        # not the session's: aiohttp would hand those to the proxy, too
        self._headers = {"Authorization": f"Bearer {self._key or 'none'}", "Content-Type": "application/json"}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            timeout=self._timeout,
            proxy=proxy,
            max_line_size=65536,
            max_field_size=65536,
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._session.close()

    async def complete(self, request: Request) -> Reply:
        return (await self._call(request, 1))[0]

    async def complete_together(self, requests: Sequence[Request]) -> list[Reply]:
        """Replies to requests that differ in nothing but the number of the sample, by one call that bills the prompt once.

        There are fewer where the endpoint gives fewer than it was asked for.
        """
        replies = await self._call(requests[0], len(requests))
        if len(replies) == 1:  # an outcome holds for all
            replies *= len(requests) if replies[0].text is None else 1
        return replies[: len(requests)]

    async def _call(self, request: Request, choices: int) -> list[Reply]:
        body = json.dumps(request_body(self.model, request, self.limit_field, choices), ensure_ascii=False)
        started = time.monotonic()
        try:
            async with self._session.post(
                f"{self.base_url}/chat/completions", data=body.encode("utf-8", "replace"), allow_redirects=False,
                headers=self._headers,
                proxy_headers=self._proxy_headers,
            ) as response:  # fmt: skip
                self._answered = True
                raw = await self._read(response)
                self._pace.told(response.headers)
        except aiohttp.ClientHttpProxyError as error:  # its own words hold the proxy's address
            raise CallFailed(
                f"{self.base_url}: the proxy answered {error.status}", overloaded=error.status in OVERLOADED
            ) from None
        except UNREACHABLE as error:
            raise self._nobody(error) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._lost(error) from None
        return self._replies(response, raw, time.monotonic() - started)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """The answer's bytes, unless it is far larger than any completion."""
        if (response.content_length or LARGEST + 1) <= LARGEST and "Content-Encoding" not in response.headers:
            return self._without_key(await response.read())
        raw = bytearray()
        async for piece in response.content.iter_any():
            raw += piece
            if len(raw) > LARGEST:
                response.close()
                raise CallFailed(f"{self.base_url}: the answer is larger than {LARGEST >> 20} MiB", billed=True, again=False)
        return self._without_key(bytes(raw))

    def _without_key(self, raw: bytes) -> bytes:
        """What came, with the key taken out where the endpoint says it back: replies are stored and shown."""
        return raw.replace(self._key.encode(), b"***") if len(self._key) >= SECRET else raw

    def _replies(self, response: aiohttp.ClientResponse, raw: bytes, seconds: float) -> list[Reply]:
        status = response.status
        answer = _read_json(raw)
        error = _error_object(answer)
        if status == 200 and not error:
            if answer is None:
                words = self._words(raw[:200].decode("utf-8", "replace"))
                raise CallFailed(
                    f"{self.base_url}: the endpoint sent something that is no chat completion: {words}", billed=True
                )
            return read_completions(answer, seconds)
        if status == 200:  # some routers wrap a provider's refusal into a success
            status = error["code"] if isinstance(error.get("code"), int) else 502
        words = self._words(str(error.get("message") or raw[:300].decode("utf-8", "replace") or response.reason))
        return [
            refused(status, error, words, self.base_url, self.model, _retry_after(response)).model_copy(
                update={"seconds": seconds}
            )
        ]

    def _words(self, words: str) -> str:
        """The provider's own message, on one line, in at most 300 characters and never with the key in it."""
        line = " ".join(words.split())
        return (line.replace(self._key, "***") if self._key else line)[:300]

    def _nobody(self, error: Exception) -> Exception:
        """Nobody listens: nothing will work, unless somebody did before, who may be starting again."""
        what = f"{self.base_url}: cannot be reached: {self._words(str(error))}"
        if self._answered:
            return CallFailed(what)
        return UserError(
            what, "Is the server up, and BASE_URL (OPENAI_BASE_URL) its address with /v1? Replies that landed are kept."
        )

    def _lost(self, error: Exception) -> CallFailed:
        """The call was sent and no whole answer came: it may be billed all the same."""
        late = isinstance(error, TimeoutError)
        what = "no answer in time" if late else f"the connection was cut ({self._words(str(error)) or type(error).__name__})"
        return CallFailed(f"{self.base_url}: {what}", overloaded=late, billed=True)


def _proxy(address: str | None) -> tuple[URL | None, dict[str, str] | None]:
    """A proxy's address without name and password, and these as a header, so that no message can hold them."""
    url = URL(address) if address else None
    if url is None or not url.user:
        return url, None
    login = b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
    return url.with_user(None), {"Proxy-Authorization": f"Basic {login}"}


def _read_json(raw: bytes) -> Any:
    """The JSON of an answer; None where it is none. Bytes that are no UTF-8 become U+FFFD: the reply was paid for."""
    try:
        return json.loads(raw)
    except UnicodeDecodeError:
        return _read_json(raw.decode("utf-8", "replace").encode())
    except (ValueError, RecursionError):
        return None


def _error_object(answer: Any) -> dict[str, Any]:
    """The provider's error, whichever way it is wrapped; empty where there is none."""
    if not isinstance(answer, dict):
        return {}
    error = answer.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {"message": error}
    if "choices" in answer:
        return {}
    words = answer.get("message") or answer.get("detail")
    return {**answer, "message": words if isinstance(words, str) else json.dumps(words)} if words else {}


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Seconds the endpoint asks to be left alone; None where it does not say, or says something that is no time."""
    if response.status not in TRANSIENT:
        return None
    milliseconds = response.headers.get("retry-after-ms")
    seconds = duration(f"{milliseconds}ms") if milliseconds else None
    return duration(response.headers.get("Retry-After")) if seconds is None else seconds

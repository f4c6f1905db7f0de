"""Who may see the page: browsers on this machine that hold the token; and what the page may load: nothing from elsewhere.

In: an ASGI application. Out: one that answers to local names alone, so that no web site can reach it by a name of its own; that
asks for a token, first in the address and then in a cookie no script can read; and that tells the browser to load nothing but
what this program sends. Text of models could do no harm in the page even if it were not escaped.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::\d{1,5})?", flags=re.IGNORECASE)
"""What a browser on this machine calls it."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Of the pages."""
SEALED = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
"""Of a page that was written to be mailed, with style and script inside: it has no part in this one, nor in its cookie."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
NO_TOKEN = "This page needs its token: open the whole address that `distill inspect` printed, with everything behind the `?`."
NOT_LOCAL = "This page answers to 127.0.0.1 and localhost alone. From another machine, forward the port: ssh -L."


class Guard:
    """The application behind a token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token
        self._cookie = f"inspect_{hashlib.sha256(token.encode()).hexdigest()[:8]}"  # each server its own, whatever the port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refused = self._refused(Request(scope))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                wanted = {"content-security-policy": POLICY, **HEADERS}
                added = [(name.encode(), value.encode()) for name, value in wanted.items() if name.encode() not in there]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await (refused or self._app)(scope, receive, with_headers)

    def _refused(self, request: Request) -> Response | None:
        """What is said to whoever may not come in, or comes with the token for the first time; None to all others."""
        if not HOST.fullmatch(request.headers.get("host", "")):
            return PlainTextResponse(NOT_LOCAL, 421)
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("Nothing can be changed here.", 405)
        if self._is_token(request.query_params.get("token", "")):
            rest = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
            answer = RedirectResponse("/" + request.url.path.lstrip("/") + (f"?{urlencode(rest)}" if rest else ""), 303)
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
            return answer
        if not self._is_token(request.cookies.get(self._cookie, "")):
            return PlainTextResponse(NO_TOKEN, 403)
        return None

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "replace"), self._token.encode())

"""A rate limit as providers hold one: a bucket that refills evenly; who comes when it is empty is answered 429.

In: the calls, one by one. Out: whether each may pass, and the headers a provider would send with the answer: `Retry-After` in
whole seconds, OpenAI's `x-ratelimit-*` with spans of time like `6m0s`, or Anthropic's with a time of day.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal


@dataclass
class RateLimit:
    """So many calls a second."""

    per_second: float
    burst: float = 10.0
    """How many may come at once when nobody came for a while: what the bucket holds."""
    level: float | None = None
    """What is in the bucket at the beginning; full unless said."""
    retry_after: bool = True
    """Whether a refusal says when to come again."""
    tells: Literal["nothing", "openai", "anthropic"] = "nothing"
    """Whose headers it sends."""
    _filled: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.burst if self.level is None else self.level

    def let_in(self) -> bool:
        """Whether a call that comes now may pass; if so, it is counted."""
        level = self._refill()
        if level < 1.0:
            return False
        self.level = level - 1.0
        return True

    def allowed(self, seconds: float) -> float:
        """How many calls it lets in within so many seconds from a full bucket."""
        return self.burst + self.per_second * seconds

    def headers(self, refused: bool) -> dict[str, str]:
        """What an answer that is sent now says of the limit."""
        level = self._refill()
        full = (self.burst - level) / self.per_second
        says = {"Retry-After": str(math.ceil((1.0 - level) / self.per_second))} if refused and self.retry_after else {}
        if self.tells == "openai":
            return says | _openai(self.burst, level, full)
        return says | _anthropic(self.burst, level, full) if self.tells == "anthropic" else says

    def _refill(self) -> float:
        now = time.monotonic()
        assert self.level is not None
        if self._filled:
            self.level = min(self.burst, self.level + (now - self._filled) * self.per_second)
        self._filled = now
        return self.level


def _openai(limit: float, level: float, full: float) -> dict[str, str]:
    values = {"limit": f"{limit:.0f}", "remaining": f"{math.floor(max(0.0, level))}", "reset": span(full)}
    return {f"x-ratelimit-{name}-requests": value for name, value in values.items()}


def _anthropic(limit: float, level: float, full: float) -> dict[str, str]:
    reset = (datetime.now(UTC) + timedelta(seconds=full)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    values = {"limit": f"{limit:.0f}", "remaining": f"{math.floor(max(0.0, level))}", "reset": reset}
    return {f"anthropic-ratelimit-requests-{name}": value for name, value in values.items()}


def span(seconds: float) -> str:
    """Seconds as OpenAI writes them: `20ms`, `1.5s`, `6m0s`."""
    if seconds < 1.0:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}m{rest:.0f}s" if minutes else f"{rest:.3f}".rstrip("0").rstrip(".") + "s"

"""How fast an endpoint is asked: so many calls at once, so many a minute, so many tokens a minute.

Calls at once follow additive increase, multiplicative decrease (Chiu, Jain 1989): each reply adds a little, an overload takes
three tenths away, once in the time a call takes, since all that were under way feel the same one. Rates are set by the user or
read from the headers of replies, and held by buckets that refill evenly, so that no minute starts with a burst.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DECREASE = 0.7
"""What an overload leaves of the calls at once: with 0.5, TCP's, a steady limit is used to three quarters, with 0.7 to 85 %."""
BURST_SECONDS = 1.0
"""A bucket holds what refills in this time: providers count shorter spans than the minute they speak of."""
KINDS = ("requests", "tokens", "input-tokens", "output-tokens")
TELLING = (
    "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens",
    "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-input-tokens-limit",
)  # fmt: skip
"""One of these is in every answer of an endpoint that tells its limits."""
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass
class Bucket:
    """So much a second, evenly. What is taken may exceed what is there; then the bucket is in debt, and nobody takes more."""

    rate: float
    """What refills in a second."""
    level: float = 1.0
    filled: float = 0.0
    """When the level was last brought up to date, by the monotonic clock."""

    def wait(self, now: float) -> float:
        """Seconds until something may be taken; 0 where it may be now."""
        if self.filled:
            self.level = min(self.level + (now - self.filled) * self.rate, max(1.0, self.rate * BURST_SECONDS))
        self.filled = now
        return 0.0 if self.level > 0 else -self.level / self.rate + 1e-4


@dataclass(frozen=True)
class Slot:
    """A call that may be sent: when it was let go, and what it was thought to take."""

    since: float
    tokens_in: int
    tokens_out: int


class Pace:
    """Lets calls go one by one: `slot = await pace.enter(…)`, the call, `pace.leave(slot, …)`.

    Args:
        most: calls at once that are never exceeded.
        requests, tokens_in, tokens_out: ceilings a minute that the user sets; headers may only lower them.
    """

    def __init__(
        self, most: int, requests: float | None = None, tokens_in: float | None = None, tokens_out: float | None = None
    ) -> None:
        self.most, self.limit, self.under_way = most, float(most), 0
        self._set = {"requests": requests, "input-tokens": tokens_in, "output-tokens": tokens_out, "tokens": None}
        self._buckets = {kind: Bucket(limit / 60) for kind, limit in self._set.items() if limit}
        self._mean_out = 0.0
        self._decreased = self._round_trip = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, tokens_in: int = 0, tokens_out: int = 0, first: bool = False) -> Slot:
        """Waits until a call of about so many tokens may be sent; one that waited before goes to the head of the line."""
        if self._waiting or not self._room():
            await self._queue(first)
        else:
            self.under_way += 1
        expected = int(min(tokens_out, self._mean_out or tokens_out))
        if self._buckets:
            self._take(1, tokens_in, expected)
        return Slot(time.monotonic(), tokens_in, expected)

    def leave(
        self, slot: Slot, *, overloaded: bool = False, answered: bool = False, tokens_in: int | None = None,
        tokens_out: int | None = None,
    ) -> None:  # fmt: skip
        """Ends a call: an overload lowers the calls at once, an answer raises them, and its tokens, where told, correct what
        was thought."""
        self.under_way -= 1
        if overloaded:
            if slot.since >= self._decreased + self._round_trip:
                self.limit = max(1.0, min(self.limit, self.under_way + 1) * DECREASE)
                self._decreased = time.monotonic()
        elif answered or tokens_out is not None or tokens_in is not None:
            self.limit = min(self.most, self.limit + 1 / self.limit)
            self._round_trip += 0.1 * (time.monotonic() - slot.since - self._round_trip)
            self._correct(slot, tokens_in, tokens_out)
        if self._waiting:
            self._wake()

    def told(self, headers: Mapping[str, str]) -> None:
        """Learns the limits an endpoint tells in its headers: OpenAI's names or Anthropic's.

        The rate is what has been used up divided by the time until it is given back, so that it does not matter whether the
        endpoint counts by the minute or by the day; where it does not tell that time, a minute is taken.
        """
        if not any(name in headers for name in TELLING):
            return
        for kind, limit, remaining, reset in _limits(headers):
            used = limit - (limit if remaining is None else remaining)
            if remaining is not None and used <= 0:  # a full bucket does not tell how fast it fills
                continue
            rate = used / reset if used > 0 and reset else limit / 60
            own = self._set.get(kind)
            bucket = self._buckets.setdefault(kind, Bucket(rate))
            bucket.rate = max(min(rate, own / 60) if own else rate, 1e-3)
            if remaining is not None and remaining <= 0:
                bucket.level = min(bucket.level, 0.0)

    def _room(self) -> bool:
        if self.under_way >= int(self.limit):
            return False
        return not self._buckets or self._delay() == 0

    def _delay(self) -> float:
        now = time.monotonic()
        return max(bucket.wait(now) for bucket in self._buckets.values())

    async def _queue(self, first: bool) -> None:
        """Stands in line; whoever is let go counts as under way at once."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if first else self._waiting.append)(mine)
        self._wake()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # let go and given up in the same moment
                self.under_way -= 1
            self._wake()
            raise

    def _wake(self) -> None:
        """Lets go as many as may; where a bucket is empty, comes back when it is not."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self.under_way < int(self.limit):
            if self._buckets and (delay := self._delay()):
                self._timer = asyncio.get_running_loop().call_later(delay, self._wake)
                return
            next_one = self._waiting.popleft()
            if not next_one.done():
                self.under_way += 1
                next_one.set_result(None)
                if self._buckets:  # what it takes is taken when it runs; until then let nobody else in
                    self._timer = asyncio.get_running_loop().call_later(0, self._wake)
                    return

    def _take(self, requests: float, tokens_in: float, tokens_out: float) -> None:
        amounts = {"requests": requests, "input-tokens": tokens_in, "output-tokens": tokens_out}
        amounts["tokens"] = tokens_in + tokens_out
        for kind, bucket in self._buckets.items():
            bucket.level -= amounts[kind]

    def _correct(self, slot: Slot, tokens_in: int | None, tokens_out: int | None) -> None:
        if tokens_out is not None:
            self._mean_out = 0.9 * self._mean_out + 0.1 * tokens_out if self._mean_out else float(tokens_out)
        if self._buckets:
            more_in = 0 if tokens_in is None else tokens_in - slot.tokens_in
            self._take(0, more_in, 0 if tokens_out is None else tokens_out - slot.tokens_out)


def _limits(headers: Mapping[str, str]) -> Iterator[tuple[str, float, float | None, float | None]]:
    """kind, limit, what remains, seconds until all of it is given back."""
    for kind in KINDS:
        for names in (
            (f"x-ratelimit-limit-{kind}", f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}"),
            (f"anthropic-ratelimit-{kind}-limit", f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-reset"),
        ):
            limit, remaining = (_number(headers.get(name)) for name in names[:2])
            if limit:
                yield kind, limit, remaining, duration(headers.get(names[2]))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e15 else None


def duration(text: str | None) -> float | None:
    """Seconds of `6m0s`, `20ms`, `1.5`, or from now to a time in ISO 8601 or HTTP's form; None where it is none of these."""
    if not text:
        return None
    parts = DURATION.findall(text)
    if parts and "".join(f"{number}{unit}" for number, unit in parts) == text:
        return sum(float(number) * UNITS[unit] for number, unit in parts)
    if (seconds := _number(text)) is not None:
        return seconds
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return max(0.0, (parse(text) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            continue
    return None

"""Progress of long work: a live panel where there is a terminal, plain lines every few seconds where there is none.

Everything goes to standard error, so that what a command prints can be piped. What models and endpoints wrote may stand in a
line, so all of it is made harmless.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pipeline.terminal import complain, flat

PLAIN_SECONDS = 10.0
REFRESH_SECONDS = 0.25
WINDOW_SECONDS = 60.0
"""The rate is that of the last minute: what came from memory at first tells nothing of what is still to be asked."""
LONGEST = 240
"""Characters of one fact."""
Facts = list[tuple[str, str]]
"""What there is to tell beside the rate, as label and words; one without a label goes on with the one before."""


class Progress:
    """`with Progress("asking", total) as progress: progress.advance()`; `async with` shows it also while nothing advances.

    Args:
        what: what is being done.
        total: how many steps there are; None where nobody knows.
        details: gives more of the first line, asked anew each time it is shown.
        facts: gives the lines below it on a terminal, the rest of the line elsewhere.
        pause: seconds from one showing to the next; `REFRESH_SECONDS` on a terminal and `PLAIN_SECONDS` elsewhere unless said.
        now: the clock, in seconds.
    """

    def __init__(
        self, what: str, total: int | None, details: Callable[[], str] = str, facts: Callable[[], Facts] = list, *,
        pause: float | None = None, now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.what, self.total, self.details, self.facts = what, total, details, facts
        self.done = 0
        self._now = now
        self._started = self._shown = now()
        self._marks = deque([(self._started, 0)])
        """When how much was done, within the window."""
        self._console = Console(stderr=True, highlight=False)
        self._pause = pause or (REFRESH_SECONDS if self._console.is_terminal else PLAIN_SECONDS)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._ticking: asyncio.Task[None] | None = None

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
        complain(self.line(final=True))

    async def __aenter__(self) -> Progress:
        self._ticking = asyncio.create_task(self._tick())
        return self.__enter__()

    async def __aexit__(self, *exception: object) -> None:
        if self._ticking:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
        self.__exit__(*exception)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            self.show()

    def advance(self, steps: int = 1) -> None:
        """Counts steps, and shows them when it is time."""
        self.done += steps
        self.show()

    def show(self) -> None:
        """Shows how far it is when it is time."""
        now = self._now()
        if now - self._shown < self._pause * 0.9:  # so that the clock that ticks is never a moment too early
            return
        self._shown = now
        self._mark(now)
        if self._console.is_terminal:
            self._live.update(self.panel(), refresh=True)
        else:
            complain(self.line())

    def _mark(self, now: float) -> None:
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= WINDOW_SECONDS:
            self._marks.popleft()

    def panel(self) -> Text:
        """The head, and a line for each fact, each cut at the terminal's edge."""
        lines = [Text(self._head(), style="bold")]
        for label, words in self.facts():
            style = "yellow" if label == "errors" or (not label and lines[-1].style == "yellow") else ""
            lines.append(Text.assemble((f"  {label:<8} ", "dim"), flat(words, LONGEST), style=style))
        return Text("\n", overflow="ellipsis", no_wrap=True).join(lines)

    def line(self, final: bool = False) -> str:
        """`asking: 120 of 200 · 12.1 a second · 0:07 left · calls 118 asked, 2 remembered · …`."""
        facts = [f"{label} {words[:LONGEST]}".strip() for label, words in self.facts()]
        return flat(" · ".join([self._head(final), *facts]))

    def _head(self, final: bool = False) -> str:
        now = self._now()
        seconds = max(now - self._started, 1e-9)
        mean = self.done / seconds
        since, done = self._marks[0]
        rate = mean if final or now - since < REFRESH_SECONDS else (self.done - done) / (now - since)
        count = f"{self.done:,} of {self.total:,}" if self.total is not None else f"{self.done:,}"
        parts = [f"{self.what}: {count}", _pace(rate), self.details()]
        if final:
            parts.append(f"{clock(seconds)} in all")
        elif self.total is not None and mean:
            parts.append(f"{clock((self.total - self.done) / (rate or mean))} left")
        return flat(" · ".join(part for part in parts if part))


def _pace(rate: float) -> str:
    return f"{rate:.1f} a second" if rate >= 1 or not rate else f"{60 * rate:.1f} a minute"


def clock(seconds: float) -> str:
    """`1:05:09` or `2:07`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

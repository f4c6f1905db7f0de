"""Progress of long work: a live line where there is a terminal, plain lines every few seconds where there is none.

Everything goes to standard error, so that what a command prints can be piped.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console
from rich.live import Live
from rich.text import Text

PLAIN_SECONDS = 10.0
REFRESH_SECONDS = 0.25


class Progress:
    """`with Progress("asking", total, details) as progress: progress.advance()`.

    With `async with`, the line is shown also while nothing advances: what a run waits for is seen, and that it waits.

    Args:
        what: what is being done.
        total: how many steps there are; None where nobody knows.
        details: gives the rest of the line, asked anew each time it is shown.
    """

    def __init__(self, what: str, total: int | None, details: Callable[[], str] = str) -> None:
        self.what, self.total, self.details = what, total, details
        self.done = 0
        self._started = self._shown = time.monotonic()
        self._console = Console(stderr=True)
        self._pause = REFRESH_SECONDS if self._console.is_terminal else PLAIN_SECONDS
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
        print(self.line(final=True), file=sys.stderr, flush=True)

    async def __aenter__(self) -> Progress:
        self._ticking = asyncio.create_task(self._tick())
        return self.__enter__()

    async def __aexit__(self, *exception: object) -> None:
        self._ticking.cancel()
        with suppress(asyncio.CancelledError):
            await self._ticking
        self.__exit__(*exception)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            self.show()

    def advance(self, steps: int = 1) -> None:
        """Counts steps, and shows the line when it is time."""
        self.done += steps
        self.show()

    def show(self) -> None:
        """Shows the line when it is time."""
        now = time.monotonic()
        if now - self._shown < self._pause:
            return
        self._shown = now
        if self._console.is_terminal:
            self._live.update(Text(self.line(), overflow="ellipsis", no_wrap=True), refresh=True)
        else:
            print(self.line(), file=sys.stderr, flush=True)

    def line(self, final: bool = False) -> str:
        """`asking: 120 of 200 · 12.1 a second · … · 0:07 left`."""
        seconds = max(time.monotonic() - self._started, 1e-9)
        rate = self.done / seconds
        count = f"{self.done} of {self.total}" if self.total is not None else f"{self.done}"
        parts = [f"{self.what}: {count}", f"{rate:.1f} a second", self.details()]
        if final:
            parts.append(f"{clock(seconds)} in all")
        elif self.total is not None and rate:
            parts.append(f"{clock((self.total - self.done) / rate)} left")
        return " · ".join(part for part in parts if part)


def clock(seconds: float) -> str:
    """`1:05:09` or `2:07`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

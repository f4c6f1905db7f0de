"""What one command's calls came to: counts, tokens and dollars, and the complaints of those that failed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

MINUTE = 60
KEPT = 50
"""Different complaints that are kept, the latest ones."""


@dataclass
class Tally:
    """Counts of one command."""

    asked: int = 0
    """Calls sent to a backend and answered."""
    remembered: int = 0
    """Replies that came from memory."""
    owed: int = 0
    """Calls that failed and will be asked again."""
    retried: int = 0
    """Tries that failed and were followed by another."""
    retried_at: dict[int, int] = field(default_factory=dict)
    """The same by the minute in which they failed, in seconds since 1970."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = 0.0
    """Dollars spent; None once a price was unknown."""
    last_error: str = ""

    def note_retry(self) -> None:
        """Counts a try that failed just now and will be followed by another."""
        minute = int(time.time()) // MINUTE * MINUTE
        self.retried += 1
        self.retried_at[minute] = self.retried_at.get(minute, 0) + 1


class Complaints:
    """Why calls failed or were refused, by their words, and how often."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def note(self, words: str) -> None:
        """Takes one down."""
        self._counts[words] = self._counts.pop(words, 0) + 1
        if len(self._counts) > KEPT:
            del self._counts[next(iter(self._counts))]

    def latest(self, most: int) -> list[tuple[str, int]]:
        """The last different ones with their counts, the newest first."""
        return list(self._counts.items())[: -most - 1 : -1]

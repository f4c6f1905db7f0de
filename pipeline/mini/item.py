"""One task of the mini world with its ground truth, and whether it is held out for the tests.

Which side an item is on is decided by the hash of its text alone, so no prompt can stand in training and in a test, whatever
the seeds. Items that share what they are made of, such as two questions on one passage, are on the same side.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Item:
    """One task of the mini world with its ground truth."""

    kind: str
    prompt: str
    context: str = ""
    """What belongs before the prompt: demonstrations of the hidden rule, a line each, or a passage; empty for most kinds."""
    answer: str | None = None
    reply: str = ""
    """One right reply: what the teacher learned from, never shown to a student."""
    constraints: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    made_of: str = ""
    """What it shares with other items, such as a passage: all that are made of the same are on one side of the tests."""

    @property
    def held_out(self) -> bool:
        """Whether it belongs to the tests: one prompt in eight does, and to nothing else."""
        text = self.made_of or f"{self.context}\n{self.prompt}"
        return hashlib.sha256(text.encode()).digest()[0] % 8 == 0

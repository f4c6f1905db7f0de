"""What the replies of a store add up to, model by model, as a table for a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.llm.request import Reply

HEADINGS = ("provider", "model", "replies", "tokens in", "tokens out", "dollars", "without text")
UNKNOWN = "unknown"
"""Sums of which nothing is known, and provider and model of replies that were stored before these were."""


@dataclass
class Sum:
    """A sum of what is known, and how often nothing is."""

    total: float = 0
    known: int = 0
    missing: int = 0

    def add(self, value: float | None) -> None:
        self.total += value or 0
        self.known += value is not None
        self.missing += value is None

    def shown(self, style: str = ",.0f") -> str:
        if not self.known:
            return UNKNOWN if self.missing else f"{0:{style}}"
        return f"{self.total:{style}}" + (f" + {self.missing:,} {UNKNOWN}" if self.missing else "")


@dataclass
class Counts:
    """What is said of one model's replies."""

    replies: int = 0
    tokens_in: Sum = field(default_factory=Sum)
    tokens_out: Sum = field(default_factory=Sum)
    cost: Sum = field(default_factory=Sum)
    textless: int = 0

    def add(self, reply: Reply) -> None:
        self.replies += 1
        self.tokens_in.add(reply.tokens_in)
        self.tokens_out.add(reply.tokens_out)
        self.cost.add(reply.cost)
        self.textless += reply.text is None

    def cells(self) -> tuple[str, ...]:
        tokens = (self.tokens_in.shown(), self.tokens_out.shown())
        return (f"{self.replies:,}", *tokens, self.cost.shown(",.4f"), f"{self.textless:,}")


def aligned(counts: dict[tuple[str, str], Counts]) -> list[str]:
    """A line for each provider and model: names to the left, numbers to the right."""
    rows = [HEADINGS, *((*names, *each.cells()) for names, each in sorted(counts.items()))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join([*map(str.ljust, row[:2], widths[:2]), *map(str.rjust, row[2:], widths[2:])]).rstrip() for row in rows
    ]

"""Keeps replies that say something: at least one letter or digit, or a sign of mathematics such as ∅ or ∞."""

from __future__ import annotations

from typing import Literal
from unicodedata import category

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task


class NotEmpty(RowFilter):
    """The target has a letter, a digit or a sign of mathematics in it; those of ASCII, as in `===`, may be decoration."""

    filter: Literal["not_empty"]
    """Says something."""

    def judge(self, task: Task, sample: Sample) -> Word:
        if not sample.target.strip():
            return drop("empty")
        if not any(map(_says_something, sample.target)):
            return drop("neither letters nor digits", detail=sample.target[:80])
        return keep("says something")


def _says_something(sign: str) -> bool:
    return sign.isalnum() or (not sign.isascii() and category(sign) == "Sm")

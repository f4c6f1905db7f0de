"""Keeps replies that say something: at least one letter or digit."""

from __future__ import annotations

from typing import Literal

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task


class NotEmpty(RowFilter):
    """The target has a letter or a digit in it."""

    filter: Literal["not_empty"]
    """Says something."""

    def judge(self, task: Task, sample: Sample) -> Word:
        if not sample.target.strip():
            return drop("empty")
        if not any(sign.isalnum() for sign in sample.target):
            return drop("neither letters nor digits", detail=sample.target[:80])
        return keep("says something")

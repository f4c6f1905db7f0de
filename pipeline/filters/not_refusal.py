"""Keeps replies that do not begin by declining: phrases at the start of the first 200 characters.

The phrases follow the clean-ups of Alpaca and ShareGPT data. They count only near the start, since a good answer may well say
"I cannot" later on.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import PositiveInt

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task

REFUSAL = re.compile(
    r"\bas an ai(?=[,.]| (?:language )?model| assistant)|\bas a (?:large )?language model\b"
    r"|^\W*(?:i'?m sorry|i am sorry|sorry|i apologi[sz]e|unfortunately)\b"
    r".{0,60}\b(?:can'?t|cannot|can not|unable|not able|won'?t)\b"
    r"|^\W*i (?:can'?t|cannot|can not|won'?t|will not|must decline)\b"
    r"|^\W*i(?:'?m| am) (?:unable|not able) to\b",
    flags=re.IGNORECASE | re.DOTALL,
)


class NotRefusal(RowFilter):
    """The target does not start with a refusal."""

    filter: Literal["not_refusal"]
    """Does not decline."""
    characters: PositiveInt = 200
    """How far from the start a phrase counts."""

    def judge(self, task: Task, sample: Sample) -> Word:
        start = sample.target[: self.characters].replace("’", "'")
        found = REFUSAL.search(start)
        return drop("declines", detail=found.group()[:80]) if found else keep("does not decline")

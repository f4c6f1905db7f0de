"""Keeps replies that ended by themselves: `length` means the end was cut off."""

from __future__ import annotations

from typing import Literal

from pipeline.filters.verdicts import RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task


class Finished(RowFilter):
    """The reply ended with `stop`."""

    filter: Literal["finished"]
    """Ended by itself."""

    def judge(self, task: Task, sample: Sample) -> Word:
        if sample.finish == "stop":
            return keep("ended by itself")
        if sample.finish == "length":
            return drop("cut off at the longest length")
        if sample.finish == "content_filter":
            return drop("stopped by the provider's content filter")
        if sample.finish == "invalid":
            return drop("not the JSON asked for")
        return unverifiable("unknown ending", detail=sample.finish)

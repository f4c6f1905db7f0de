"""Keeps replies that think before they answer: one balanced think block at the start, and an answer after it.

This is the format reward of open-r1, without its line breaks. The thoughts a model wrote in the usual tags come apart at the
door and lie in the sample's reasoning: such a sample is well formed once it has an answer, and no tags.
They are looked for in the target where nothing came apart: those of methods and models with a notation of their own.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task

Tag = Annotated[str, Field(max_length=80, pattern=r"\S")]
CODE = re.compile(r"`[^`\n]*`")
"""Code in a line, where a reply may name a tag."""


class Thinks(RowFilter):
    """Exactly one block of thoughts, something in it, and something after it."""

    source: ClassVar[str] = "open-r1, src/open_r1/rewards.py, format_reward"
    filter: Literal["thinks"]
    """Thinks before it answers."""
    opening: Tag = "<think>"
    """What thoughts begin with."""
    closing: Tag = "</think>"
    """What thoughts end with."""

    @model_validator(mode="after")
    def _two_tags(self) -> Thinks:
        if self.opening in self.closing or self.closing in self.opening:
            raise ValueError(f"opening {self.opening!r} and closing {self.closing!r} cannot be told apart")
        return self

    def judge(self, task: Task, sample: Sample) -> Word:
        apart = bool((sample.reasoning or "").strip())
        fault = self._fault_of_answer(sample.target) if apart else self._fault(sample.target)
        counts = f"{sample.target.count(self.opening)} × {self.opening}, {sample.target.count(self.closing)} × {self.closing}"
        return drop(fault, detail=counts) if fault else keep("thinks, then answers")

    def _fault_of_answer(self, text: str) -> str:
        """What is wrong with a reply whose thoughts came apart from it, or nothing: a tag in it is another block's."""
        said = CODE.sub(" ", text)
        if self.opening in said or self.closing in said:
            return "not one balanced block of thoughts"
        return "" if text.strip() else "no answer after the thoughts"

    def _fault(self, text: str) -> str:
        """What is wrong with a reply that has its thoughts in it, or nothing."""
        opened, closed = text.count(self.opening), text.count(self.closing)
        if not opened and not closed:
            return "no thoughts"
        if (opened, closed) != (1, 1):
            return "not one balanced block of thoughts"
        before, _, rest = text.partition(self.opening)
        thoughts, end, answer = rest.partition(self.closing)
        if not end:
            return "not one balanced block of thoughts"
        if before.strip():
            return "something before the thoughts"
        if not thoughts.strip():
            return "empty thoughts"
        return "" if answer.strip() else "no answer after the thoughts"

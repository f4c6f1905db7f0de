"""Keeps replies whose length in the student's tokens lies within bounds; what is too long is dropped, never cut."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task
from pipeline.student.tokens import token_counter


class Length(RowFilter):
    """Tokens of the target, the reasoning included, by the student's tokenizer."""

    filter: Literal["length"]
    """Length within bounds."""
    min_tokens: NonNegativeInt = 1
    """Shortest target."""
    max_tokens: PositiveInt = 1024
    """Longest target."""
    tokenizer: str | None = None
    """Whose tokens: a model folder or a name on the hub; the recipe's student unless said."""

    def judge(self, task: Task, sample: Sample) -> Word:
        tokens = token_counter(self.tokenizer)(f"{sample.reasoning or ''}{sample.target}")
        if tokens < self.min_tokens:
            return drop("too short", tokens, f"{tokens} tokens, at least {self.min_tokens}")
        if tokens > self.max_tokens:
            return drop("too long", tokens, f"{tokens} tokens, at most {self.max_tokens}")
        return keep("length within bounds", tokens)

"""Keeps replies whose length in the student's tokens lies within bounds; what is too long is dropped, never cut."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import NonNegativeInt, PositiveInt, model_validator

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task
from pipeline.student.tokens import token_counter, tokenizer_hash


class Length(RowFilter):
    """Tokens of what the student is trained on, its thoughts and their tags included, by its tokenizer."""

    filter: Literal["length"]
    """Length within bounds."""
    min_tokens: NonNegativeInt = 1
    """Shortest target."""
    max_tokens: PositiveInt = 1024
    """Longest target."""
    tokenizer: str | None = None
    """Whose tokens: a model folder or a name on the hub; the recipe's student unless said."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} is above max_tokens {self.max_tokens}")
        return self

    def for_student(self, student: str) -> Self:
        return self.model_copy(update={"tokenizer": self.tokenizer or student})

    def rests_on(self) -> list[str]:
        return [tokenizer_hash(self.tokenizer)] if self.tokenizer else []

    def judge(self, task: Task, sample: Sample) -> Word:
        tokens = token_counter(self.tokenizer)(sample.full_target)
        if tokens < self.min_tokens:
            return drop("too short", tokens, f"{tokens} tokens, at least {self.min_tokens}")
        if tokens > self.max_tokens:
            return drop("too long", tokens, f"{tokens} tokens, at most {self.max_tokens}")
        return keep("length within bounds", tokens)

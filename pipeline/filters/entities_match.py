"""Keeps replies that list the typed spans the task's answer lists: by F1, where a span is right with its text and its type.

What is judged is all that the reply lists, also where the sample is a turn about one type alone.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.answers.ballots import graded_text
from pipeline.answers.entities import said_entities, span_f1
from pipeline.filters.verdicts import Negatives, RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task


class EntitiesMatch(RowFilter):
    """The typed spans are those of the task's answer."""

    source: ClassVar[str] = "the entity F1 of Mo et al. 2024 (C-ICL), arXiv 2402.11254"
    negatives: ClassVar[Negatives] = "turned"
    filter: Literal["entities_match"]
    """Lists the right entities."""
    min_f1: float = Field(0.8, gt=0, le=1)
    """Lowest F1 that is kept; 1 is the same list."""

    def judge(self, task: Task, sample: Sample) -> Word:
        right = None if task.answer is None else said_entities(task.answer)
        if right is None:
            return unverifiable("the task's answer is no list of entities")
        said = said_entities(graded_text(sample))
        if said is None:
            return drop("no list of entities")
        score = span_f1(said, right)
        detail = f"{len(set(said) & set(right))} of {len(said)} are right, {len(right)} expected"
        return keep("the right entities", score, detail) if score >= self.min_f1 else drop("other entities", score, detail)

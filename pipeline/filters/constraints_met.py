"""Keeps replies that fulfil every checkable constraint of their task; a constraint of unknown kind makes it unverifiable."""

from __future__ import annotations

from typing import Literal

from pipeline.answers.constraints import constraint_met
from pipeline.filters.verdicts import RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task


class ConstraintsMet(RowFilter):
    """All of the task's constraints hold; the score is the share that does."""

    filter: Literal["constraints_met"]
    """Fulfils its constraints."""

    def judge(self, task: Task, sample: Sample) -> Word:
        if not task.constraints:
            return unverifiable("the task has no constraints")
        met = [constraint_met(sample.target, each) for each in task.constraints]
        named = [(str(each.get("kind")), word) for each, word in zip(task.constraints, met, strict=True)]
        failed = ", ".join(kind for kind, word in named if word is False)
        if failed:
            return drop("a constraint is not met", met.count(True) / len(met), failed)
        if None in met:
            return unverifiable("unknown constraint", ", ".join(kind for kind, word in named if word is None))
        return keep("all constraints met", 1.0)

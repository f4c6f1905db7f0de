"""Keeps replies that fulfil every checkable constraint of their task, of the 25 kinds of IFEval (Zhou et al. 2023).

Strictly, or as IFEval's loose measure has it, which forgives a first line, a last line and stars. What cannot be told, such as
a constraint of unknown kind, makes the reply unverifiable.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pipeline.answers.constraints import constraints_met
from pipeline.filters.verdicts import Negatives, RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task
from pipeline.texts.language import model_name


class ConstraintsMet(RowFilter):
    """All of the task's constraints hold; the score is the share that does."""

    source: ClassVar[str] = "IFEval (Zhou et al. 2023, arXiv 2311.07911)"
    negatives: ClassVar[Negatives] = "turned"
    filter: Literal["constraints_met"]
    """Fulfils its constraints."""
    loose: bool = False
    """Whether the reply may also fulfil each without its first line, its last line, both, or its stars."""

    def rests_on(self) -> list[str]:
        """The language model, which constraints on the language ask."""
        return [model_name()]

    def judge(self, task: Task, sample: Sample) -> Word:
        if not task.constraints:
            return unverifiable("the task has no constraints")
        met = constraints_met(sample.target, task.constraints, self.loose)
        named = [(str(each.get("kind")), word) for each, word in zip(task.constraints, met, strict=True)]
        failed = ", ".join(kind for kind, word in named if word is False)
        if failed:
            return drop("a constraint is not met", met.count(True) / len(met), failed[:200])
        if None in met:
            return unverifiable("a constraint cannot be checked", ", ".join(kind for kind, word in named if word is None)[:200])
        return keep("all constraints met", 1.0)

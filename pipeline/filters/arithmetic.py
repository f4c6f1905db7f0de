"""Keeps replies in which no calculation is off: each is computed again, as in RFT (Yuan et al. 2023, arXiv 2308.01825).

A calculation is a mark such as `<<9*2=18>>`, or one that is written out: `9 eggs * $2 = $18`. A reply without any has none that
is off, and is kept, so that a recipe may hold tasks of other kinds; what cannot be computed is unverifiable.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pipeline.answers.steps import is_too_long, steps
from pipeline.filters.verdicts import Negatives, RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task

SHOWN = 5
"""Calculations in a detail."""


class Arithmetic(RowFilter):
    """Every calculation in the target comes out as it says; the score is the share that does."""

    source: ClassVar[str] = "RFT, Yuan et al. 2023, arXiv 2308.01825; OFA-Sys/gsm8k-ScRel"
    negatives: ClassVar[Negatives] = "passed"
    filter: Literal["arithmetic"]
    """No calculation is off."""

    def judge(self, task: Task, sample: Sample) -> Word:
        if is_too_long(sample.target):
            return unverifiable("too long to compute again", f"{len(sample.target)} characters")
        found = steps(sample.target)
        off = [step.text for step in found if step.right is False]
        unread = [step.text for step in found if step.right is None]
        share = sum(step.right is True for step in found) / max(1, len(found) - len(unread))
        if off:
            return drop("a calculation is off", share, _shown(off))
        if unread:
            return unverifiable("a calculation cannot be read", _shown(unread))
        return keep("every calculation is right", share, f"{len(found)} calculations") if found else keep("no calculation")


def _shown(calculations: list[str]) -> str:
    return "; ".join(calculations[:SHOWN])[:200]

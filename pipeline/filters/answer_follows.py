"""Keeps replies whose stated answer is what they computed last: a rationale that does not lead to its answer teaches neither.

In: the calculations of a reply, marked as `<<9*2=18>>` or written out, and the number after its last marker or in its JSON. No
right answer is needed. A check behind the answer, which leads back to what was given, is passed over. Where there is no
calculation, or the answer is no number, nobody can tell: give `kinds` in a recipe that mixes tasks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import ClassVar, Literal

from pipeline.answers.final import TOLERANCE, stated_number
from pipeline.answers.markers import after_marker
from pipeline.answers.numbers import NUMBER, as_number
from pipeline.answers.steps import Step, is_too_long, steps
from pipeline.filters.verdicts import Negatives, RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task

HALF = Decimal("0.5")
PER_CENT = re.compile(r"%|\bper ?cent", flags=re.IGNORECASE)


class AnswerFollows(RowFilter):
    """The last computed value of the target is its stated answer."""

    source: ClassVar[str] = "the consistency of SCOTT, Wang et al. 2023, arXiv 2305.01879, by arithmetic instead of a model"
    negatives: ClassVar[Negatives] = "passed"
    filter: Literal["answer_follows"]
    """The stated answer is the value computed last."""
    rounded: bool = True
    """Whether a whole number may be the rounded value: 6.43 hours, so 6."""

    def judge(self, task: Task, sample: Sample) -> Word:
        text = sample.target
        if is_too_long(text):
            return unverifiable("too long to compute again", f"{len(text)} characters")
        stated = stated_number(text)
        if stated is None:
            return unverifiable("no number is stated as the answer", (after_marker(text) or "")[:80])
        found = steps(text)
        if not found or found[-1].result is None:
            return unverifiable("no calculation")
        detail = f"{found[-1].text}, answer {stated.normalize():f}"[:200]
        if self._same(found[-1].result, stated, PER_CENT.search(text) is not None):
            return keep("the answer was computed last", 1.0, detail)
        if is_checked(found, stated):
            return keep("the answer was computed, then checked", 1.0, detail)
        return drop("the answer is not what was computed last", 0.0, detail)

    def _same(self, computed: Decimal, stated: Decimal, per_cent: bool) -> bool:
        """Whether they are one value; in a text that speaks of per cent, a share may be stated so."""
        apart = min(abs(computed - stated), abs(computed * 100 - stated)) if per_cent else abs(computed - stated)
        allowed = HALF if self.rounded and stated == stated.to_integral_value() else 0
        return apart <= max(allowed, TOLERANCE * max(Decimal(1), abs(stated)))


def is_checked(found: Sequence[Step], stated: Decimal) -> bool:
    """Whether a step came to the stated number, and those after it put it in to come to a number that was given before.

    `10 - 3 = 7. Check: 7 + 3 = 10` does; `9 * 2 = 18, so 18 - 3 = 15` goes on from 18, and its answer is 15.
    """
    given: set[Decimal] = set()
    for step, following in pairwise(found):
        given |= operands(step)
        if step.result == stated and stated in operands(following) and found[-1].result in given:
            return True
    return False


def operands(step: Step) -> set[Decimal]:
    """The numbers a step computes with, without their signs."""
    numbers = (as_number(number.group()) for number in NUMBER.finditer(step.text.partition("=")[0]))
    return {abs(number) for number in numbers if number is not None}

"""Keeps replies whose final answer equals the task's: the test of rejection sampling (Ho et al. 2022, arXiv 2212.10071).

The last marker counts, unless the method says that the sample comes to something else: of a program what it computes, of one
step of many the answer of the whole. Numbers are compared as decimals, options by letter or text, yes and no, lists in any
order, formulas by math-verify (`pip install -e '.[math]'`; without it those that look different are unverifiable), all else as
words. Of samples that show what is wrong exactly the wrong ones are kept.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pipeline.answers import math
from pipeline.answers.ballots import graded_text
from pipeline.answers.final import wanted_answer, why_undecided
from pipeline.answers.grading import Graded, grade_answer
from pipeline.filters.verdicts import Negatives, RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task

SHOWN = 90
"""Characters of each answer in a detail."""


class AnswerMatches(RowFilter):
    """The final answer of the target is the task's answer."""

    source: ClassVar[str] = "Ho et al. 2022, arXiv 2212.10071, section 3; math-verify 0.9"
    negatives: ClassVar[Negatives] = "turned"
    filter: Literal["answer_matches"]
    """Ends with the right answer."""

    def rests_on(self) -> list[str]:
        return [math.verifier()]

    def judge(self, task: Task, sample: Sample) -> Word:
        if task.answer is None:
            return unverifiable("the task has no answer")
        text = graded_text(sample)
        graded = grade_answer(task, text)
        shown = _shown(graded, task)
        if graded.correct is None:
            return unverifiable(graded.why or why_undecided(task.answer, text), shown)
        return keep("right answer", 1.0, shown) if graded.correct else drop("wrong answer", 0.0, shown)


def _shown(graded: Graded, task: Task) -> str:
    """What was found and what was wanted, of a worked solution what it comes to."""
    expected = graded.expected or ""
    wanted = expected if task.choices else wanted_answer(expected) or expected
    return f"{graded.prediction and graded.prediction[:SHOWN]!r}, expected {wanted[:SHOWN]!r}"

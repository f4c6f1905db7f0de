"""Keeps replies whose final answer equals the task's: the test of rejection sampling (Ho et al. 2022, arXiv 2212.10071).

Numbers are compared as decimals after the last marker; see `answers.final`.
"""

from __future__ import annotations

from typing import Literal

from pipeline.answers.final import final_answer, same_answer
from pipeline.filters.verdicts import RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task


class AnswerMatches(RowFilter):
    """The final answer of the target is the task's answer."""

    filter: Literal["answer_matches"]
    """Ends with the right answer."""

    def judge(self, task: Task, sample: Sample) -> Word:
        if task.answer is None:
            return unverifiable("the task has no answer")
        same = same_answer(task.answer, sample.target)
        found = f"{final_answer(sample.target)!r}, expected {final_answer(task.answer)!r}"
        if same is None:
            return unverifiable("the expected answer cannot be read", detail=task.answer[:80])
        return keep("right answer", 1.0, found) if same else drop("wrong answer", 0.0, found)

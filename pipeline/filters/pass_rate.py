"""Keeps the tasks the teacher gets right sometimes, neither too easy nor too hard, by the share of its replies that are right.

All samples of a task get one word: wrong ones are left to `answer_matches`, which must stand *after* this filter, as must all
that drop wrong replies: it sees what those before it left, and of right replies alone the rate is always 1. Right is what the
verifiers say of the task's answer or constraints. Replies they cannot grade, and those whose teacher was told the answer, do
not count; a reply shown in several views counts once. Bands in use are .1 to .6 and .3 to .7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from pipeline.answers.ballots import graded_text, one_per_reply
from pipeline.answers.grading import grade
from pipeline.filters.verdicts import GroupFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task


class PassRate(GroupFilter):
    """The share of right replies to the task lies in a band; the score is that share."""

    source: ClassVar[str] = "huggingface/open-r1, scripts/pass_rate_filtering"
    filter: Literal["pass_rate"]
    """Neither too easy nor too hard."""
    low: float = Field(0.1, ge=0, le=1)
    """Least share of right replies; below, the task is too hard."""
    high: float = Field(0.6, ge=0, le=1)
    """Greatest share of right replies; above, it is too easy."""
    min_samples: PositiveInt = 4
    """Fewer graded replies than this say nothing about the task."""

    @model_validator(mode="after")
    def _is_a_band(self) -> PassRate:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high}): no task can pass")
        return self

    def judge_group(self, task: Task, samples: Sequence[Sample]) -> Sequence[Word]:
        return [self._word(task, samples)] * len(samples)

    def _word(self, task: Task, samples: Sequence[Sample]) -> Word:
        if task.answer is None and not task.constraints:
            return unverifiable("the task has nothing to grade by")
        unaided = [sample for sample in samples if not sample.hinted]
        grades = [grade(task, graded_text(sample)).correct for sample in one_per_reply(unaided).values()]
        right, graded = grades.count(True), len(grades) - grades.count(None)
        detail = f"right={right}/{graded} ungraded={grades.count(None)}"
        if grades and not graded:
            return unverifiable("no reply can be graded", detail)
        if graded < self.min_samples:
            return unverifiable("too few graded replies", detail)
        return self._placed(right / graded, detail)

    def _placed(self, rate: float, detail: str) -> Word:
        if rate < self.low:
            return drop("too hard", rate, detail)
        return drop("too easy", rate, detail) if rate > self.high else keep("pass rate within the band", rate, detail)

"""Keeps replies whose program computes the task's answer: program of thought, program-aided language models (PAL).

What counts as its answer, `answers/computed.py` says: the value of its last expression, a variable, what `solution()` returns,
or the last line it prints.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pipeline.answers.code import program
from pipeline.answers.computed import answer_of, with_answer
from pipeline.answers.final import same_answer, why_undecided
from pipeline.filters.code_runs import Programs, stopped
from pipeline.filters.verdicts import Negatives, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task


class ProgramAnswer(Programs):
    """What the program in the target computes is the task's answer."""

    source: ClassVar[str] = "Gao et al. 2022, PAL, arXiv 2211.10435; Chen et al. 2022, Program of Thoughts, arXiv 2211.12588"
    negatives: ClassVar[Negatives] = "turned"
    filter: Literal["program_answer"]
    """Computes the right answer."""

    def judge(self, task: Task, sample: Sample) -> Word:
        if task.answer is None:
            return unverifiable("the task has no answer")
        code = program(task.prompt, sample.target)
        if code is None:
            return drop("no Python program")
        ran = self.run(*with_answer(code))
        if word := stopped(ran):
            return word
        given = answer_of(ran)
        if not given:
            return drop("computes no answer")
        same = same_answer(task.answer, given)
        if same is None:
            return unverifiable(why_undecided(task.answer, given), task.answer[:80])
        found = f"{given[:80]!r}, expected {task.answer[-80:]!r}"
        return keep("computes the right answer", 1.0, found) if same else drop("computes another answer", 0.0, found)

"""Sequence-level distillation of instructions: the teacher answers each instruction, the student learns the answer.

Sources: Peng et al. 2023 (GPT-4-LLM), arXiv 2304.03277; Wu et al. 2023 (LaMini-LM), arXiv 2304.14402. Where an instruction
carries checkable constraints, the filter `constraints_met` decides which answers are worth learning.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Literal

from pydantic import PositiveInt

from pipeline.methods.distillation import Ask, Distillation, make_sample
from pipeline.prompts import Prompt, render
from pipeline.records import Sample, Task


class InstructionFollowing(Distillation):
    """Answers to instructions as they stand."""

    method: Literal["instruction_following"]
    """Sequence-level distillation of instructions."""
    samples: PositiveInt = 1
    """Answers asked for each instruction; the papers ask once."""
    template: str = "instruction_following/teacher"
    """What the teacher is asked."""
    student_template: str = "instruction_following/student"
    """What the student reads."""

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> AsyncIterator[Sample]:
        asked, shown = self.teacher_prompt(task, bank), self.student_prompt(task, bank)
        replies = await asyncio.gather(
            *(ask(asked, task=task, sample=number, sampling=self.sampling) for number in range(self.samples))
        )
        for reply in replies:
            if sample := make_sample(task, self.method, "response", shown, reply):
                yield sample

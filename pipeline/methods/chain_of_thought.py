"""Fine-tune-CoT: several reasoned answers to each question; filters keep those that end right (rejection sampling).

Source: Ho, Schmid, Yun 2022, arXiv 2212.10071; code itsnamgyu/reasoning-teacher.
The paper asks twice (rationale, then answer); here one call ends with a fixed sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Literal

from pydantic import PositiveInt

from pipeline.methods.distillation import Ask, Distillation, make_sample
from pipeline.prompts import Prompt, render
from pipeline.records import Sample, Task


class ChainOfThought(Distillation):
    """Reasoned answers, `samples` to a question, diverse by temperature."""

    method: Literal["chain_of_thought"]
    """Fine-tune-CoT."""
    samples: PositiveInt = 8
    """Answers asked for each question: the paper's degree of diversity."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked."""
    student_template: str = "chain_of_thought/student"
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
            if sample := make_sample(task, self.method, "rationale", shown, reply):
                yield sample

"""PaD, program-aided distillation: the teacher writes a program, the sandbox computes with it, the student learns to write it.

For: questions whose answer can be computed.
Learns: the question -> a program. What it computes is the answer, in the evaluation, too.
Filters: `answer_matches`, by what the program computes.
Source: Zhu et al. 2023, *PaD*, arXiv 2305.13888; programs in place of chains of thought: Chen et al. 2022, arXiv
    2211.12588.
Here: a program that fails is sent back once with its error. The student writes its program in one go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Literal

from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distillation, Distilled, Put, ask_round
from pipeline.methods.programs import REFINE, answered, written
from pipeline.methods.quota import Attempts, Samples
from pipeline.methods.replies import first_unusable
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Task


class ProgramOfThought(Distillation):
    """Programs that compute the answer, `samples` to a question."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Zhu et al. 2023 (PaD), arXiv 2305.13888; Chen et al. 2022, arXiv 2211.12588"
    method: Literal["program_of_thought"]
    """Program-aided distillation."""
    samples: Samples = 4
    """Programs asked for each question."""
    refine: bool = True
    """Whether a program that computes nothing is sent back once with its error."""
    template: str = "program_of_thought/teacher"
    """What the teacher is asked."""
    refine_template: str = REFINE
    """What it is asked about a program that fails."""
    student_template: str = "program_of_thought/student"
    """What the student reads."""

    @property
    def follows_up(self) -> bool:
        return super().follows_up or self.refine

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        prompt, shown = self.teacher_prompt(task, bank), self.student_prompt(task, bank)
        refine = self.refine_template if self.refine else None
        attempts = Attempts(self.samples)
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            programs = [written(reply, task, ask, self.sampling, refine) for reply in replies]
            for program in await asyncio.gather(*programs):
                if program is not None:
                    attempts.passed += bool((yield program.sample(task, self.method, shown)))

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """The student's program with what it computes."""
        return await self.teacher_reply(task, prompt, put)

    async def teacher_reply(self, task: Task, prompt: Prompt, put: Put) -> Response:
        reply = await put(prompt)
        return reply if first_unusable([reply]) else (await answered(reply))[0]

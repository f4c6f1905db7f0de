"""Mixed Distillation: the same question answered by a chain of thought and by a program; the student learns both, by a prefix.

For: word problems, of which some are easier to reason about and some to compute.
Learns: `cot:` and the question -> the reasoning (weight lambda); `pot:` and the question -> a program (weight 1 - lambda).
Filters: `answer_matches`, of programs by what they compute.
Source: Li et al. 2023, *Mixed Distillation Helps Smaller Language Model Better Reasoning*, arXiv 2312.10730: L = lambda
    L_CoT + (1 - lambda) L_PoT, each path by its prefix before the question.
Here: with `student.weigh: examples` lambda is the weight of an example however long it is, as in the paper. In the
    evaluation both paths are walked and vote; where they differ the program has the word, unless it computes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pipeline.answers.final import final_answer, same_answer
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distillation, Distilled, Put, ask_round, make_sample
from pipeline.methods.programs import REFINE, answered, written
from pipeline.methods.quota import Attempts, Samples
from pipeline.methods.replies import first_unusable, joined
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Task

Prefix = Annotated[str, Field(min_length=1)]


class Mixed(Distillation):
    """Chains of thought and programs, `samples` of each to a question."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Li et al. 2023 (Mixed Distillation), arXiv 2312.10730"
    method: Literal["mixed"]
    """Mixed Distillation."""
    samples: Samples = 4
    """Chains of thought asked for each question, and as many programs."""
    rationale_weight: float = Field(0.5, ge=0, le=1)
    """Lambda, the weight of a chain of thought; a program has the rest."""
    refine: bool = True
    """Whether a program that computes nothing is sent back once with its error."""
    rationale_prefix: Prefix = "cot:"
    """The line before the question that asks the student for a chain of thought."""
    program_prefix: Prefix = "pot:"
    """The line before the question that asks it for a program."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked for a chain of thought."""
    program_template: str = "program_of_thought/teacher"
    """What it is asked for a program."""
    refine_template: str = REFINE
    """What it is asked about a program that fails."""
    student_template: str = "chain_of_thought/student"
    """What the student reads, with one of the prefixes."""

    @model_validator(mode="after")
    def _two_paths(self) -> Mixed:
        if self.rationale_prefix == self.program_prefix:
            raise ValueError(f"both prefixes are {self.program_prefix!r}: the student could not tell what is wanted")
        return self

    @property
    def follows_up(self) -> bool:
        return super().follows_up or self.refine

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self._prefixed(self.rationale_prefix, task)

    def _prefixed(self, prefix: str, task: Task) -> Prompt:
        """What the student reads who shall walk the path of this prefix; the method's own tag, if any, stands before it."""
        tag = prefix if self.tag is None else f"{self.tag}\n{prefix}"
        return self.model_copy(update={"tag": tag, "tag_place": "before"}).shown(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        prompt, shown = self.teacher_prompt(task, bank), self.student_prompt(task, bank)
        attempts = Attempts(self.samples)
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            for reply in replies:
                if sample := make_sample(task, self.method, "rationale", shown, reply, self.rationale_weight):
                    attempts.passed += bool((yield sample))
        prompt, shown = render(self.program_template, task), self._prefixed(self.program_prefix, task)
        attempts, refine = Attempts(self.samples), self.refine_template if self.refine else None
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            programs = [written(reply, task, ask, self.sampling, refine) for reply in replies]
            for program in await asyncio.gather(*programs):
                if program is not None:
                    sample = program.sample(task, self.method, shown, 1 - self.rationale_weight)
                    attempts.passed += bool((yield sample))

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """Both paths, and behind them the answer that they agree on, or the program's where it has one."""
        replies = await asyncio.gather(put(prompt), put(self._prefixed(self.program_prefix, task)))
        if unusable := first_unusable(replies):
            return unusable
        program, computed = await answered(replies[1])
        if computed is None:  # no program: what such a student says there is an answer like any other
            computed = final_answer(replies[1].text or "")
        said = final_answer(replies[0].text or "")
        agree = bool(said and computed and same_answer(computed, said))
        answer = said if agree or not computed else computed
        return joined(replies, f"{replies[0].text}\n{program.text}\nThe answer is {answer or 'unknown'}.")

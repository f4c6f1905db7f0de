"""Negative-aware distillation: what the teacher gets wrong is used, too, as what to correct and what not to write.

For: hard questions, where many of the teacher's answers are wrong and would be thrown away.
Learns: the question -> a right answer; the question with a wrong attempt -> what is wrong in it and the right solution;
    and, by `student.negatives`, nothing from wrong answers, to make them unlikely, or to write them under a tag.
Filters: `answer_matches`: of negatives it keeps the wrong ones.
Source: Li et al. 2023, *Turning Dust into Gold*, arXiv 2312.12832, code Yiwei98/TDG; Wang et al. 2023, *Democratizing
    Reasoning Ability: Tailored Learning from Large Language Model*, arXiv 2310.13332, code Raibows/Learn-to-Reason.
Here: `student.negatives: likelihood` without a tag is plain fine-tuning on wrong answers: what the method is to be compared
    with. The first paper trains two adapters, the second corrects the student's own mistakes; here it is one student, and
    the mistakes are the teacher's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from pipeline.answers.critique import critique_in
from pipeline.answers.final import final_answer
from pipeline.answers.grading import grade
from pipeline.answers.labels import right_answer
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distillation, Distilled, ask_round, make_sample
from pipeline.methods.quota import Attempts, Samples
from pipeline.methods.replies import is_lost, sample_of
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task

CORRECTION = "correction"
"""The view that shows an attempt and mends it."""


class NegativeAware(Distillation):
    """Reasoned answers, `samples` to a question, and what is to be learned from the wrong ones."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = (
        "Li et al. 2023 (Turning Dust into Gold), arXiv 2312.12832, code Yiwei98/TDG; "
        "Wang et al. 2023 (Tailored Learning), arXiv 2310.13332, code Raibows/Learn-to-Reason"
    )
    method: Literal["negative_aware"]
    """Negative-aware distillation."""
    samples: Samples = 8
    """Answers asked for each question; Turning Dust into Gold's 8, sampled at temperature 0.5."""
    critiques: NonNegativeInt = 4
    """Different wrong answers to a question that the teacher corrects at most; Tailored Learning keeps 4."""
    wrong_weight: NonNegativeFloat = 0.5
    """Weight of wrong answers where training uses them; Tailored Learning's of its contrastive term."""
    wrong_tag: Annotated[str, Field(min_length=1)] | None = None
    """A line before the question under which they stand, such as `[wrong]`, for training that learns them as they are."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked."""
    critique_template: str = "negative_aware/critique"
    """What it is asked about a wrong answer, `attempt`; it is told the right one."""
    student_template: str = "chain_of_thought/student"
    """What the student reads."""
    correction_template: str = "negative_aware/student"
    """What the student reads who shall correct an `attempt`."""

    @property
    def follows_up(self) -> bool:
        return super().follows_up or self.critiques > 0

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        prompt, shown = self.teacher_prompt(task, bank), self.student_prompt(task, bank)
        attempts, wrong = Attempts(self.samples), list[Response]()
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            for reply in replies:
                if _is_wrong(task, reply):
                    wrong.append(reply)
                elif sample := make_sample(task, self.method, "rationale", shown, reply):
                    attempts.passed += bool((yield sample))
        different = list({" ".join((reply.text or "").split()): reply for reply in reversed(wrong)}.values())[::-1]
        for correction in await asyncio.gather(*(self._corrected(task, each, ask) for each in different[: self.critiques])):
            if correction is not None:
                yield correction
        for reply in wrong:
            if negative := make_sample(task, self.method, "wrong", self._wrongly(task, shown), reply, self.wrong_weight):
                yield negative.model_copy(update={"negative": True})

    def _wrongly(self, task: Task, shown: Prompt) -> Prompt:
        """What stands before a wrong answer: what the student reads, under the tag of wrong answers if there is one."""
        if self.wrong_tag is None:
            return shown
        tag = self.wrong_tag if self.tag is None else f"{self.wrong_tag}\n{self.tag}"
        return self.model_copy(update={"tag": tag, "tag_place": "before"}).shown(self.student_template, task)

    async def _corrected(self, task: Task, attempt: Response, ask: Ask) -> Sample | None:
        """The attempt with what is wrong in it, then the right solution; None where the teacher did not say both."""
        told = task.model_copy(update={"answer": right_answer(task)})  # without a worked solution, which could be copied
        prompt = render(self.critique_template, told, attempt=attempt.text)
        reply = await ask(prompt, task=task, sample=attempt.sample, sampling=self.sampling)
        critique = None if is_lost(reply) else critique_in(reply.text or "")
        if critique is None:
            return None
        target = f"{critique.said}\nCorrected solution: {critique.solution}"
        return sample_of(
            task, self.method, CORRECTION, self.shown(self.correction_template, task, attempt=attempt.text), target,
            [attempt, reply], answer=final_answer(critique.solution), reasoning=reply.reasoning,
            hinted=task.answer is not None,
        )  # fmt: skip


def _is_wrong(task: Task, reply: Response) -> bool:
    """Whether a reply is whole and certainly wrong: one that was cut, or that nobody can grade, shows no mistake."""
    return not is_lost(reply) and reply.finish == "stop" and grade(task, reply.text or "").correct is False

"""Distilling step-by-step: one teacher's reply becomes two tasks, to predict the label and to explain it.

For: labels that shall cost no reasoning when the student is used: it only predicts then.
Learns: `predict:` and the question -> the label (weight a); `explain:` and the question -> the rationale (weight 1 - a).
Filters: none of answers where labels are the source's, `answer_matches` with `labels: teacher`; no reply is dropped for a
    wrong answer otherwise.
Source: Hsieh et al. 2023, arXiv 2305.02301; code google-research/distilling-step-by-step: L = a L_label + (1 - a)
    L_rationale.
Here: the weights are of whole examples with `student: {weigh: examples}`. The paper shows the teacher worked examples; here
    its template asks for steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pipeline.answers.final import final_answer
from pipeline.answers.labels import right_answer
from pipeline.answers.rationale import rationale
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.distillation import Distillation, Distilled, ask_round
from pipeline.methods.quota import Attempts, Samples
from pipeline.methods.replies import is_lost, sample_of
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task

Tag = Annotated[str, Field(min_length=1)]


class StepByStep(Distillation):
    """Labels and rationales as two tasks of one student."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Hsieh et al. 2023, arXiv 2305.02301; code google-research/distilling-step-by-step"
    method: Literal["step_by_step"]
    """Distilling step-by-step."""
    labels: Literal["gold", "teacher"] = "gold"
    """Whose labels are predicted: the source's, or those the teacher's replies end with."""
    alpha: float = Field(0.5, gt=0, le=1)
    """Weight of the label's example; the rationale's is 1 - alpha."""
    tag: Tag = "predict:"
    """The line before the question where the label is wanted, in training and in evaluation."""
    explain_tag: Tag = "explain:"
    """The line before the question where the rationale is wanted."""
    samples: Samples = 1
    """Replies asked for each question; the paper asks once."""
    sampling: Sampling = Sampling(temperature=0)
    """What differs from the teacher's own sampling: greedy."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked."""
    student_template: str = "chain_of_thought/student"
    """What the student reads, with a tag."""

    @model_validator(mode="after")
    def _two_tasks(self) -> StepByStep:
        if self.tag == self.explain_tag:
            raise ValueError(f"tag and explain_tag are both {self.tag!r}: the student could not tell what is wanted")
        return self

    def covers(self, task: Task) -> bool:
        """Where labels are the source's, it is for tasks that have one."""
        return super().covers(task) and (self.labels == "teacher" or bool(right_answer(task)))

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        asked, attempts = self.teacher_prompt(task, bank), Attempts(self.samples)
        while replies := await ask_round(attempts, ask, asked, task, self.sampling):
            for reply in replies:
                word: bool | None = None
                for sample in self._samples(task, reply):
                    word = yield sample
                attempts.passed += bool(word)  # of the rationale, which comes last: a label is the same for every reply

    def _samples(self, task: Task, reply: Response) -> Iterator[Sample]:
        """The label's example and the rationale's; none of weight 0, none of an empty text."""
        if is_lost(reply):
            return
        said = final_answer(reply.text or "")
        label = right_answer(task) if self.labels == "gold" else said
        explain = self.model_copy(update={"tag": self.explain_tag})
        parts = (
            ("label", self, label, label, self.alpha),
            ("rationale", explain, rationale(reply.text or ""), said, 1 - self.alpha),
        )
        for view, tagged, target, answer, weight in parts if label else ():
            if target and weight:
                shown = tagged.shown(self.student_template, task)
                yield sample_of(task, self.method, view, shown, target, [reply], answer=answer, weight=weight)

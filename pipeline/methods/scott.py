"""SCOTT: rationales of the right answer, and of a wrong one from which the student learns that its answer follows from them.

For: questions with known answers, where the student's answer shall follow from its reasoning and not stand beside it.
Learns: `[factual]` and the question -> the rationale and the right answer; `[counterfactual]` and the question, with the
    rationale of a wrong answer -> that answer's tokens only.
Filters: `answer_recovered` (a solver who sees nothing else comes to the answer) or `answer_follows` (by arithmetic); not
    `answer_matches`, which would drop every counterfactual.
Source: Wang et al. 2023, *SCOTT: Self-Consistent Chain-of-Thought Distillation*, arXiv 2305.01879; code
    wangpf3/consistent-CoT-distillation: L = (1 - a) L_factual + a L_counterfactual.
Here: a is the weight of whole examples: `student: {weigh: examples}`, with `selection: {per_task: 1}`, one of each for a
    question. A reply that ends with another answer than it was told makes no sample. The paper decodes contrastively, the
    probabilities given the right answer against those given a wrong one, which no endpoint offers: here several rationales
    are asked, and filters keep those that lead to their answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from pipeline.answers.grading import grade_answer
from pipeline.answers.labels import right_answer, wrong_answer
from pipeline.answers.spans import answer_span
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distillation, Distilled, ask_round, make_sample
from pipeline.methods.quota import Attempts, Samples
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task

COUNTERFACTUAL = "counterfactual"
"""The view whose rationales lead to a wrong answer."""


class Scott(Distillation):
    """Rationales that lead to the answer the teacher was told, right or wrong."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Wang et al. 2023, arXiv 2305.01879; code wangpf3/consistent-CoT-distillation"
    method: Literal["scott"]
    """Self-consistent chain-of-thought distillation."""
    samples: Samples = 5
    """Rationales asked of the right answer."""
    counterfactual_samples: Samples = 1
    """Rationales asked of a wrong one."""
    alpha: float = Field(0.5, ge=0, lt=1)
    """Weight of a counterfactual example; a factual one's is 1 - alpha."""
    tag: Annotated[str, Field(min_length=1)] = "[factual]"
    """The line before the question of a factual example, and in evaluation."""
    counterfactual_tag: Annotated[str, Field(min_length=1)] = "[counterfactual]"
    """The line before the question of a counterfactual example."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked in the evaluation, where nobody tells it the answer."""
    hint_template: str = "rationalisation/teacher"
    """What it is asked here: it sees `hint`, the answer to explain."""
    student_template: str = "chain_of_thought/student"
    """What the student reads, with a tag."""

    @model_validator(mode="after")
    def _two_ways(self) -> Scott:
        if self.tag == self.counterfactual_tag:
            raise ValueError(f"tag and counterfactual_tag are both {self.tag!r}: the student could not tell what is wanted")
        return self

    def covers(self, task: Task) -> bool:
        """It is for tasks whose answer is known."""
        return super().covers(task) and bool(right_answer(task))

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        others = [answer for each in bank if each.kind == task.kind and (answer := right_answer(each))]
        told = ((right_answer(task), self.samples, True), (wrong_answer(task, others), self.counterfactual_samples, False))
        for answer, samples, factual in told:
            attempts, weight = Attempts(samples), 1 - self.alpha if factual else self.alpha
            prompt = render(self.hint_template, task, hint=answer)
            while answer and weight and (replies := await ask_round(attempts, ask, prompt, task, self.sampling)):
                for reply in replies:
                    if sample := self._sample(task, reply, answer, factual, weight):
                        attempts.passed += bool((yield sample))

    def _sample(self, task: Task, reply: Response, answer: str, factual: bool, weight: float) -> Sample | None:
        """A rationale of this answer as an example; None where the reply ends with another."""
        view, tag = ("factual", self.tag) if factual else (COUNTERFACTUAL, self.counterfactual_tag)
        shown = self.model_copy(update={"tag": tag}).shown(self.student_template, task)
        sample = make_sample(task, self.method, view, shown, reply, weight)
        if sample is None or not grade_answer(task.model_copy(update={"answer": answer}), sample.target).correct:
            return None
        span = answer_span(sample.full_target)
        if span is None and not factual:
            return None
        spans = [span] if span and not factual else None
        return sample.model_copy(update={"hinted": True, "answer_span": span, "loss_spans": spans})

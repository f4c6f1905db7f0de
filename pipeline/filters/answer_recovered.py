"""Keeps rationales from which a solver who sees neither question nor answer comes to the answer they state.

This is SCOTT's demand, by asking: its rationale of an answer shall support that answer and no other (Wang et al. 2023, arXiv
2305.01879); a solver who is asked once can name but one. It is told the reasoning without the sentence that states the answer,
and the options where there are some. What the sample states is what must come back, right or wrong: so it fits rationales of
given answers, also counterfactual ones.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pipeline.answers.final import final_answer
from pipeline.answers.grading import grade_answer
from pipeline.answers.rationale import rationale
from pipeline.filters.judgement import DETAIL, failure
from pipeline.filters.template import render_about, template_hash
from pipeline.filters.verdicts import AsksOfEach, Word, drop, keep, unverifiable
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.records import Sample, Task


class AnswerRecovered(AsksOfEach):
    """A solver comes from the rationale alone to the stated answer."""

    source: ClassVar[str] = "Wang et al. 2023 (SCOTT), arXiv 2305.01879, by asking instead of decoding"
    filter: Literal["answer_recovered"]
    """The rationale leads to its answer."""
    template: str = "scott/solver"
    """What the solver is asked; it sees `rationale` and the task."""
    sampling: Sampling = Sampling()
    """How the solver samples, where not as its model says."""

    def rests_on(self) -> list[str]:
        return [template_hash(self.template)]

    async def _judged(self, task: Task, sample: Sample, ask: Ask) -> Word:
        reasons = rationale(sample.target) or (sample.reasoning or "").strip()
        stated = sample.answer or final_answer(sample.target)
        if not reasons:
            return drop("no rationale")
        if stated is None:
            return unverifiable("no answer is stated")
        prompt = render_about(self.template, task, rationale=reasons)
        reply = await ask(prompt, task=task, sampling=self.sampling)
        if failed := failure(reply):
            return unverifiable(failed, (reply.error or "")[:DETAIL])
        graded = grade_answer(task.model_copy(update={"answer": stated}), reply.text or "")
        detail = f"the solver says {graded.prediction!r}, the sample {stated!r}"[:DETAIL]
        if graded.correct is None:
            return unverifiable("answers cannot be compared", detail)
        if graded.correct:
            return keep("a solver comes to the same answer", 1.0, detail)
        return drop("a solver comes to another answer", 0.0, detail)

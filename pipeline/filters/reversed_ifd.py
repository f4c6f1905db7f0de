"""Keeps replies from which the instruction can be guessed: reversed IFD up to 1, and low is good.

It is the perplexity of the instruction given the reply and the request to guess it, divided by its perplexity with nothing
before it (Li et al. 2024, Selective Reflection-Tuning, arXiv 2402.10110). The lower, the better the reply fits the instruction;
above 1 the reply only misleads. `form: loss` divides the losses instead.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import PositiveFloat

from pipeline.filters.ifd import Form, difficulty
from pipeline.filters.scoring import ScoredByStudent
from pipeline.filters.template import render_about, template_hash
from pipeline.filters.verdicts import Word, drop, keep
from pipeline.llm.asking import Ask
from pipeline.llm.backends.models import AnyModel
from pipeline.records import Sample, Task


class ReversedInstructionFollowingDifficulty(ScoredByStudent):
    """How much of the instruction's difficulty the reply leaves."""

    source: ClassVar[str] = "Li et al. 2024 (Selective Reflection-Tuning), arXiv 2402.10110"
    filter: Literal["reversed_ifd"]
    """The instruction can be guessed from the reply."""
    form: Form = "perplexity"
    """What is divided: `perplexity` as in the paper, or `loss`."""
    max_score: PositiveFloat = 1.0
    """Highest ratio that is kept."""
    template: str = "reversed_ifd/guess"
    """The request to guess; it sees `response` and the task."""
    model: AnyModel | None = None
    """Who guesses: a local model; the student as it is before training, unless said."""

    def rests_on(self) -> list[str]:
        return [template_hash(self.template)]

    async def _judged(self, task: Task, sample: Sample, ask: Ask) -> Word:
        request = render_about(self.template, task, response=sample.full_target).messages
        told = await difficulty(ask, task, request, sample.messages[-1].content, self.form, self.filter)
        if isinstance(told, Word):
            return told
        score, detail = told
        if score > self.max_score:
            return drop("the reply does not tell the instruction", score, detail)
        return keep("the reply tells the instruction", score, detail)

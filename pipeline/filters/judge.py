"""Keeps replies that a model grades at least `min_score` by a rubric with a line for each level.

The rubric is in the form of Prometheus 2 (arXiv 2405.01535), the grade in a labelled last line. `judge/absolute` grades a reply
as a whole; `judge/helpfulness`, `judge/correctness` and `judge/honesty` grade one aspect each, as UltraFeedback (arXiv
2310.01377) does. Of several judgements the median counts. One that is unreadable or off the scale is no score; where half of
them or more are none, and where a call is owed, the sample is unverifiable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from statistics import median
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from pipeline.filters.judgement import DETAIL, FAILED, failure, number_said, too_few
from pipeline.filters.template import render_about, template_hash
from pipeline.filters.verdicts import AsksOfEach, Word, drop, keep, unverifiable
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.records import Response, Sample, Task

RUBRICS = {f"judge/{name}" for name in ("absolute", "helpfulness", "correctness", "honesty")}
"""Templates with five levels."""


class Judge(AsksOfEach):
    """A model's grade of each reply."""

    source: ClassVar[str] = "Kim et al. 2024 (Prometheus 2), arXiv 2405.01535"
    filter: Literal["judge"]
    """Graded well by a model."""
    min_score: float = 4.0
    """Lowest grade that is kept."""
    lowest: int = 1
    """The scale's lowest level."""
    highest: int = 5
    """The scale's highest level."""
    samples: PositiveInt = Field(1, le=100)
    """Judgements of each reply; their median counts. Several need a temperature above 0."""
    template: str = "judge/absolute"
    """What the judge is asked; it sees `response`, `reasoning`, `lowest`, `highest` and the task."""
    sampling: Sampling = Sampling()
    """How the judge samples, where not as its model says."""

    @model_validator(mode="after")
    def _threshold_on_the_scale(self) -> Judge:
        if not self.lowest < self.highest or not self.lowest <= self.min_score <= self.highest:
            raise ValueError(f"min_score {self.min_score} does not lie on the scale from {self.lowest} to {self.highest}")
        if self.template in RUBRICS and (self.lowest, self.highest) != (1, 5):
            raise ValueError(
                f"{self.template} has a line for each level from 1 to 5: another scale needs a template of its own"
            )
        if self.samples > 1 and self.sampling.temperature == 0:
            raise ValueError(f"{self.samples} judgements at temperature 0 are one and the same: raise it, or ask once")
        return self

    def rests_on(self) -> list[str]:
        return [template_hash(self.template)]

    async def _judged(self, task: Task, sample: Sample, ask: Ask) -> Word:
        fields = {"response": sample.target, "reasoning": sample.reasoning, "lowest": self.lowest, "highest": self.highest}
        prompt = render_about(self.template, task, **fields)
        calls = (ask(prompt, task=task, sample=number, sampling=self.sampling) for number in range(self.samples))
        return self._word(await asyncio.gather(*calls))

    def _word(self, responses: Sequence[Response]) -> Word:
        said = [failure(each) or number_said(each.text or "", self.lowest, self.highest) for each in responses]
        scores = [each for each in said if not isinstance(each, str)]
        reasons = [each for each in said if isinstance(each, str)]
        if FAILED["owed"] in reasons or too_few(scores, self.samples):
            reason = FAILED["owed"] if FAILED["owed"] in reasons else reasons[0]
            first = responses[said.index(reason)]
            return unverifiable(reason, (first.error or "")[:DETAIL] or (first.text or "")[-DETAIL:].strip())
        score = float(median(scores))
        detail = f"grades {', '.join(f'{each:g}' for each in scores)} of {self.lowest} to {self.highest}"
        detail += f"; {len(reasons)} unreadable" if reasons else ""
        return keep("graded well", score, detail) if score >= self.min_score else drop("graded too low", score, detail)

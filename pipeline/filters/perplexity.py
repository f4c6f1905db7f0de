"""Keeps replies whose perplexity given the prompt lies within bounds, by a local model: below is rote, above is noise.

Perplexity is exp of the mean loss of a token in nats. The bounds of 1 to 100 are data-juicer's (`llm_perplexity_filter`); what
is odd for a model depends on the model, so look at the scores of some hundred samples before you narrow them.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from pipeline.filters.ifd import Form
from pipeline.filters.scoring import ScoredByStudent, assistant, log_probabilities, loss, texts
from pipeline.filters.verdicts import Word, drop, keep, unverifiable
from pipeline.llm.asking import Ask
from pipeline.llm.backends.models import AnyModel
from pipeline.records import Sample, Task


class Perplexity(ScoredByStudent):
    """How surprising a reply is to a model that has read the prompt."""

    source: ClassVar[str] = "data-juicer, llm_perplexity_filter"
    filter: Literal["perplexity"]
    """Neither rote nor noise."""
    form: Form = "perplexity"
    """The number that is recorded: `perplexity`, or its logarithm, the `loss`; the bounds are perplexities in either."""
    min_perplexity: float = Field(1.0, ge=1)
    """Lowest perplexity that is kept; 1 is the lowest there is."""
    max_perplexity: float = Field(100.0, ge=1)
    """Highest perplexity that is kept."""
    model: AnyModel | None = None
    """Whose surprise: a local model; the student as it is before training, unless said."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Perplexity:
        if self.min_perplexity > self.max_perplexity:
            raise ValueError(f"min_perplexity {self.min_perplexity} lies above max_perplexity {self.max_perplexity}")
        return self

    async def _judged(self, task: Task, sample: Sample, ask: Ask) -> Word:
        prompt = texts(self.filter, *sample.messages, assistant(sample.full_target))
        found = await log_probabilities(ask, task, prompt)
        if isinstance(found, Word):
            return found
        return self._word(loss(found), len(found)) if found else unverifiable("there is no text to score")

    def _word(self, value: float, tokens: int) -> Word:
        perplexity = math.exp(min(value, 700.0))
        score = perplexity if self.form == "perplexity" else value
        detail = f"{self.form} {score:.4g} over {tokens} tokens"
        if perplexity < self.min_perplexity:
            return drop("too predictable", score, detail)
        if perplexity > self.max_perplexity:
            return drop("too surprising", score, detail)
        return keep("perplexity within bounds", score, detail)

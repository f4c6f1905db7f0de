"""Keeps replies that the prompt makes easier to write, if only a little: difficulty (IFD) up to 1, and high is good.

Instruction-following difficulty is the loss of the reply's tokens given the prompt, divided by their loss with nothing before
them (Li et al. 2023, Cherry, arXiv 2308.12032). `form: perplexity` divides perplexities instead (Superfiltering, arXiv
2402.00530). The higher, the harder to learn and the more worth learning; above 1 the prompt only misleads, and the sample is
dropped. Ask the student, or a smaller model. Both losses are over the same tokens: where the model reads nothing before the
first one, it is left out.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat, model_validator

from pipeline.filters.scoring import ScoredByStudent, assistant, log_probabilities, loss, texts
from pipeline.filters.verdicts import Word, drop, keep, unverifiable
from pipeline.llm.asking import Ask
from pipeline.llm.backends.models import AnyModel
from pipeline.records import Message, Sample, Task

Form = Literal["loss", "perplexity"]


class InstructionFollowingDifficulty(ScoredByStudent):
    """How much of a reply's difficulty the prompt leaves."""

    source: ClassVar[str] = "Li et al. 2023 (Cherry), arXiv 2308.12032; Li et al. 2024 (Superfiltering), arXiv 2402.00530"
    filter: Literal["ifd"]
    """Hard to write even with the prompt, and not harder than without it."""
    form: Form = "loss"
    """What is divided: `loss` as in Cherry, or `perplexity` as in Superfiltering."""
    min_score: float = Field(0.0, ge=0)
    """Lowest ratio that is kept; the papers keep the highest 5 to 15 % of those up to 1."""
    max_score: PositiveFloat = 1.0
    """Highest ratio that is kept."""
    model: AnyModel | None = None
    """Whose difficulty: a local model; the student as it is before training, unless said."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> InstructionFollowingDifficulty:
        if self.min_score > self.max_score:
            raise ValueError(f"min_score {self.min_score} lies above max_score {self.max_score}")
        return self

    async def _judged(self, task: Task, sample: Sample, ask: Ask) -> Word:
        told = await difficulty(ask, task, sample.messages, sample.full_target, self.form, self.filter)
        if isinstance(told, Word):
            return told
        score, detail = told
        if score > self.max_score:
            return drop("the prompt makes the reply no easier", score, detail)
        return drop("too easy", score, detail) if score < self.min_score else keep("difficulty within bounds", score, detail)


async def difficulty(
    ask: Ask, task: Task, given: Sequence[Message], text: str, form: Form, name: str
) -> tuple[float, str] | Word:
    """The ratio of a text's difficulty given messages to its difficulty alone, and the two; or why there is none."""
    asked = (texts(name, *given, assistant(text)), texts(name, assistant(text)))
    after, alone = await asyncio.gather(*(log_probabilities(ask, task, each) for each in asked))
    for told in (after, alone):
        if isinstance(told, Word):
            return told
    assert not isinstance(after, Word) and not isinstance(alone, Word)
    if not alone:
        return unverifiable("the text is too short to be scored", f"{len(after)} tokens")
    return _ratio(loss(after[-len(alone) :]), loss(alone), form)


def _ratio(after: float, alone: float, form: Form) -> tuple[float, str] | Word:
    told = f"loss {after:.4f} given, {alone:.4f} alone"
    if form == "perplexity":
        return math.exp(min(after - alone, 700.0)), told
    return (after / alone, told) if alone > 0 else unverifiable("the text is certain without the prompt", told)

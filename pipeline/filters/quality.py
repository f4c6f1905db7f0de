"""Keeps replies that a model finds good enough, on Deita's scale from 1 to 6 (arXiv 2312.15685).

Deita sets no threshold but ranks by complexity times quality, so by default everything is kept and the score is there for
selection to rank by.
"""

from __future__ import annotations

from typing import Literal

from pipeline.filters.deita import Levelled, level
from pipeline.filters.template import render_about
from pipeline.filters.verdicts import AsksOfEach, Word, drop, keep
from pipeline.llm.asking import Ask
from pipeline.records import Sample, Task


class Quality(Levelled, AsksOfEach):
    """How good a model finds the reply."""

    filter: Literal["quality"]
    """The reply is good enough."""
    template: str = "deita/quality"
    """What the model is asked; it sees `response`, `reasoning` and the task."""

    async def _judged(self, task: Task, sample: Sample, ask: Ask) -> Word:
        prompt = render_about(self.template, task, response=sample.target, reasoning=sample.reasoning)
        response = await ask(prompt, task=task, sampling=self.sampling)
        found = level(response)
        if isinstance(found, Word):
            return found
        return keep("good enough", *found) if found[0] >= self.min_score else drop("not good enough", *found)

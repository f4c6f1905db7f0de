"""Keeps samples whose instruction a model finds complex enough, on Deita's scale from 1 to 6 (arXiv 2312.15685).

One call a task: all its samples have the same score. Deita sets no threshold but ranks by complexity times quality, so by
default everything is kept and the score is there for selection to rank by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pipeline.filters.deita import Levelled, level
from pipeline.filters.template import render_about
from pipeline.filters.verdicts import Word, drop, keep
from pipeline.llm.asking import Ask
from pipeline.records import Sample, Task


class Complexity(Levelled):
    """How complex a model finds the instruction."""

    filter: Literal["complexity"]
    """The instruction is complex enough."""
    template: str = "deita/complexity"
    """What the model is asked; it sees the task."""

    async def judge_asking(self, task: Task, samples: Sequence[Sample], ask: Ask) -> Sequence[Word]:
        response = await ask(render_about(self.template, task), task=task, sampling=self.sampling)
        found = level(response)
        if not isinstance(found, Word):
            enough = found[0] >= self.min_score
            found = keep("complex enough", *found) if enough else drop("too simple", *found)
        return [found] * len(samples)

"""Keeps replies to which a reward model gives at least `min_score`; what scale it has, its card says.

The model is a `transformers` classifier with one label, asked in this process about the whole conversation. Rewards of
different models, and of different prompts, do not compare: to keep the best of each task, select by this score instead.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pipeline.filters.scoring import assistant, refusal, texts
from pipeline.filters.verdicts import AsksOfEach, Word, drop, keep, unverifiable
from pipeline.llm.asking import Ask
from pipeline.llm.backends.models import AnyModel
from pipeline.llm.request import REWARDED
from pipeline.records import Sample, Task


class Reward(AsksOfEach):
    """A reward model's number."""

    source: ClassVar[str] = "Ouyang et al. 2022 (InstructGPT), arXiv 2203.02155"
    filter: Literal["reward"]
    """Rewarded enough."""
    min_score: float = 0.0
    """Lowest reward that is kept; above 0, a model trained on pairs likes a reply better than its average one."""
    thoughts: bool = False
    """Whether the model also reads the reasoning that came apart; few were trained on any."""
    model: AnyModel | None = None
    """The reward model, a local one; the recipe's teacher unless said, which is hardly ever one."""

    async def _judged(self, task: Task, sample: Sample, ask: Ask) -> Word:
        text = sample.full_target if self.thoughts else sample.target
        response = await ask(texts(self.filter, *sample.messages, assistant(text)), task=task, response_format=REWARDED)
        if word := refusal(response):
            return word
        try:
            score = float(response.text or "")
        except ValueError:
            return unverifiable("the reply is no reward", (response.text or "")[:80])
        return keep("rewarded enough", score) if score >= self.min_score else drop("rewarded too little", score)

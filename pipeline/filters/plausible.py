"""Keeps phrases about an event that a model as a critic finds plausible, such as (PersonX loses the hat, xReact, sad).

The critic of symbolic knowledge distillation where no people labelled samples; where they did, `critic` with `recall: 0.8` or
`0.5` is the paper's own (critic-medium and critic-high). A sample's view begins with the relation, its target is the phrase.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pipeline.answers.phrases import named_option
from pipeline.answers.triples import head_of
from pipeline.filters.judgement import DETAIL, UNREADABLE, failure
from pipeline.filters.template import render_about, template_hash
from pipeline.filters.verdicts import AsksOfEach, Word, drop, keep, unverifiable
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.records import Sample, Task


class Plausible(AsksOfEach):
    """A model's yes or no to each triple."""

    source: ClassVar[str] = "West et al. 2022 (symbolic knowledge distillation), arXiv 2110.07178, with a model as the critic"
    filter: Literal["plausible"]
    """Found plausible by a critic."""
    template: str = "symbolic_knowledge/critic"
    """What the critic is asked; it sees `head`, `relation`, `tail` and the task."""
    sampling: Sampling = Sampling(temperature=0)
    """How the critic samples, where not as its model says."""

    def rests_on(self) -> list[str]:
        return [template_hash(self.template)]

    async def _judged(self, task: Task, sample: Sample, ask: Ask) -> Word:
        relation, tail = sample.view.partition(" ")[0], sample.target.strip().removesuffix(".")
        prompt = render_about(self.template, task, head=head_of(task), relation=relation, tail=tail)
        reply = await ask(prompt, task=task, sampling=self.sampling)
        if problem := failure(reply):
            return unverifiable(problem, (reply.error or "")[:DETAIL])
        said = named_option(reply.text or "", ("yes", "no"))
        if said is None:
            return unverifiable(UNREADABLE, (reply.text or "")[:DETAIL])
        return keep("plausible to the critic", 1.0) if said == "yes" else drop("implausible to the critic", 0.0)

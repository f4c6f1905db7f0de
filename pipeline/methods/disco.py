"""DISCO: the teacher rewrites one part of a premise so that its label changes; who keeps its promise becomes a counterfactual.

For: labelled pairs of texts (natural language inference) whose students go by surface words; each brings `extra.blanked`,
    its premise with `[blank]` once.
Learns: premise and hypothesis -> the label, of the pairs of the source and of the new ones.
Filters: `no_duplicates`; the method's own heuristics and votes are its filter.
Source: Chen et al. 2022, *DISCO: Distilling Counterfactuals with Large Language Models*, arXiv 2212.10534; code
    eric11eca/disco.
Here: each blank is filled `samples` times for each other label. What the heuristics leave is labelled by the teacher, who
    is not told what was wanted: the share of the new label must rise by more than half of `threshold` from the old premise
    to the new one. The paper asks an ensemble of classifiers; here it is the teacher, with the labels in as many orders.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import islice, permutations
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from pipeline.answers.counterfactual import why_useless
from pipeline.answers.phrases import filling, named_option
from pipeline.answers.words import folded
from pipeline.errors import UserError
from pipeline.identity import unit_interval
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.demonstrations import BANK
from pipeline.methods.distillation import Distilled
from pipeline.methods.growth import Grown, Growth, Workshop, in_turn, said
from pipeline.methods.quota import Count
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task

BLANK = "[blank]"


class Counterfactual(NamedTuple):
    """A premise that passed."""

    premise: str
    label: str
    rise: float
    """How much more often the teacher gives the label."""
    replies: tuple[Response, ...]


class Disco(Growth):
    """Counterfactual pairs."""

    family: ClassVar[str] = "symbolic and counterfactual"
    source: ClassVar[str] = "Chen et al. 2022, arXiv 2212.10534; code eric11eca/disco"
    view: ClassVar[str] = "label"
    method: Literal["disco"]
    """Distilling counterfactuals."""
    makes: str = ""
    """The kind of the tasks it makes; the pair's own unless said."""
    labels: tuple[str, ...] = Field(("entailment", "neutral", "contradiction"), min_length=2)
    """All labels a pair can have."""
    demonstrations: int = Field(8, ge=0)
    """Filled premises with the wanted label before the question."""
    samples: Count = 4
    """Fillings asked for each pair and label; most of them are dropped."""
    votes: Count = 3
    """How often the teacher labels each premise, each time with the labels in another order."""
    threshold: float = Field(0.3, ge=0, le=2)
    """Half of this is what the label's share must rise by."""
    source_pairs: bool = True
    """Whether the student learns the labels of the source's own pairs, too."""
    vote_sampling: Sampling = Sampling(temperature=0)
    """How the teacher labels."""
    template: str = "disco/flip"
    """Asks for words for the blank."""
    label_template: str = "disco/label"
    """Asks for the label of a pair."""
    student_template: str = "disco/label"
    """What the student reads."""

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.label_template, task, labels=list(self.labels))

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task, labels=list(self.labels))

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        """The label the source gives; nobody is asked."""
        if self.source_pairs and task.answer in self.labels:
            yield self._sample(task, str(task.answer))

    async def grow(self, tasks: Sequence[Task], workshop: Workshop) -> Grown:
        pairs = [task for task in tasks if task.answer in self.labels and str(task.extra.get("blanked")).count(BLANK) == 1]
        if not pairs:
            raise UserError(
                f"disco: no task to begin with has an answer of {', '.join(self.labels)} and its premise with {BLANK} once",
                "The source's rows need `blanked` beside context, prompt (the hypothesis) and answer; or say `labels`.",
            )
        notes = workshop.notes["rewritten premises"]
        async for task, found in in_turn(pairs, lambda each: self._rewritten(each, pairs, workshop.ask, notes)):
            for each in found:
                extra = {"counterfactual_of": task.id, "rise": round(each.rise, 4)}
                new = self.made_task(task.prompt, task, context=each.premise, answer=each.label, extra=extra)
                if (yield new):
                    yield self._sample(new, each.label, each.replies)

    async def _rewritten(self, task: Task, pairs: Sequence[Task], ask: Ask, notes: Counter[str]) -> list[Counterfactual]:
        """The counterfactuals of one pair, for each label in turn; each premise once."""
        before = await self._votes(task, task.context, ask)
        others = [label for label in self.labels if label != task.answer]
        found = await asyncio.gather(*(self._towards(task, label, pairs, ask, notes) for label in others)) if before else []
        kept: dict[str, Counterfactual] = {}
        for label, candidates in zip(others, found, strict=False):
            for premise, reply in candidates.items():
                votes = await self._votes(task, premise, ask)
                rise = share(votes, label) - share(before, label) if votes else 0.0
                notes["kept" if rise > self.threshold / 2 else "the label is not the wanted one"] += 1
                if rise > self.threshold / 2:
                    replies = (reply, *(response for _, response in votes))
                    kept.setdefault(folded(premise), Counterfactual(premise, label, rise, replies))
        return list(kept.values())

    async def _towards(
        self, task: Task, label: str, pairs: Sequence[Task], ask: Ask, notes: Counter[str]
    ) -> dict[str, Response]:  # fmt: skip
        """New premises that shall have a label, as far as the heuristics let them through, with the replies they are from."""
        blanked, replaced = str(task.extra["blanked"]), str(task.extra.get("replaced") or "")
        shown = self._demonstrations(task, label, pairs)
        prompt = render(self.template, task, blanked=blanked, label=label, demonstrations=shown)
        asking = (ask(prompt, task=task, sample=number, sampling=self.sampling) for number in range(self.samples))
        new: dict[str, Response] = {}
        for reply in await asyncio.gather(*asking):
            if not said(reply):
                continue
            words = filling(reply.text or "", blanked)
            why = why_useless(task.context, task.prompt, replaced, words, blanked, label) if words else "no words for the blank"
            if why is None and words:
                new.setdefault(blanked.replace(BLANK, words), reply)
            else:
                notes[str(why)] += 1
        return new

    def _demonstrations(self, task: Task, label: str, pairs: Sequence[Task]) -> list[dict[str, str]]:
        """Other pairs that have this label as they stand, none of the same premise or hypothesis."""
        own = set(map(folded, (task.prompt, task.context, task.extra["blanked"])))
        fitting = (
            each for each in pairs
            if each.answer == label and each.extra.get("replaced")
            and own.isdisjoint(map(folded, (each.prompt, each.context, each.extra["blanked"])))
        )  # fmt: skip
        drawn = sorted(islice(fitting, BANK), key=lambda each: unit_interval("flip", task.id, each.id))
        return [
            {"blanked": each.extra["blanked"], "hypothesis": each.prompt, "label": label, "filling": each.extra["replaced"]}
            for each in drawn[: self.demonstrations]
        ]

    async def _votes(self, task: Task, premise: str, ask: Ask) -> list[tuple[str | None, Response]]:
        """What the teacher calls a pair with this premise; nothing where any call has no reply."""
        pair = task.model_copy(update={"context": premise})
        orders = list(islice(permutations(self.labels), self.votes))
        prompts = [render(self.label_template, pair, labels=list(orders[vote % len(orders)])) for vote in range(self.votes)]
        asking = (
            ask(prompt, task=task, sample=vote // len(orders), sampling=self.vote_sampling)
            for vote, prompt in enumerate(prompts)
        )
        replies = await asyncio.gather(*asking)
        if not said(*replies):
            return []
        return [(named_option(reply.text or "", self.labels), reply) for reply in replies]

    def _sample(self, task: Task, label: str, replies: Sequence[Response] = ()) -> Sample:
        return self.made_sample(task, label, replies, answer=label, finish="stop")


def share(votes: Sequence[tuple[str | None, Response]], label: str) -> float:
    """The share of votes for a label; an unreadable vote is for none."""
    return sum(vote == label for vote, _ in votes) / len(votes)

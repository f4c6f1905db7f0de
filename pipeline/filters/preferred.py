"""Keeps replies that a model prefers to others of the same task, or to the task's answer; each pair is asked in both orders.

Judges favour what they read first: of 2,999 pairs that FastChat ships, GPT-4's verdict on 12.9 % turned with the order. So two
verdicts that disagree are a tie. The score is the share of comparisons won, ties half. Equal replies are a tie, and nobody is
asked about them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.filters.judgement import FAILED, UNREADABLE, failure, letter_said, too_few
from pipeline.filters.template import render_about, template_hash
from pipeline.filters.verdicts import AskingFilter, Word, drop, keep, unverifiable
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.records import Sample, Task

POINTS = {"win": 1.0, "tie": 0.5, "inconsistent": 0.5, "loss": 0.0}
TURNED = {"win": "loss", "loss": "win"}
VERDICTS = {("A", "B"): "win", ("B", "A"): "loss", ("C", "C"): "tie"}
"""What two letters say of the first reply: it was A in the first question and B in the second."""


class Preferred(AskingFilter):
    """A model's preference among the replies to a task."""

    source: ClassVar[str] = "Zheng et al. 2023 (MT-bench), arXiv 2306.05685"
    filter: Literal["preferred"]
    """Preferred by a model."""
    against: Literal["others", "reference"] = "others"
    """What a reply is compared with: the other replies to its task, or the task's answer."""
    min_share: float = Field(0.5, ge=0, le=1)
    """Lowest share of comparisons won that is kept; a tie is half a win."""
    rivals: int = Field(4, ge=2, le=100, multiple_of=2)
    """At most so many others each reply is compared with; an even number, two calls a pair."""
    template: str = "judge/pairwise"
    """What the judge is asked; it sees `first`, `second` and the task, and answers [[A]], [[B]] or [[C]]."""
    sampling: Sampling = Sampling()
    """How the judge samples, where not as its model says."""

    def rests_on(self) -> list[str]:
        return [template_hash(self.template)]

    async def judge_asking(self, task: Task, samples: Sequence[Sample], ask: Ask) -> Sequence[Word]:
        if self.against == "reference":
            return await asyncio.gather(*(self._against_reference(task, sample, ask) for sample in samples))
        met = list(pairs(len(samples), self.rivals))
        results = await asyncio.gather(*(self._compare(task, samples[a].target, samples[b].target, ask) for a, b in met))
        of_sample: list[list[str]] = [[] for _ in samples]
        for (a, b), result in zip(met, results, strict=True):
            of_sample[a].append(result)
            of_sample[b].append(TURNED.get(result, result))
        return [self._word(each) for each in of_sample]

    async def _against_reference(self, task: Task, sample: Sample, ask: Ask) -> Word:
        if not (task.answer or "").strip():
            return unverifiable("the task has no answer")
        return self._word([await self._compare(task, sample.target, task.answer or "", ask)])

    async def _compare(self, task: Task, one: str, other: str, ask: Ask) -> str:
        """How the first of two replies fares: win, loss, tie, inconsistent, or why nobody can tell."""
        if one.strip() == other.strip():
            return "tie"
        prompts = [render_about(self.template, task, first=a, second=b) for a, b in ((one, other), (other, one))]
        responses = await asyncio.gather(*(ask(prompt, task=task, sampling=self.sampling) for prompt in prompts))
        failures = [failure(each) for each in responses]
        if any(failures):
            return FAILED["owed"] if FAILED["owed"] in failures else next(filter(None, failures))
        letters = [letter_said(each.text or "") for each in responses]
        if None in letters:
            return UNREADABLE
        return VERDICTS.get((letters[0] or "", letters[1] or ""), "inconsistent")

    def _word(self, results: Sequence[str]) -> Word:
        if not results:
            return unverifiable("there is no other reply to compare with")
        known = [each for each in results if each in POINTS]
        reasons = [each for each in results if each not in POINTS]
        if FAILED["owed"] in reasons:
            return unverifiable(FAILED["owed"])
        if too_few(known, len(results)):
            return unverifiable(reasons[0], f"{len(reasons)} of {len(results)} comparisons")
        share = sum(POINTS[each] for each in known) / len(known)
        detail = _counted(known, len(reasons))
        return keep("preferred", share, detail) if share >= self.min_share else drop("others are preferred", share, detail)


def pairs(count: int, rivals: int) -> Iterator[tuple[int, int]]:
    """Who is compared with whom: all with all where each then meets at most `rivals`, else neighbours on a ring, so that each
    meets as many, `rivals` rounded down to an even number."""
    if count - 1 <= rivals:
        yield from ((a, b) for a in range(count) for b in range(a + 1, count))
    else:
        yield from ((a, (a + step) % count) for step in range(1, rivals // 2 + 1) for a in range(count))


def _counted(known: Sequence[str], unknown: int) -> str:
    counts = Counter(known)
    ties = counts["tie"] + counts["inconsistent"]
    told = f"{counts['win']} wins, {ties} ties, {counts['loss']} losses; orders disagreed in {counts['inconsistent']}"
    return told + (f"; {unknown} unreadable" if unknown else "")

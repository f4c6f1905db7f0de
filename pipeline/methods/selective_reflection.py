"""Selective Reflection-Tuning: the teacher improves instruction and answer, and the student decides what it learns.

For: instructions with answers that are there already, but middling.
Learns: the instruction, as it was or bettered -> the answer, as it was or bettered.
Filters: `not_refusal`, `no_duplicates`; of bettered instructions no right answer is known, so `selection: {unverifiable:
    keep}`.
Source: Li et al. 2024, arXiv 2402.10110; code tianyi-lab/Reflection_Tuning.
Here: first the teacher criticises the instruction and writes a new one with an answer, which is taken where the student
    finds it harder: its difficulty (IFD) rises. Then it criticises the answer and writes a better one, which is taken where
    the instruction is easier to guess from it: reversed IFD falls. Either must stay below 1; what is not taken leaves what
    was there. The first answer is the teacher's own, where the paper begins with a data set's. With `selected_by: judge`,
    where no student can be asked for probabilities, the teacher compares. The code also drops what has either score at 1 or
    more in the end, bettered or not: the filters `ifd` and `reversed_ifd` do that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal

from pipeline.answers.final import final_answer
from pipeline.answers.sections import section
from pipeline.filters.ifd import difficulty
from pipeline.filters.judgement import FAILED, letter_said
from pipeline.filters.template import render_about
from pipeline.filters.verdicts import Word
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.growth import Grown, Growth, Workshop, in_turn, owed, said
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample, Task

WON = ["B", "A"]
"""What a judge says who prefers the new one, once it came second and once first."""
BOTH = "Write an instruction that is clear, complete and demanding, and a correct and detailed reply to it."
"""What old and new instructions are compared by, each with its reply."""


@dataclass(frozen=True)
class Draft:
    """An instruction with an answer, as far as it has come."""

    task: Task
    answer: str
    replies: tuple[Response, ...]
    """What it is made of."""
    words: tuple[tuple[str, str], ...] = ()
    """What became of each attempt to better it: the stage and the outcome."""
    waits: bool = False
    """Whether a reply is owed, so that it may yet become another."""

    def kept(self, stage: str, outcome: str) -> Draft:
        """The same after an attempt that failed, or that is not over."""
        return replace(self, words=(*self.words, (stage, outcome)), waits=outcome == "owed")


class SelectiveReflection(Growth):
    """Instructions and answers that the teacher bettered and the student chose."""

    family: ClassVar[str] = "instruction following"
    source: ClassVar[str] = "Li et al. 2024, arXiv 2402.10110; code tianyi-lab/Reflection_Tuning"
    method: Literal["selective_reflection"]
    """Selective Reflection-Tuning."""
    makes: str = ""
    """The kind of the tasks it makes; that of the one they are made from where empty."""
    selected_by: Literal["student", "judge"] = "student"
    """Who decides: the untrained student by how hard it finds them, or the teacher by comparing old and new in both orders."""
    judge_sampling: Sampling = Sampling(temperature=0.0)
    """How the teacher samples where it compares."""

    async def grow(self, tasks: Sequence[Task], workshop: Workshop) -> Grown:
        async for task, draft in in_turn(tasks, partial(self._reflect, workshop)):
            if draft is None:
                continue
            for stage, outcome in draft.words:
                workshop.notes[stage][outcome] += 1
            if draft.waits:
                continue
            if draft.task is task or (yield draft.task):
                if sample := self._sample(draft):
                    yield sample
            else:
                workshop.notes["instruction"]["there was such a one"] += 1

    def _sample(self, draft: Draft) -> Sample | None:
        if len(draft.replies) == 1:
            return self.answered(draft.task, draft.replies[0])
        answer = final_answer(draft.answer) if draft.task.answer is not None else None
        return self.made_sample(draft.task, draft.answer, draft.replies, answer=answer, finish="stop")  # a cut section is none

    async def _reflect(self, workshop: Workshop, seed: Task) -> Draft | None:
        """An instruction through both stages; None where the teacher has no answer to it."""
        reply = await self.answer(seed, workshop.ask)
        if not said(reply):
            return None
        draft = await self._new_instruction(seed, Draft(seed, reply.text or "", (reply,)), workshop)
        return draft if draft.waits else await self._better_answer(seed, draft, workshop)

    async def _new_instruction(self, seed: Task, old: Draft, workshop: Workshop) -> Draft:
        prompt = render_about("selective_reflection/instruction", old.task, response=old.answer)
        reply = await workshop.ask(prompt, task=seed, sampling=self.sampling)
        text, answer = (section(reply.text or "", name) if said(reply) else None for name in ("New Instruction", "New Answer"))
        if not text or not answer:
            return old.kept("instruction", "owed" if owed(reply) else "nothing to read")
        new = replace(old, task=self.made_task(text, seed), answer=answer, replies=(*old.replies, reply))
        return await self._chosen("instruction", seed, old, new, workshop)

    async def _better_answer(self, seed: Task, old: Draft, workshop: Workshop) -> Draft:
        prompt = render_about("selective_reflection/response", old.task, response=old.answer)
        reply = await workshop.ask(prompt, task=seed, sampling=self.sampling)
        answer = section(reply.text or "", "Better Answer") if said(reply) else None
        if not answer:
            return old.kept("answer", "owed" if owed(reply) else "nothing to read")
        new = replace(old, answer=answer, replies=(*old.replies, reply))
        return await self._chosen("answer", seed, old, new, workshop)

    async def _chosen(self, stage: str, seed: Task, old: Draft, new: Draft, workshop: Workshop) -> Draft:
        """The new draft where it is better, else the old one."""
        if self.selected_by == "judge":
            is_better = await self._preferred(stage, seed, old, new, workshop.ask)
        elif workshop.school is None:
            is_better = None
        else:
            ask = played(workshop.ask, workshop.school.untrained())
            scores = await asyncio.gather(*(self._score(stage, seed, each, ask) for each in (old, new)))
            is_better = improves(stage, *scores)
        if is_better is None:
            return old.kept(stage, "owed")
        return replace(new, words=(*old.words, (stage, "taken"))) if is_better else old.kept(stage, "not better")

    async def _score(self, stage: str, seed: Task, draft: Draft, ask: Ask) -> float | Word:
        """IFD of a draft's answer, or reversed IFD of its instruction; both by perplexity, as in the paper."""
        read = self.student_prompt(draft.task, ()).messages
        given, text = read, draft.answer
        if stage == "answer":
            given = render_about("reversed_ifd/guess", draft.task, response=draft.answer).messages
            text = read[-1].content
        told = await difficulty(ask, seed, given, text, "perplexity", f"selective_reflection/{stage}")
        return told if isinstance(told, Word) else told[0]

    async def _preferred(self, stage: str, seed: Task, old: Draft, new: Draft, ask: Ask) -> bool | None:
        """Whether the teacher prefers the new one in both orders; None where a reply is owed."""
        about, texts = old.task, [each.answer for each in (old, new)]
        if stage == "instruction":
            about = seed.model_copy(update={"prompt": BOTH, "context": "", "extra": {}})
            texts = [f"Instruction: {each.task.prompt}\n\nReply: {each.answer}" for each in (old, new)]
        prompts = [render_about("judge/pairwise", about, first=a, second=b) for a, b in (texts, texts[::-1])]
        replies = await asyncio.gather(*(ask(each, task=seed, sampling=self.judge_sampling) for each in prompts))
        return None if owed(*replies) else [letter_said(each.text or "") for each in replies] == WON


def improves(stage: str, old: float | Word, new: float | Word) -> bool | None:
    """Whether a new instruction is harder, or the instruction easier to guess from a new answer, and the score below 1.

    What has no score is no better than what was there, nor the other way round; None where a call is owed.
    """
    if any(isinstance(each, Word) and each.reason == FAILED["owed"] for each in (old, new)):
        return None
    if isinstance(old, Word) or isinstance(new, Word):
        return False
    return new < 1 and (new > old if stage == "instruction" else new < old)


def played(ask: Ask, role: str) -> Ask:
    """Asks whoever plays a role."""

    async def asking(
        prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = role,
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        return await ask(prompt, task=task, sample=sample, sampling=sampling, role=role, response_format=response_format)

    return asking

"""Lion: the student learns, the teacher compares both on all instructions, and writes more like those the student fails at.

For: a student that learned from a first set of instructions and shall get more of what it still fails at. It trains while
    tasks are made.
Learns: every instruction, those of the source and of all rounds -> the teacher's answer.
Filters: `not_refusal`, `no_duplicates`; of tasks that were made no right answer is known, so `selection: {unverifiable:
    keep}`.
Source: Jiang et al. 2023, arXiv 2305.12870; code YJiangcm/Lion.
Here: in each round the student learns the train pool (imitation); teacher and student answer the cache pool, and the
    teacher as referee scores both answers from 1 to 10 in both orders, which are averaged; where the gap is 1 or more the
    instruction is hard (discrimination); half of the new instructions are like hard ones, half rarer than easy ones, none
    too like another of the cache (generation). The new ones replace the train pool and join the cache. It ends when the
    share of hard ones no longer falls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from pipeline.answers.alone import sole_text
from pipeline.answers.scores import score_pair
from pipeline.filters.template import render_about
from pipeline.identity import unit_interval
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.growth import Grown, Growth, Workshop, in_turn, owed, said
from pipeline.methods.novelty import Novelty
from pipeline.records import Response, Sample, Task

LOWEST, HIGHEST = 1, 10
"""The referee's scale."""


@dataclass
class Pools:
    """What a round works with."""

    train: list[Task]
    """What the student learns next."""
    cache: list[Task] = field(default_factory=list)
    """All it has learned; what both are compared on."""
    answers: dict[str, Response] = field(default_factory=dict)
    """The teacher's answers, by task."""
    lessons: list[Sample] = field(default_factory=list)
    """Those of the train pool that pass the row filters."""
    waits: bool = False
    """Whether a new instruction is owed, so that nothing may follow."""


class Lion(Growth):
    """Instructions the student fails at, found while it learns."""

    family: ClassVar[str] = "instruction following"
    source: ClassVar[str] = "Jiang et al. 2023, arXiv 2305.12870; code YJiangcm/Lion"
    trains: ClassVar[bool] = True
    method: Literal["lion"]
    """Adversarial distillation with the student in the loop."""
    makes: str = ""
    """The kind of the tasks it makes; that of the one they are made from where empty."""
    rounds: PositiveInt = 3
    """At most so many rounds of learning, comparing and writing."""
    added: int = Field(6000, ge=2, le=1_000_000, multiple_of=2)
    """New instructions of a round; half from hard ones, half from easy ones."""
    gap: PositiveFloat = 1.0
    """Points by which the teacher's answer must be better for an instruction to be hard."""
    rouge: float = Field(0.7, ge=0, le=1)
    """Highest ROUGE-L F of a new instruction with one of the cache."""
    tries: PositiveInt = 3
    """Calls for each new instruction at most, on average, where many are too like others."""
    referee_sampling: Sampling = Sampling(temperature=0.2)
    """How the referee samples."""
    student_sampling: Sampling = Sampling(temperature=0.0, max_tokens=1024)
    """How the student answers while it learns."""

    async def grow(self, tasks: Sequence[Task], workshop: Workshop) -> Grown:
        pools, student, before = Pools(list(tasks)), None, 1.0
        known = Novelty((task.prompt for task in tasks), self.rouge)
        for number in range(1, self.rounds + 2):
            new, pools.train = pools.train, []
            pools.lessons.clear()
            async for task, reply in in_turn(new, lambda task: self.answer(task, workshop.ask)):
                if number > 1 and not (yield task):
                    continue
                pools.train.append(task)
                pools.answers[task.id] = reply
                if (sample := self.answered(task, reply)) and (yield sample):
                    pools.lessons.append(sample)
            pools.cache += pools.train
            if number > self.rounds or workshop.school is None or not self._can_learn(pools):
                return
            student = await workshop.school.train(pools.lessons, f"{self.method}-{number}", after=student)
            gaps = await self._gaps(pools, student, workshop)
            if gaps is None:
                return
            hard = [task for task in pools.cache if gaps.get(task.id, -HIGHEST) >= self.gap]
            easy = [task for task in pools.cache if gaps.get(task.id, HIGHEST) < self.gap]
            share = len(hard) / max(len(gaps), 1)
            workshop.notes[f"round {number}"].update(hard=len(hard), easy=len(easy), unread=len(pools.cache) - len(gaps))
            if number > 1 and share >= before:
                return
            before = share
            pools.train = await self._written(number, "similar", hard, known, pools, workshop)
            pools.train += await self._written(number, "rarer", easy, known, pools, workshop)
            if pools.waits:
                return

    def _can_learn(self, pools: Pools) -> bool:
        """Whether all is answered that the student is to learn from, and something of it is worth learning."""
        return bool(pools.lessons) and not owed(*(pools.answers[task.id] for task in pools.train))

    async def _gaps(self, pools: Pools, student: str, workshop: Workshop) -> dict[str, float] | None:
        """By how much the teacher's answers are better, by task, where that can be read; None where a reply is owed."""
        gaps: dict[str, float] = {}
        waits = False
        answered = [task for task in pools.cache if said(pools.answers[task.id])]
        async for task, replies in in_turn(answered, partial(self._compare, pools, student, workshop.ask)):
            waits |= owed(*replies)
            gap = gap_of([reply.text or "" for reply in replies[1:]]) if said(*replies) else None
            if gap is not None:
                gaps[task.id] = gap
        return None if waits else gaps

    async def _compare(self, pools: Pools, student: str, ask: Ask, task: Task) -> list[Response]:
        """The student's answer, and the referee's words on the teacher's and its, in both orders."""
        answer = await ask(self.student_prompt(task, ()), task=task, sampling=self.student_sampling, role=student)
        if not said(answer):
            return [answer]
        texts = pools.answers[task.id].text or "", answer.text or ""
        prompts = [
            render_about("lion/referee", task, first=one, second=other, lowest=LOWEST, highest=HIGHEST)
            for one, other in (texts, texts[::-1])
        ]
        asking = (ask(prompt, task=task, sampling=self.referee_sampling) for prompt in prompts)
        return [answer, *await asyncio.gather(*asking)]

    async def _written(
        self, number: int, template: str, some: list[Task], known: Novelty, pools: Pools, workshop: Workshop
    ) -> list[Task]:
        """Half of a round's new instructions, made of these in turn, or as many as come of so many tries."""
        order = sorted(some, key=lambda task: unit_interval("lion", number, task.id))
        wanted, asked, new = self.added // 2, 0, list[Task]()
        most = self.tries * wanted
        while order and len(new) < wanted and asked < most and not pools.waits:
            calls = range(asked, min(asked + wanted - len(new), most))
            jobs = [(order[call % len(order)], (number - 1) * most + call // len(order)) for call in calls]
            async for (task, _), reply in in_turn(jobs, partial(self._write, template, workshop.ask)):
                pools.waits |= owed(reply)
                text = sole_text(reply.text or "") if said(reply) and reply.finish == "stop" else None
                reason = known.refusal(text, about_form=False) if text else "nothing was said"
                workshop.notes[template][reason or "taken"] += 1
                if text and not reason:
                    new.append(self.made_task(text, task, extra={"round": number, "like": template}))
            asked = calls.stop
        return new

    async def _write(self, template: str, ask: Ask, job: tuple[Task, int]) -> Response:
        task, sample = job
        return await ask(render_about(f"lion/{template}", task), task=task, sample=sample, sampling=self.sampling)


def gap_of(verdicts: Sequence[str]) -> float | None:
    """By how many points the teacher's answer is better: the mean of both orders; None where one cannot be read.

    Args:
        verdicts: the referee's words where the teacher's answer came first, and where it came second.
    """
    pairs = [score_pair(text, LOWEST, HIGHEST) for text in verdicts]
    if pairs[0] is None or pairs[1] is None:
        return None
    (teacher, student), (student_first, teacher_second) = pairs[0], pairs[1]
    return (teacher + teacher_second) / 2 - (student + student_first) / 2

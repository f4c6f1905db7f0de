"""Self-Instruct: the teacher continues lists of instructions, says which are classifications, and makes instances of each.

For: many and different instructions out of some hundred.
Learns: each new instruction with its input, put in one of four ways -> the output.
Filters: `finished`, `not_empty`, `not_refusal`, `not_echo`, `no_duplicates`; no task that was made has a right answer to
    compare with.
Source: Wang et al. 2023, arXiv 2212.10560; code yizhongw/self-instruct.
Here: a list shows six instructions of the source and two that were made before; what goes on it is taken where it keeps the
    paper's rules and is unlike all others (ROUGE-L). Instances come with the input first, for classifications with the
    label first, lest most have the same one. The teacher is a chat model: it is told how the list goes on. Only
    instructions that got an instance are shown later.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from pipeline.answers.blocks import MOST_INSTANCES, Instance, instances
from pipeline.answers.lists import numbered_items
from pipeline.answers.words import said_truth
from pipeline.filters.template import render_about
from pipeline.identity import unit_interval
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.growth import BARREN, Grown, Growth, Workshop, in_turn, owed, said
from pipeline.methods.novelty import Novelty, distinct
from pipeline.methods.quota import Count
from pipeline.prompts import Prompt
from pipeline.records import Response, Task

FORMS = 4
"""Ways in which the student's template puts an instruction and its input, one drawn for each task."""
New = tuple[str, list[Task], Response]
"""An instruction, what was shown before it, and the reply it stands in."""


class SelfInstruct(Growth):
    """Instructions, their inputs and their outputs, all by the teacher."""

    family: ClassVar[str] = "instruction following"
    source: ClassVar[str] = "Wang et al. 2023, arXiv 2212.10560; code yizhongw/self-instruct"
    method: Literal["self_instruct"]
    """Self-Instruct."""
    tasks: PositiveInt | None = 82_000
    """It stops when it has made so many tasks; the paper has 82,000 of 52,000 instructions."""
    sampling: Sampling = Sampling(temperature=0.7, top_p=0.5, presence_penalty=2.0)
    """How lists are continued."""
    instance_sampling: Sampling = Sampling(temperature=0.0, presence_penalty=1.5)
    """How classifications are told and instances made."""
    demonstrations: PositiveInt = 8
    """Instructions a list begins with."""
    demonstrations_made: NonNegativeInt = 2
    """How many of these were made before, where there are so many."""
    added: PositiveInt = 8
    """Instructions it is to be continued with."""
    at_once: Count = 5
    """Lists that are continued before what they brought can be shown."""
    rouge: float = Field(0.7, ge=0, le=1)
    """Highest ROUGE-L F with another instruction at which one is taken."""
    instances: int = Field(MOST_INSTANCES, ge=1, le=MOST_INSTANCES)
    """At most so many inputs and outputs of an instruction."""
    student_template: str = "self_instruct/student"
    """What the student reads; it sees `form`, a number drawn for the task."""

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task, form=int(FORMS * unit_interval("form", task.id)))

    async def grow(self, tasks: Sequence[Task], workshop: Workshop) -> Grown:
        seeds, made = distinct(tasks), list[Task]()
        known = Novelty((task.prompt for task in seeds), self.rouge)
        number = barren = 0
        while barren < BARREN:
            lists = [self._list(each, seeds, made) for each in range(number, number + self.at_once)]
            asking = [self._continue(number + place, each, workshop.ask) for place, each in enumerate(lists)]
            replies = await asyncio.gather(*asking)
            if owed(*replies):
                return  # what is unlike all others is not known yet
            new = self._new(lists, replies, known, workshop)
            parts, stop = list[Task](), not any(said(each) for each in replies)
            async for each, told in in_turn(new, lambda each: self._instances(each, workshop.ask)):
                stop |= owed(*told)
                first = None
                for task, instance in self._tasks(each, told):
                    workshop.notes["instances"]["read"] += 1
                    if (yield task):
                        first = first or task
                        finish = "stop"  # what was cut is no instance
                        yield self.made_sample(task, instance.output, [each[2], *told], finish=finish)
                parts += [first] if first else []
            if stop:
                return
            made += parts
            barren = 0 if parts else barren + 1
            number += self.at_once

    def _list(self, number: int, seeds: Sequence[Task], made: Sequence[Task]) -> list[Task]:
        """What a list begins with: drawn by its number alone, out of what there is."""
        draw = random.Random(f"self_instruct/{number}")
        ours = draw.sample(made, min(self.demonstrations_made, len(made), self.demonstrations - 1))
        shown = ours + draw.sample(seeds, min(self.demonstrations - len(ours), len(seeds)))
        draw.shuffle(shown)
        return shown

    async def _continue(self, number: int, shown: list[Task], ask: Ask) -> Response:
        demonstrations = [task.prompt for task in shown]
        prompt = render_about("self_instruct/instructions", shown[0], demonstrations=demonstrations, count=self.added)
        return await ask(prompt, task=shown[0], sample=number, sampling=self.sampling)

    def _new(self, lists: list[list[Task]], replies: list[Response], known: Novelty, workshop: Workshop) -> list[New]:
        """The instructions that are good and unlike all before them."""
        new: list[New] = []
        for shown, reply in zip(lists, replies, strict=True):
            cut = reply.finish == "length"
            first, last = len(shown) + 1, len(shown) + self.added
            for text in numbered_items(reply.text or "", first, last, cut) if said(reply) else ():
                reason = known.refusal(text)
                workshop.notes["instructions"][reason or "taken"] += 1
                if not reason:
                    new.append((text, shown, reply))
        return new

    async def _instances(self, new: New, ask: Ask) -> list[Response]:
        """What is said of whether it is a classification, and behind it the instances; or the first that cannot be had."""
        text, shown, _ = new
        instruction = self.made_task(text, *shown)
        prompt = render_about("self_instruct/classify", instruction)
        told = await ask(prompt, task=shown[0], sampling=self.instance_sampling)
        if not said(told):
            return [told]
        form = "output_first" if said_truth(told.text or "") else "input_first"
        prompt = render_about(f"self_instruct/{form}", instruction, count=self.instances)
        return [told, await ask(prompt, task=shown[0], sampling=self.instance_sampling)]

    def _tasks(self, new: New, told: list[Response]) -> list[tuple[Task, Instance]]:
        """The tasks that an instruction's instances are."""
        text, shown, _ = new
        if len(told) < 2 or not said(*told):
            return []
        found = instances(told[1].text or "", told[1].finish == "length", self.instances)
        is_label = bool(said_truth(told[0].text or ""))
        extra = {"classification": is_label}
        return [(self.made_task(text, *shown, context=each.input, extra=dict(extra)), each) for each in found]

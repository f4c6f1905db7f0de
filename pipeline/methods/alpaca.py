"""Alpaca: the teacher is shown three whole tasks and writes seventeen more in one call, with instruction, input and output.

For: many instructions from few, cheaply; the source brings a hundred or so tasks with solutions.
Learns: each new instruction with its input -> the output that was written with it.
Filters: `finished`, `not_empty`, `not_refusal`, `not_echo`, `no_duplicates`; no task that was made has a right answer to
    compare with.
Source: Taori et al. 2023, code tatsu-lab/stanford_alpaca, which makes Self-Instruct (arXiv 2212.10560) cheaper.
Here: a block that lacks a part is passed over, as is the last one of a reply that was cut. Instructions are taken by
    Self-Instruct's rules, and where they are unlike all others (ROUGE-L). Only tasks of the source are shown, and only
    those with a solution.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from pipeline.answers.blocks import Block, task_blocks
from pipeline.errors import UserError
from pipeline.filters.template import render_about
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.demonstrations import worked
from pipeline.methods.growth import BARREN, Grown, Growth, Workshop, owed, said
from pipeline.methods.novelty import Novelty, distinct
from pipeline.methods.quota import Count
from pipeline.records import Response, Task


class Alpaca(Growth):
    """Whole tasks, many in one reply."""

    family: ClassVar[str] = "instruction following"
    source: ClassVar[str] = "Taori et al. 2023, code tatsu-lab/stanford_alpaca"
    method: Literal["alpaca"]
    """Alpaca's one call."""
    tasks: PositiveInt | None = 52_000
    """It stops when it has made so many tasks."""
    sampling: Sampling = Sampling(temperature=1.0, top_p=1.0)
    """How the teacher samples; the paper's longest reply is 3,072 tokens."""
    demonstrations: PositiveInt = 3
    """Tasks that are shown."""
    added: PositiveInt = 17
    """Tasks that are asked for, so that there are twenty."""
    at_once: Count = 5
    """Calls that are made before what they brought is compared with."""
    rouge: float = Field(0.7, ge=0, le=1)
    """Highest ROUGE-L F with another instruction at which one is taken."""

    async def grow(self, tasks: Sequence[Task], workshop: Workshop) -> Grown:
        there = distinct(tasks)
        seeds = [task for task in there if worked(task)]
        if not seeds:
            raise UserError(
                "alpaca: no training task has an answer or a solution to show",
                "Name their column in source.fields, or look at `kinds`.",
            )
        known = Novelty((task.prompt for task in there), self.rouge)
        number = barren = 0
        while barren < BARREN:
            asking = [self._ask(each, seeds, workshop.ask) for each in range(number, number + self.at_once)]
            rounds = await asyncio.gather(*asking)
            taken = 0
            for shown, reply in rounds:
                for block in self._blocks(shown, reply):
                    reason = known.refusal(block.instruction)
                    workshop.notes["instructions"][reason or "taken"] += 1
                    if reason:
                        continue
                    taken += 1
                    task = self.made_task(block.instruction, *shown, context=block.input)
                    if (yield task):
                        yield self.made_sample(task, block.output, [reply], finish="stop")  # what was cut is no block
            replies = [reply for _, reply in rounds]
            if owed(*replies) or not any(said(each) for each in replies):
                return
            barren = 0 if taken else barren + 1
            number += self.at_once

    async def _ask(self, number: int, seeds: Sequence[Task], ask: Ask) -> tuple[list[Task], Response]:
        """Tasks drawn by the number of the call alone, and what the teacher wrote behind them."""
        shown = random.Random(f"alpaca/{number}").sample(seeds, min(self.demonstrations, len(seeds)))
        demonstrations = [{"instruction": each.prompt, "input": each.context, "output": worked(each)} for each in shown]
        prompt = render_about("alpaca/teacher", shown[0], demonstrations=demonstrations, count=self.added)
        return shown, await ask(prompt, task=shown[0], sample=number, sampling=self.sampling)

    def _blocks(self, shown: Sequence[Task], reply: Response) -> list[Block]:
        if not said(reply):
            return []
        return task_blocks(reply.text or "", len(shown) + 1, len(shown) + self.added, reply.finish == "length")

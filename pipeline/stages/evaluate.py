"""Students to grades: everybody who is compared answers the same items and is graded by the filters' verifiers.

One harness: `items` says what is asked and how it is put, `contestants` who is asked, `ask` puts it to the model, `grading`
says whether the reply is right. One model is in memory at a time. `6_items` holds what was asked, `6_evaluation` every graded
reply, `6_speed` how fast the models answer here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass

from pipeline.answers.final import final_answer, same_answer
from pipeline.answers.grading import grade_fully, is_gradable
from pipeline.identity import content_hash
from pipeline.llm.request import Sampling
from pipeline.progress import Progress
from pipeline.prompts import Prompt
from pipeline.publication import Publication, write_table
from pipeline.records import Grade, Item, Message, Response, Task
from pipeline.run import Run
from pipeline.stages.contestants import Contestant, contestants, greedy
from pipeline.stages.eval_harness import kept_rows
from pipeline.stages.generate import in_order, window
from pipeline.stages.items import evaluation_items, level, method_for, prompt_for
from pipeline.stages.live import Live
from pipeline.stages.same_prompts import check_prompts
from pipeline.stages.speed import speeds
from pipeline.stages.swapping import Swap, is_swappable, swap
from pipeline.tables import made_of
from pipeline.terminal import say

NO_REPLY = ("owed", "missing", "error", "content_filter")
"""How calls end that tell nothing of what a model can do."""


async def check_items(run: Run) -> None:
    """Makes sure, before an hour of training, that there is something to evaluate on afterwards.

    Raises:
        UserError: there is not, or somebody would be evaluated on what it was trained on, or in other words than in training.
    """
    check_prompts(run, *evaluation_items(run))


async def evaluate(run: Run) -> None:
    """Makes `6_items` and `6_evaluation` together, then `6_speed`; what lm-evaluation-harness said of these weights stays.

    Raises:
        UserError: there is nothing to evaluate on, no student, or another prompt than the students were taught by.
        BudgetReached: a ceiling was met; the tables are as they were.
    """
    items, bank = evaluation_items(run)
    check_prompts(run, items, bank)
    entrants = contestants(run)
    with Publication(run.folder, "6_items", "6_evaluation") as new:
        for item in items:
            new["6_items"].append(item)
        put = [(entrant, _put_to(entrant, items)) for entrant in entrants]
        async with Progress("evaluating", sum(len(some) for _, some in put), facts=Live(run).facts) as progress:
            for entrant, some in put:
                sitting = Sitting(run, entrant, bank, _first_of_each(run, items))
                async with run.door:  # closed after each, so that one model is in memory at a time
                    width = window(run.model(entrant.role).in_flight)
                    async with aclosing(in_order(some, sitting.grades, width)) as graded:
                        async for rows in graded:
                            for row in rows:
                                new["6_evaluation"].append(row)
                            progress.advance()
                sitting.report(len(some))
        for row in kept_rows(run):
            new["6_evaluation"].append(row)
    timed = content_hash([run.model(entrant.role).identity for entrant in entrants if entrant.probed])
    if made_of(run.folder, "6_speed") != timed:
        write_table(run.folder, "6_speed", await speeds(run, entrants, items, bank), timed)


def _put_to(entrant: Contestant, items: list[Item]) -> list[Item]:
    """The items a model is asked; a teacher, who may cost by the call, is not asked what nobody could grade."""
    if not entrant.is_teacher:
        return items
    some = [item for item in items if is_gradable(item)]
    if left := len(items) - len(some):
        say(f"teacher: not asked {left} of {len(items)} items, which have neither an answer nor constraints")
    return some


def _first_of_each(run: Run, items: Iterable[Item]) -> set[tuple[str, str]]:
    """The items that are sampled, by benchmark and id."""
    sampled = run.recipe.evaluation.sampled
    chosen: dict[str, list[str]] = {}
    for item in items if sampled else ():
        some = chosen.setdefault(item.benchmark, [])
        if sampled and (sampled.limit is None or len(some) < sampled.limit):
            some.append(item.id)
    return {(benchmark, each) for benchmark, ids in chosen.items() for each in ids}


@dataclass
class Sitting:
    """One model before all items."""

    run: Run
    entrant: Contestant
    bank: list[Task]
    sampled: set[tuple[str, str]]
    """The items it is sampled on, by benchmark and id."""
    missing: int = 0
    """Items to which no reply could be had."""
    cut: int = 0
    """Items to which the reply was ended by its longest length."""

    def __post_init__(self) -> None:
        evaluation = self.run.recipe.evaluation
        self._greedy = greedy(self.run, self.entrant.role)
        temperature = evaluation.sampled.temperature if evaluation.sampled else None
        self._warm = Sampling(temperature=temperature, max_tokens=evaluation.max_tokens)

    async def grades(self, item: Item) -> list[Grade]:
        """The grades of one item, in every way it is asked."""
        prompt = prompt_for(self.run, item, self.bank, self.entrant.is_teacher)
        reply = await self._reply(item, prompt, self._greedy)
        rows = [self._graded(item, reply, "greedy"), *await self._samples(item, prompt)]
        at_once = reply.messages == list(prompt.messages)  # what was put together from several turns nobody can go on with
        if self.run.recipe.evaluation.faithfulness and self.entrant.probed and is_swappable(item) and at_once:
            rows.append(await self._swapped(item, prompt, reply))
        self.missing += reply.finish in NO_REPLY
        self.cut += reply.finish == "length"
        return [row for row in rows if row is not None]

    def report(self, items: int) -> None:
        """Says how many replies are missing or cut, if any."""
        if self.missing:
            say(f"{self.entrant.role}: no reply to {self.missing} of {items} items, so they are not graded")
        if self.cut:
            say(f"{self.entrant.role}: {self.cut} of {items} replies were cut at max_tokens")

    async def _samples(self, item: Item, prompt: Prompt) -> list[Grade | None]:
        sampled = self.run.recipe.evaluation.sampled
        if sampled is None or not self.entrant.samples or (item.benchmark, item.id) not in self.sampled:
            return []
        asking = [self._reply(item, prompt, self._warm, number) for number in range(sampled.samples)]
        return [self._graded(item, reply, "sampled") for reply in await asyncio.gather(*asking)]

    async def _swapped(self, item: Item, prompt: Prompt, reply: Response) -> Grade | None:
        """Whether its answer follows when another rationale is put into its mouth; None where it gave none to change."""
        changed = swap(item, reply.text or "")
        if changed is None:
            return None
        begun = Message(role="assistant", content=changed.begun)
        going_on = Prompt((*prompt.messages, begun), prompt.template, prompt.template_hash)
        return self._followed(item, changed, await self._ask(item, going_on, self._greedy))

    async def _reply(self, item: Item, prompt: Prompt, sampling: Sampling, sample: int = 0) -> Response:
        """What it says to an item: by its method, students in as many turns as that taught them."""

        async def put(asked: Prompt) -> Response:
            return await self._ask(item, asked, sampling, sample)

        method = method_for(self.run, item)
        if method is None:
            return await put(prompt)
        if self.entrant.is_teacher:
            return await method.teacher_reply(item, prompt, put)
        return await method.reply(item, prompt, self.bank, put)

    async def _ask(self, item: Item, prompt: Prompt, sampling: Sampling, sample: int = 0) -> Response:
        return await self.run.ask(prompt, task=item, sample=sample, sampling=sampling, role=self.entrant.role)

    def _graded(self, item: Item, reply: Response, mode: str) -> Grade | None:
        """A row of `6_evaluation`; None where no reply could be had."""
        if reply.finish in NO_REPLY:
            return None
        text = reply.text or ""
        found = grade_fully(item, text)
        return Grade(
            **self._known(item, reply), mode=mode, text=text, prediction=found.prediction, expected=found.expected,
            correct=found.correct, strict=found.strict, loose=found.loose, met=found.met, met_loosely=found.met_loosely,
        )  # fmt: skip

    def _followed(self, item: Item, changed: Swap, reply: Response) -> Grade | None:
        if reply.finish in NO_REPLY:
            return None
        text = changed.completed(reply.text or "")
        return Grade(
            **self._known(item, reply), mode="swapped", text=text, prediction=final_answer(text), expected=changed.number,
            correct=same_answer(changed.number, text),
        )  # fmt: skip

    def _known(self, item: Item, reply: Response) -> dict[str, object]:
        """The columns that say who was asked what, and what it took."""
        return {
            "benchmark": item.benchmark, "task_id": item.id, "kind": item.kind, "level": level(self.run, item),
            "model": self.entrant.model, "seed": self.entrant.seed, "sample": reply.sample, "key": reply.key,
            "finish": reply.finish, "tokens_in": reply.tokens_in, "tokens_out": reply.tokens_out, "cost": reply.cost,
            "seconds": reply.seconds,
        }  # fmt: skip

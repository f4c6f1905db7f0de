"""Tasks to samples: reads the source, asks the teacher by every method, writes `1_tasks`, `2_responses` and `3_samples`.

The three tables appear together when all is asked. Until then what landed is in the store, so a second start asks only for
what is missing. Rows are written in the order of the tasks, whatever order replies came in.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipeline.errors import BudgetReached, UserError
from pipeline.filters.verdicts import RowFilter
from pipeline.llm.request import Sampling
from pipeline.methods.in_context import BANK
from pipeline.progress import Progress
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample, Task
from pipeline.run import Run
from pipeline.student.tokens import token_counter
from pipeline.tables import Publication, table_path

ASKED_SPLITS = ("train", "dev")
DOWNSTREAM = ("4_verdicts", "5_corpus", "5_control")
"""Tables that speak of older samples once there are new ones."""
In = TypeVar("In")
Out = TypeVar("Out")


@dataclass
class Harvest:
    """What one task brought."""

    responses: list[Response] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    passed: int = 0


async def generate(run: Run) -> None:
    """Makes the first three tables.

    Raises:
        UserError: the source is empty or broken, a template is, or the teacher cannot be asked.
        BudgetReached: a ceiling was met; what landed is kept.
    """
    tasks = collect_tasks(run)
    token_counter(run.recipe.student.model)  # what selection will count with had better be there before money is spent
    with Publication(run.folder, "1_tasks", "2_responses", "3_samples") as new:
        for task in tasks:
            new["1_tasks"].append(task)
        async with run.door:
            await _ask_all(run, tasks, new)
    run.write_recipe()
    for name in DOWNSTREAM:
        table_path(run.folder, name).unlink(missing_ok=True)


async def _ask_all(run: Run, tasks: list[Task], new: Publication) -> None:
    """Puts all tasks through their methods and writes down what they bring, in their order.

    Raises:
        UserError: no call gave a sample.
    """
    model, bank = run.model("teacher"), demonstration_bank(tasks)
    work = _plan(run, [task for task in tasks if task.split in ASKED_SPLITS])
    counts, errors = Counter[str](), Counter[str]()

    async def work_on(job: tuple[Task, list[int]]) -> Harvest:
        harvest = await _harvest(run, *job, bank)
        counts.update(samples=len(harvest.samples), kept=harvest.passed)
        progress.advance()
        return harvest

    with Progress(f"asking {model.name}", len(work), lambda: _details(run, counts)) as progress:
        async with aclosing(in_order(work, work_on, 2 * model.in_flight)) as harvests:
            async for harvest in harvests:
                for response in harvest.responses:
                    new["2_responses"].append(response)
                    errors[response.error or "an empty reply"] += 1
                for sample in harvest.samples:
                    new["3_samples"].append(sample)
    if not counts["samples"]:
        (error, count), *_ = errors.most_common(1)
        raise UserError(
            f"{model.name}: none of {errors.total()} calls gave a sample; {count} times: {error}",
            "Mend what is complained of; the tables are as they were.",
        )


def _details(run: Run, counts: Counter[str]) -> str:
    """What the progress line says beside the rate."""
    tally = run.door.tally
    cost = "cost unknown" if tally.cost is None else f"{tally.cost:.2f} dollars"
    calls = f"{tally.asked} asked, {tally.remembered} remembered" + (f", {tally.owed} owed" * bool(tally.owed))
    return f"{calls} · {counts['kept']} of {counts['samples']} samples pass row filters · {cost}"


def collect_tasks(run: Run) -> list[Task]:
    """All tasks of the source, each once.

    Raises:
        UserError: there are none for the teacher, or none that a method is for.
    """
    recipe = run.recipe
    tasks: dict[str, Task] = {}
    repeated = other = 0
    for task in recipe.source.tasks(recipe.evaluation.split, recipe.evaluation.limit):
        first = tasks.setdefault(task.id, task)
        repeated += first is not task
        other += first.answer != task.answer
    if repeated:
        print(
            f"note: {repeated} rows repeat an earlier one and are left out, {other} of them with another answer",
            file=sys.stderr,
        )
    if not any(task.split in ASKED_SPLITS for task in tasks.values()):
        raise UserError(f"{run.recipe.name}: the source holds no tasks for the teacher", "Look at source in the recipe.")
    if not any(method.covers(task) for method in recipe.methods for task in tasks.values()):
        kinds = ", ".join(sorted({task.kind for task in tasks.values()}))
        raise UserError(f"{run.recipe.name}: no method is for tasks of kind {kinds}", "Look at methods.N.kinds.")
    return list(tasks.values())


def demonstration_bank(tasks: Iterable[Task]) -> list[Task]:
    """The training tasks that may serve as demonstrations: the first of every kind."""
    bank: dict[str, list[Task]] = {}
    for task in tasks:
        if task.split == "train" and len(bank.setdefault(task.kind, [])) < BANK + 1:
            bank[task.kind].append(task)
    return [task for kind in bank.values() for task in kind]


def _plan(run: Run, tasks: list[Task]) -> list[tuple[Task, list[int]]]:
    """Each task with the numbers of the methods that are for it."""
    left = [method.limit for method in run.recipe.methods]
    work = []
    for task in tasks:
        numbers = []
        for number, method in enumerate(run.recipe.methods):
            if method.covers(task) and left[number] != 0:
                numbers.append(number)
                if (limit := left[number]) is not None:
                    left[number] = limit - 1
        if numbers:
            work.append((task, numbers))
    return work


async def _harvest(run: Run, task: Task, numbers: list[int], bank: list[Task]) -> Harvest:
    """Puts one task through its methods."""
    harvest = Harvest()
    for number in numbers:
        responses: list[Response] = []

        async def ask(
            prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
            landed: list[Response] = responses,
        ) -> Response:  # fmt: skip
            response = await run.ask(prompt, task=task, sample=sample, sampling=sampling, role=role)
            landed.append(response)
            return response

        harvest.samples += [sample async for sample in run.recipe.methods[number].distil(task, ask, bank)]
        harvest.responses += sorted(responses, key=lambda each: (each.template, each.sample, each.key))
    row_filters = [each for each in run.recipe.filters if isinstance(each, RowFilter)]
    harvest.passed = sum(_passes(row_filters, task, sample) for sample in harvest.samples)
    return harvest


def _passes(filters: Sequence[RowFilter], task: Task, sample: Sample) -> bool:
    fitting = [each for each in filters if each.kinds is None or task.kind in each.kinds]
    return all(each.judge(task, sample).decision == "keep" for each in fitting)


async def in_order(
    items: Iterable[In], work: Callable[[In], Coroutine[Any, Any, Out]], width: int
) -> AsyncGenerator[Out, None]:
    """Results in the order of the items, with `width` of them at work: memory stays flat however many there are.

    When a budget ends the work, what is in flight is awaited first, since it is paid for.
    """
    at_work: deque[asyncio.Task[Out]] = deque()
    try:
        for item in items:
            at_work.append(asyncio.create_task(work(item)))
            if len(at_work) >= width:
                yield await at_work.popleft()
        while at_work:
            yield await at_work.popleft()
    except BudgetReached:
        await asyncio.gather(*at_work, return_exceptions=True)
        raise
    finally:
        for each in at_work:
            each.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)

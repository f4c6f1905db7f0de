"""Tasks to samples: reads the source, asks the teacher by every method, writes `1_tasks`, `2_responses` and `3_samples`.

The three tables appear together when all is asked. Until then what landed is in the store, so a second start asks only for
what is missing. Rows are written in the order of the tasks, whatever order replies came in.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from pipeline.errors import UserError
from pipeline.identity import file_hash
from pipeline.methods.demonstrations import BANK
from pipeline.methods.distillation import MADE
from pipeline.progress import Progress
from pipeline.publication import Publication
from pipeline.records import Response, Task
from pipeline.run import Run
from pipeline.stages.growing import Crop, grow, growths
from pipeline.stages.harvest import ASKED_SPLITS, Harvest, Plan, check_methods, harvest
from pipeline.stages.live import Live
from pipeline.student.tokens import token_counter
from pipeline.tables import CORPORA, remove_tables, table_path
from pipeline.terminal import complain

DOWNSTREAM = ("4_verdicts", "4_judgements", *CORPORA, "6_items", "6_evaluation")
"""Tables that speak of older samples once there are new ones."""
INPUTS = ("1_tasks", "3_samples")
"""What they are made of."""
AHEAD, AT_ONCE, MOST_WAITING = 4, 16, 1024
"""Of `in_order`: results kept for their turn, in widths; tasks begun at a time; tasks beyond those in flight."""
In = TypeVar("In")
Out = TypeVar("Out")


async def generate(run: Run) -> None:
    """Makes the first three tables. Tasks are written first and read back while they are asked, so memory stays flat.

    Raises:
        UserError: the source is empty or broken, a template is, or the teacher cannot be asked.
        BudgetReached: a ceiling was met; what landed is kept.
    """
    check_methods(run)
    token_counter(run.recipe.student.model)  # what selection will count with had better be there before money is spent
    bank, work, before = Bank(), 0, _inputs(run)
    with Publication(run.folder, "1_tasks", "2_responses", "3_samples") as new:
        planned, seeds = Plan(run.recipe), list[Task]()
        for task in source_tasks(run):
            new["1_tasks"].append(task)
            bank.show(task)
            work += bool(planned.methods_for(task))
            if growths(run):
                seeds.append(task)
        async with run.door:
            crop = await grow(run, seeds)
            for task in crop.tasks.values():
                new["1_tasks"].append(task)
                work += bool(planned.methods_for(task) or task.id in crop.samples)
            new["1_tasks"].complete()
            await _ask_all(run, new["1_tasks"].read_back(Task), work, bank.tasks(), crop, new)
        if before != [new[name].content_hash() for name in INPUTS]:
            remove_tables(run.folder, *DOWNSTREAM)
    run.write_attempts(crop.notes)
    run.write_recipe("source", "teacher", "methods")


def _inputs(run: Run) -> list[str] | None:
    """Names what the tables after these are made of, where it is there."""
    paths = [table_path(run.folder, name) for name in INPUTS]
    return [file_hash(path) for path in paths] if all(path.is_file() for path in paths) else None


async def _ask_all(run: Run, tasks: Iterable[Task], total: int, bank: list[Task], crop: Crop, new: Publication) -> None:
    """Puts all tasks through their methods and writes down what they bring, in their order, behind what came with them.

    Raises:
        UserError: no call gave a sample.
    """
    model, planned = run.model("teacher"), Plan(run.recipe)
    live, made, errors = Live(run, crop.yields), 0, Counter[str]()
    shared: dict[str, set[str]] = {task.id: set() for task in bank}
    """Keys written of replies about tasks of the bank: others may ask about these, too, as C-ICL does."""

    def note(response: Response) -> None:
        told = shared.get(response.task_id, set())
        if response.key not in told:
            told.add(response.key)
            new["2_responses"].append(response)
            errors[_why_no_sample(response)] += 1

    async def work_on(job: tuple[Task, list[int]]) -> Harvest:
        brought = await harvest(run, *job, bank, yields=live.yields)
        if made := crop.samples.get(job[0].id):
            brought.samples[:0] = made
            brought.passed += crop.passed[job[0].id]
        progress.advance()
        return brought

    jobs = ((task, planned.methods_for(task)) for task in tasks)
    work = (job for job in jobs if job[1] or job[0].id in crop.samples)
    for response in crop.responses:
        note(response)
    async with (
        Progress(f"asking {model.name}", total, facts=live.facts) as progress,
        aclosing(in_order(work, work_on, window(model.in_flight))) as harvests,
    ):
        async for brought in harvests:
            for response in brought.responses:
                note(response)
            made += len(brought.samples)
            for sample in brought.samples:
                new["3_samples"].append(sample)
    if not made and not errors:
        raise UserError(
            f"{run.recipe.name}: nobody was asked: no method of the recipe found in its tasks what it works on",
            "What each needs stands in `distill methods`; `distill preview` shows what it would ask.",
        )
    if not made:
        error, count = max(errors.items(), key=itemgetter(1))
        raise UserError(
            f"{model.name}: none of {errors.total()} calls gave a sample; {count} times: {error}",
            "Mend what is complained of; the tables are as they were. If a few were refused through the endpoint's own fault, "
            "`distill store prune --errors` forgets them.",
        )


def _why_no_sample(response: Response) -> str:
    unread = "a reply that the method could not use" if (response.text or "").strip() else "an empty reply"
    return response.error or unread


def source_tasks(run: Run) -> Iterator[Task]:
    """All tasks of the source, each once, and behind them those of the benchmarks, before which training tasks give way.

    Raises:
        UserError: a benchmark cannot be read; at the end, where there were none for the teacher, or none that a method is for.
    """
    benchmarks = _benchmark_tasks(run)
    reserved = {(task.context, task.prompt) for task in benchmarks.values()}
    answers: dict[int, int] = {}
    """What is remembered of a task, as two numbers: a hundred bytes a task."""
    repeated = other = asked = covered = solved = given_way = 0
    kinds: set[str] = set()
    for task in run.recipe.source.tasks(run.recipe.evaluation.split, run.recipe.evaluation.limit):
        if task.split in ASKED_SPLITS and (task.context, task.prompt) in reserved:
            given_way += 1
            continue
        name, answer = int(task.id, 16), hash(task.answer)
        if name in answers:
            repeated += 1
            other += answers[name] != answer
            continue
        answers[name] = answer
        kinds.add(task.kind)
        asked += task.split in ASKED_SPLITS
        solved += task.split in ASKED_SPLITS and task.answer is not None
        covered += task.split in ASKED_SPLITS and any(method.covers(task) for method in run.recipe.methods)
        yield task
    yield from (task for name, task in benchmarks.items() if int(name, 16) not in answers)
    if given_way:
        complain(f"note: {given_way} tasks for the teacher are items of a benchmark and are left out")
    if repeated:
        complain(
            f"note: {repeated} rows repeat an earlier one and are left out, {other} of them with another answer",
        )
    if not asked:
        raise UserError(f"{run.recipe.name}: the source holds no tasks for the teacher", "Look at source in the recipe.")
    if not covered:
        unsolved = " None of them has an answer, which some methods need: name it in source.fields." if not solved else ""
        raise UserError(
            f"{run.recipe.name}: no method is for the tasks the teacher may be asked about",
            f"Kinds there are: {', '.join(sorted(kinds))}. Look at methods.N.kinds, and at source.limit.{unsolved}",
        )


def _benchmark_tasks(run: Run) -> dict[str, Task]:
    """The items of the recipe's benchmarks by id."""
    evaluation = run.recipe.evaluation
    return {task.id: task for benchmark in evaluation.benchmarks for task in benchmark.tasks(evaluation.limit)}


class Bank:
    """The training tasks that may serve as demonstrations: the first of every kind."""

    def __init__(self) -> None:
        self._tasks: dict[str, list[Task]] = {}

    def show(self, task: Task) -> None:
        """Takes the task in, if there is room for it."""
        is_made = task.source.startswith(MADE)  # the evaluation reads these, too, and must show what training showed
        if task.split == "train" and not is_made and len(self._tasks.setdefault(task.kind, [])) < BANK + 1:
            self._tasks[task.kind].append(task)

    def tasks(self) -> list[Task]:
        return [task for kind in self._tasks.values() for task in kind]


def demonstration_bank(tasks: Iterable[Task]) -> list[Task]:
    """The bank of these tasks."""
    bank = Bank()
    for task in tasks:
        bank.show(task)
    return bank.tasks()


def window(in_flight: int) -> int:
    """How many tasks may be at work where so many calls may be in flight: some wait for their turn, or to be tried again."""
    return in_flight + min(3 * in_flight, MOST_WAITING)


async def in_order(
    items: Iterable[In], work: Callable[[In], Coroutine[Any, Any, Out]], width: int
) -> AsyncGenerator[Out, None]:
    """Results in the order of the items, with `width` of them at work: memory stays flat however many there are.

    Where one takes long, up to `AHEAD` times as many that come after it are finished meanwhile and kept for their turn.
    """
    waiting: deque[asyncio.Task[Out]] = deque()
    left, at_work, news = iter(items), 0, asyncio.Event()
    failed: list[asyncio.Task[Out]] = []

    def finished(task: asyncio.Task[Out]) -> None:
        nonlocal at_work
        at_work -= 1
        news.set()
        if not task.cancelled() and task.exception():
            failed.append(task)

    try:
        while True:
            room = min(width - at_work, AHEAD * width - len(waiting))
            some = list(islice(left, min(room, AT_ONCE)))
            for item in some:
                task = asyncio.create_task(work(item))
                task.add_done_callback(finished)
                waiting.append(task)
                at_work += 1
            if failed:
                failed[0].result()
            if not waiting:
                return
            if len(some) == AT_ONCE < room:  # the first are sent before the last are thought of
                await asyncio.sleep(0)
                continue
            if not waiting[0].done():
                news.clear()
                await news.wait()
            while waiting and waiting[0].done():
                yield waiting.popleft().result()
    finally:
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

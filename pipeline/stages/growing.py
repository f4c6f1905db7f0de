"""The methods that make tasks: each gets the source's training tasks, and what it makes is kept where it is new.

In: a run whose source is read. Out: new tasks in the order they were made, each with its samples, and the replies they cost.
They are replayed from memory by every start, so nothing is written down on the way. A task that repeats one of the source, one
that was made before, or an item of the evaluation is not kept, and the method hears of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from pipeline.errors import UserError
from pipeline.methods.growth import Growth, Workshop
from pipeline.progress import Progress
from pipeline.records import Response, Sample, Task
from pipeline.run import Run
from pipeline.stages.harvest import ASKED_SPLITS, Recorder, Sieve, Yields
from pipeline.stages.live import Live
from pipeline.stages.school import TrainingSchool
from pipeline.stages.train import check_installed
from pipeline.terminal import complain


@dataclass
class Crop:
    """What growing methods made."""

    tasks: dict[str, Task] = field(default_factory=dict)
    """By id, in the order they were made."""
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    """By the id of their task."""
    passed: Counter[str] = field(default_factory=Counter)
    """How many of these pass the row filters, by the id of their task."""
    responses: list[Response] = field(default_factory=list)
    repeated: int = 0
    """New tasks that were none."""
    yields: Yields = field(default_factory=Yields)
    """What the row filters let through."""
    notes: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    """By method and what was tried, how often it ended how."""


class Known:
    """What may not be made again: questions of the source and of the evaluation, by context and prompt."""

    def __init__(self) -> None:
        self._hashes: set[int] = set()

    def add(self, task: Task) -> bool:
        """Takes a task in; whether it is new."""
        name = hash((task.context.strip(), task.prompt.strip()))
        new = name not in self._hashes
        self._hashes.add(name)
        return new


def growths(run: Run) -> list[Growth]:
    """The methods of the recipe that make tasks, in its order."""
    return [method for method in run.recipe.methods if isinstance(method, Growth)]


async def grow(run: Run, tasks: Sequence[Task]) -> Crop:
    """Lets every growing method make its tasks.

    Args:
        tasks: those of the source, of all splits, and of the benchmarks.

    Raises:
        UserError: a method has nothing to begin with, or lacks what its student learns with; nobody was asked yet.
    """
    crop, known = Crop(), Known()
    for task in tasks:
        known.add(task)
    growing = [(method, _seeds(run, method, tasks)) for method in growths(run)]
    if any(method.trains for method, _ in growing):
        check_installed()
    entries = Counter[str]()
    for method, seeds in growing:
        entries[method.method] += 1
        recorder = Recorder(run.ask, method.longer)
        prefix = f"{entries[method.method]}." if entries[method.method] > 1 else ""
        workshop = Workshop(recorder, TrainingSchool(run, _splits(seeds, crop), prefix))
        live = Live(run, crop.yields)
        async with Progress(f"{method.method}: tasks made", method.tasks, facts=live.facts) as progress:
            await _grow(run, method, seeds, workshop, known, crop, progress)
        told = {(each.key, each.task_id) for each in crop.responses}
        for each in recorder.responses():  # a question put twice about a task is one call
            if (each.key, each.task_id) not in told:
                told.add((each.key, each.task_id))
                crop.responses.append(each)
        for what, outcomes in workshop.notes.items():
            crop.notes.setdefault(method.method, {}).setdefault(what, Counter()).update(outcomes)
        complain(*_told(method.method, workshop))
        if method.tasks and progress.done < method.tasks and not run.door.tally.owed:
            many = f"{progress.done} of {method.tasks} tasks"
            complain(f"note: {method.method} ended with {many}: its rounds are over, or brought nothing new")
    return crop


def _seeds(run: Run, method: Growth, tasks: Sequence[Task]) -> list[Task]:
    """The tasks a method begins with.

    Raises:
        UserError: there are none.
    """
    seeds = [task for task in tasks if task.split in ASKED_SPLITS and method.covers(task)][: method.limit]
    if not seeds:
        raise UserError(
            f"{run.recipe.name}: {method.method} has no task to begin with", "Look at its `kinds` in the recipe, and at source."
        )
    return seeds


def _splits(seeds: Sequence[Task], crop: Crop) -> Callable[[str], str]:
    """The split of a task that was there or was made."""
    known = {task.id: task.split for task in seeds}
    return lambda name: known.get(name) or crop.tasks[name].split


def _told(name: str, workshop: Workshop) -> list[str]:
    """What became of all that was tried: `evol_instruct: deepen: 40 survived, 9 equal`."""
    return [
        f"{name}: {what}: {', '.join(f'{count} {how}' for how, count in sorted(outcomes.items(), key=lambda each: -each[1]))}"
        for what, outcomes in workshop.notes.items()
    ]


async def _grow(
    run: Run, method: Growth, seeds: Sequence[Task], workshop: Workshop, known: Known, crop: Crop, progress: Progress
) -> None:
    """Takes what one method makes until it has made enough: the sample behind its last task is still taken."""
    sieves: dict[str, Sieve] = {}
    given = {task.id: task for task in seeds}
    word: bool | None = None
    made = method.grow(seeds, workshop)
    async with aclosing(made):
        with suppress(StopAsyncIteration):
            while True:
                each = await made.asend(word)
                if isinstance(each, Task):
                    if progress.done == method.tasks:
                        return
                    word = known.add(each)
                    crop.repeated += not word
                    if word:
                        crop.tasks[each.id] = each
                        progress.advance()
                    continue
                task = crop.tasks.get(each.task_id) or given[each.task_id]
                word = sieves.setdefault(task.id, Sieve(run.recipe, task, crop.yields))(each)
                if all(each.id != other.id for other in crop.samples.setdefault(task.id, [])):  # two entries may ask the same
                    crop.samples[task.id].append(each)
                    crop.passed[task.id] += word

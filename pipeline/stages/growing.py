"""The methods that make tasks: each gets the source's training tasks, and what it makes is kept where it is new.

In: a run whose source is read. Out: new tasks in the order they were made, each with its samples, and the replies they cost.
They are replayed from memory by every start, so nothing is written down on the way. A task that repeats one of the source, one
that was made before, or an item of the evaluation is not kept, and the method hears of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from pipeline.errors import UserError
from pipeline.methods.growth import Growth, Workshop
from pipeline.progress import Progress
from pipeline.records import Response, Sample, Task
from pipeline.run import Run
from pipeline.stages.harvest import ASKED_SPLITS, Recorder, Sieve


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
        UserError: a method has nothing to begin with.
    """
    crop, known = Crop(), Known()
    for task in tasks:
        known.add(task)
    for method in growths(run):
        seeds = [task for task in tasks if task.split in ASKED_SPLITS and method.covers(task)][: method.limit]
        if not seeds:
            raise UserError(
                f"{run.recipe.name}: {method.method} has no task to begin with",
                "Look at its `kinds` in the recipe, and at source.",
            )
        recorder = Recorder(run.ask, method.longer)
        with Progress(f"{method.method}: tasks made", method.tasks or len(seeds)) as progress:
            await _grow(run, method, seeds, Workshop(recorder), known, crop, progress)
        crop.responses += recorder.responses()
    return crop


async def _grow(
    run: Run, method: Growth, seeds: Sequence[Task], workshop: Workshop, known: Known, crop: Crop, progress: Progress
) -> None:
    sieves: dict[str, Sieve] = {}
    word: bool | None = None
    made = method.grow(seeds, workshop)
    async with aclosing(made):
        with suppress(StopAsyncIteration):
            while True:
                each = await made.asend(word)
                if isinstance(each, Task):
                    word = known.add(each)
                    crop.repeated += not word
                    if word:
                        crop.tasks[each.id] = each
                        progress.advance()
                    continue
                task = crop.tasks[each.task_id]
                crop.samples.setdefault(task.id, []).append(each)
                word = sieves.setdefault(task.id, Sieve(run.recipe, task))(each)
                crop.passed[task.id] += word

"""What the models are evaluated on: items of the source's splits and of further benchmarks, and those changed on purpose.

In: a run with its tasks, and its training examples where there are any. Out: items in order, and the prompt each is put in. An
item that somebody trained on, an empty split or a field that no item has is refused before an hour of training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from pipeline.benchmarks.benchmark import AnyBenchmark
from pipeline.errors import UserError
from pipeline.methods.union import Method
from pipeline.prompts import Prompt, render
from pipeline.records import Item, Task
from pipeline.run import Run
from pipeline.stages.changes import changed
from pipeline.stages.generate import Bank
from pipeline.stages.harvest import ASKED_SPLITS
from pipeline.tables import CORPORA, read_frame, read_rows, table_path
from pipeline.terminal import complain

SHOWN = 3
"""Ids that an error names."""


@dataclass
class _Tasks:
    """What `1_tasks` holds for an evaluation."""

    fitting: dict[str, list[Task]]
    """The tasks of each evaluation split that a method covers, as many as are wanted."""
    splits: Counter[str] = field(default_factory=Counter)
    known: set[str] = field(default_factory=set)
    """Ids of all tasks that were kept from the teacher, and out of the corpus."""
    bank: Bank = field(default_factory=Bank)


def evaluation_items(run: Run) -> tuple[list[Item], list[Task]]:
    """Every item of the run, each benchmark's in turn, and the tasks that may serve as demonstrations.

    Raises:
        UserError: a split is empty, a benchmark cannot be read, an item is in the corpus, or no item has the field `by`.
    """
    tasks = _read_tasks(run)
    items = [*_of_splits(run, tasks), *_of_benchmarks(run, tasks)]
    variants = list(_variants(run, items))
    trained = _trained(run, [*items, *variants])
    _check_apart(run, items, trained)
    items += (variant for variant in variants if variant.id not in trained)
    _check_levels(run, items)
    return items, tasks.bank.tasks()


def prompt_for(run: Run, item: Item, bank: list[Task], of_teacher: bool) -> Prompt:
    """An item as a model is asked it: as the student is trained, or as the teacher was asked."""
    method = method_for(run, item)
    if method is not None:
        return (method.teacher_prompt if of_teacher else method.student_prompt)(item, bank)
    benchmark = _benchmark(run, item.benchmark)
    assert benchmark is not None, "an item of a split is covered by a method"
    return render(benchmark.template, item)


def method_for(run: Run, item: Item) -> Method | None:
    """The method that says how an item is put: the first that covers its kind.

    A benchmark with a template of its own is put by that, to all alike, unless a method names its kind.
    """
    benchmark = _benchmark(run, item.benchmark)
    own = benchmark is not None and type(benchmark).template != AnyBenchmark.template
    return first_method(run, item, named=own)


def level(run: Run, item: Item) -> str | None:
    """How hard the item is, by the field that the recipe names."""
    by = run.recipe.evaluation.by
    return str(item.extra[by]) if by and item.extra.get(by) is not None else None


def _benchmark(run: Run, name: str) -> AnyBenchmark | None:
    return next((each for each in run.recipe.evaluation.benchmarks if each.benchmark == name), None)


def first_method(run: Run, task: Task, named: bool = False) -> Method | None:
    """The first method that covers a task, or that names its kind."""
    return next((method for method in run.recipe.methods if method.covers(task) and (method.kinds or not named)), None)


def _read_tasks(run: Run) -> _Tasks:
    evaluation = run.recipe.evaluation
    tasks = _Tasks({split: [] for split in evaluation.split})
    for task in read_rows(run.folder, "1_tasks", Task):
        tasks.bank.show(task)
        tasks.splits[task.split] += 1
        if task.split not in ASKED_SPLITS:
            tasks.known.add(task.id)
        some = tasks.fitting.get(task.split)
        if some is not None and (evaluation.limit is None or len(some) < evaluation.limit) and first_method(run, task):
            some.append(task)
    return tasks


def _of_splits(run: Run, tasks: _Tasks) -> Iterator[Item]:
    for split, fitting in tasks.fitting.items():
        if not fitting:
            raise UserError(
                f"evaluation.split: there are no tasks of the split {split!r} in {run.folder}",
                f"Splits there are: {', '.join(sorted(tasks.splits))}; evaluation.split may be dev, too.",
            )
        for task in fitting:
            yield Item(**task.__dict__, benchmark=f"{task.source}:{split}".replace("+", "_"))  # + stands before a change


def _of_benchmarks(run: Run, tasks: _Tasks) -> Iterator[Item]:
    """Read from the benchmark itself, so that one may be added when the corpus is there."""
    for benchmark in run.recipe.evaluation.benchmarks:
        found = list(benchmark.tasks(run.recipe.evaluation.limit))
        if not found:
            raise UserError(f"evaluation.benchmarks: {benchmark.benchmark} has no items", "Look at its path in the recipe.")
        if strangers := sum(task.id not in tasks.known for task in found):
            complain(
                f"note: {strangers} of {len(found)} items of {benchmark.benchmark} were not known when the corpus was made: "
                f"only equal questions were looked for. `make generate RECIPE={run.recipe.name}` looks for similar ones.",
            )
        yield from (Item(**task.__dict__, benchmark=benchmark.benchmark) for task in found)


def _variants(run: Run, items: Iterable[Item]) -> Iterator[Item]:
    """The items of the source's splits, changed in each way the recipe names, where that can be done."""
    originals = [item for item in items if _benchmark(run, item.benchmark) is None]
    for change in run.recipe.evaluation.changes:
        made = {new.id: (new, item) for item in originals if (new := changed(item, change))}
        if not made:
            complain(f"note: none of {len(originals)} items can be changed by {change}")
        for new, item in made.values():
            fields = {name: getattr(new, name) for name in Task.model_fields}
            yield Item(**fields, benchmark=f"{item.benchmark}+{change}", original=item.id, change=change)


def _trained(run: Run, items: Iterable[Item]) -> set[str]:
    """Ids of the items that somebody trains on; a benchmark's item is, too, where a task of another kind asks the same."""
    taught: set[str] = set()
    for name in CORPORA:
        if table_path(run.folder, name).exists():
            rows = read_frame(run.folder, name, ["task_id", "split"]).filter(pl.col("split") == "train")
            taught |= set(rows["task_id"])
    tasks = read_frame(run.folder, "1_tasks", ["id", "context", "prompt"]).filter(pl.col("id").is_in(list(taught)))
    questions = set(tasks.select("context", "prompt").iter_rows())
    same = {item.id for item in items if item.split == item.benchmark and (item.context, item.prompt) in questions}
    return same | {item.id for item in items if item.id in taught}


def _check_apart(run: Run, items: Iterable[Item], trained: set[str]) -> None:
    """Makes sure that nobody is evaluated on what it was trained on."""
    for benchmark, ids in _by_benchmark(item for item in items if item.id in trained).items():
        name, some = run.recipe.name, ", ".join(ids[:SHOWN])
        more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
        raise UserError(
            f"{benchmark}: {len(ids)} of its items are training examples of {name}: {some}{more}",
            f"`make generate RECIPE={name}` again takes a benchmark's items out of the corpus, and pays for nothing twice; "
            "then train again. A split of the source must be one that is kept for evaluation.",
        )


def _by_benchmark(items: Iterable[Item]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for item in items:
        ids.setdefault(item.benchmark, []).append(item.id)
    return ids


def _check_levels(run: Run, items: Iterable[Item]) -> None:
    by = run.recipe.evaluation.by
    fields = {name for item in items for name in item.extra}
    if by and by not in fields:
        raise UserError(
            f"evaluation.by: no item has a field {by!r}", f"Fields there are: {', '.join(sorted(fields)) or 'none'}."
        )

"""Which items of the evaluation stand in the examples that the students learned from, whatever filters there were.

In: the items of `6_items` as they were published, and the samples of which `5_corpus` has training examples. Out: for each
benchmark how many items an example holds, by the words of `not_contaminated` itself: with the recipe's thresholds, or with the
filter's own where the recipe has no such filter. That filter tells of the one item that a sample covers most of, so the samples
it drops are looked at again without the items that were found, until nothing more is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters.not_contaminated import NotContaminated, leak_of
from pipeline.recipe import read_yaml
from pipeline.records import Item, Task
from pipeline.shards import Flags, Shards, SurvivingRows, read_shards
from pipeline.tables import read_frame, read_rows, table_path

NAME: Literal["not_contaminated"] = "not_contaminated"
TABLES = ("1_tasks", "3_samples", "5_corpus", "6_items")
"""What it takes to look."""


@dataclass(frozen=True)
class Leakage:
    """What was found, and by which measure."""

    measure: NotContaminated
    of_recipe: bool
    """Whether its thresholds are the recipe's."""
    trained: int
    """Training examples."""
    examples: int
    """Those of them that hold an item."""
    benchmarks: Counter[str]
    """Items of each benchmark."""
    found: Counter[str]
    """Those of its items that an example holds, by benchmark."""


class _Against(SurvivingRows):
    """Samples that are compared with some tasks instead of the run's own."""

    def __init__(self, shards: Shards, survives: Flags, tasks: list[Task]) -> None:
        super().__init__(shards, survives)
        self._tasks = tasks

    def tasks(self) -> Iterator[Task]:
        return iter(self._tasks)


def read_leakage(folder: Path) -> Leakage | None:
    """What of the evaluation stands in the corpus; None where a table for it is not there.

    Raises:
        UserError: a table cannot be read.
    """
    if not all(table_path(folder, name).exists() for name in TABLES):
        return None
    benchmarks: Counter[str] = Counter()
    texts: dict[tuple[str, str, str | None], list[str]] = {}
    for item in read_rows(folder, "6_items", Item):
        if item.change is None:
            benchmarks[item.benchmark] += 1
            texts.setdefault((item.context, item.prompt, item.answer), []).append(item.benchmark)
    trained, (measure, filtered) = _trained(folder), _measure(folder)
    tasks = [_numbered(place, *text) for place, text in enumerate(texts)]
    examples, found = _leaked(read_shards(folder), trained, tasks, measure)
    names = Counter(name for place, each in enumerate(texts.values()) if place in found for name in each)
    return Leakage(measure, filtered, int(trained.sum()), examples, benchmarks, names)


def _leaked(shards: Shards, trained: Flags, tasks: list[Task], measure: NotContaminated) -> tuple[int, set[int]]:
    """How many of the samples hold one of the tasks or more, and the ids of the tasks, which are numbers, that one holds."""
    found: set[int] = set()
    holding = 0
    survives = trained
    while survives.any():
        left = [task for task in tasks if int(task.id) not in found]
        words = list(measure.judge_all(_Against(shards, survives, left)))
        dropped = np.array([word.decision == "drop" for word in words])
        found |= {int(leak.item) for word in words if word.decision == "drop" and (leak := leak_of(word.detail))}
        holding = holding or int(dropped.sum())
        survives = survives.copy()
        survives[np.flatnonzero(survives)[~dropped]] = False
    return holding, found


def _numbered(place: int, context: str, prompt: str, answer: str | None) -> Task:
    """A text of an item as a task that is kept for evaluation, called by its place."""
    given = {"source": "evaluation", "split": "evaluation", "kind": "item"}
    return Task(id=str(place), context=context, prompt=prompt, answer=answer, **given)


def _trained(folder: Path) -> Flags:
    """Of each sample, whether there is a training example of it."""
    examples = read_frame(folder, "5_corpus", ["sample_id", "split"]).filter(pl.col("split") == "train")
    samples = read_frame(folder, "3_samples", ["id"])
    flags: Flags = samples["id"].is_in(examples["sample_id"].implode()).to_numpy()
    return flags


def _measure(folder: Path) -> tuple[NotContaminated, bool]:
    """The filter with the thresholds of the recipe, of all kinds of tasks and without files; with its own where there are none.

    Of the recipe only this filter is read: one that an older version wrote may not be valid in other parts.
    """
    with suppress(UserError, OSError, ValidationError):
        for each in read_yaml(folder / "recipe.yaml").get("filters") or []:
            if isinstance(each, dict) and each.get("filter") == NAME:
                return NotContaminated.model_validate(each | {"benchmarks": ()}), True
    return NotContaminated(filter=NAME), False

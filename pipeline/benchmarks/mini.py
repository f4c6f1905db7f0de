"""Stories of one step from the mini world, which its student knows before it is taught: what it keeps is its retention.

A row: "Jane saves 15 coins. She divides the coins by 3 and keeps one part. How many coins are in the box now?" -> 5. The splits
of the mini source have two to seven steps, so that none of these can stand there; like theirs, no model was trained on these.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from typing import ClassVar, Literal

from pipeline.benchmarks.benchmark import AnyBenchmark
from pipeline.mini.world import problem_item
from pipeline.records import Task
from pipeline.sources.mini import EVALUATION_SEED, to_task

ITEMS = 500
"""Where nobody says how many."""


class Mini(AnyBenchmark):
    """Stories of one step, held out."""

    source: ClassVar[str] = "made by this project"
    benchmark: Literal["mini:single"]
    """What the mini student could do before; the name tells it from the splits of the source, `mini:test` and `mini:ood`."""

    def tasks(self, limit: int | None) -> Iterator[Task]:
        return super().tasks(limit or ITEMS)

    def all_tasks(self) -> Iterator[Task]:
        stories = (problem_item(random.Random(f"{EVALUATION_SEED}/single/{number}"), 1) for number in count())
        return (to_task(item, self.benchmark) for item in stories if item.held_out)

"""What every benchmark has: a name, where it comes from, its items as tasks, and how models are asked that no method covers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

from pipeline.records import Frozen, Limit, Task


class AnyBenchmark(Frozen, ABC):
    """A benchmark's parameters; those named here are common to all."""

    source: ClassVar[str]
    """Paper, repository and licence."""
    template: ClassVar[str] = "benchmark/question"
    """The template by which its items are put, to all models alike, where no method of the recipe covers their kind."""
    benchmark: str
    """Which benchmark it is."""
    limit: Limit | None = None
    """At most so many items; `evaluation.limit` unless said."""

    def tasks(self, limit: int | None) -> Iterator[Task]:
        """Its first items, each once, their split named after it (such as `svamp`), so that no training task is taken for one.

        Args:
            limit: at most so many, where the benchmark's own `limit` says nothing.

        Raises:
            UserError: its data are not there or cannot be read.
        """
        return islice(_each_once(self.all_tasks()), self.limit or limit)

    @abstractmethod
    def all_tasks(self) -> Iterator[Task]:
        """Its items in their order."""


def _each_once(tasks: Iterator[Task]) -> Iterator[Task]:
    seen: set[str] = set()
    for task in tasks:
        if task.id not in seen:
            seen.add(task.id)
            yield task

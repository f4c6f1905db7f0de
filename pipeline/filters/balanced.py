"""Keeps at most so many samples of each task, and levels tasks or kinds that have more than the median.

Rejection sampling yields many right replies to easy tasks and few to hard ones; training on all of them teaches the easy ones.
Capping every task evens that out (Yuan et al. 2023; the balanced training files of Li et al. 2023). The cap is `per_task`, and
with `level: task` also the median number of samples a task has. With `level: kind` no kind keeps more than the median kind has:
it gives up second and later samples before any task loses its first. Among equals the earlier stays; nothing is drawn by lot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median_low
from typing import ClassVar, Literal

from pydantic import PositiveInt, model_validator

from pipeline.filters.verdicts import Survivors, TableFilter, Word, drop, keep

Rank = int
"""How many samples of the same task come before, from 0."""


class Balanced(TableFilter):
    """Within the number its task and its kind may have; the score is its place among its task's samples, from 1."""

    source: ClassVar[str] = "Yuan et al. 2023, RFT, arXiv 2308.01825; Li et al. 2023, SCoTD, arXiv 2306.14050"
    filter: Literal["balanced"]
    """Within its task's share."""
    per_task: PositiveInt | None = 4
    """At most so many of each task; as many as there are where empty."""
    level: Literal["task", "kind"] | None = None
    """What is brought down to the median number of samples; of an even number of counts, the lower of the middle two."""

    @model_validator(mode="after")
    def _does_something(self) -> Balanced:
        if self.per_task is None and self.level is None:
            raise ValueError("per_task and level are both empty, so nothing would be balanced")
        return self

    def judge_all(self, survivors: Survivors) -> Iterator[Word]:
        cap = self._cap(survivors)
        quotas = self._quotas(survivors, cap) if self.level == "kind" else {}
        taken: Counter[str] = Counter()
        for kind, rank in ranked(survivors):
            quota = quotas.get(kind)
            if cap is not None and rank >= cap:
                yield drop("more than its task may have", rank + 1, f"number {rank + 1} of its task, at most {cap}")
            elif quota and not quota.has_room(rank, taken[kind]):
                yield drop("more than its kind may have", rank + 1, f"number {rank + 1} of its task, of kind {kind}"[:200])
            else:
                taken[kind] += quota is not None and rank == quota.last
                yield keep("within its share", rank + 1)

    def _cap(self, survivors: Survivors) -> int | None:
        """The most samples of a task that may stay."""
        if self.level != "task" or not len(survivors):
            return self.per_task
        of_task: Counter[str] = Counter()
        for frame in survivors.frames():
            of_task.update(frame["task_id"].to_list())
        median = median_low(of_task.values())
        return median if self.per_task is None else min(median, self.per_task)

    def _quotas(self, survivors: Survivors, cap: int | None) -> dict[str, Quota]:
        """How many samples of which rank each kind may keep, once every task is capped."""
        ranks: dict[str, Counter[Rank]] = {}
        for kind, rank in ranked(survivors):
            if cap is None or rank < cap:
                ranks.setdefault(kind, Counter())[rank] += 1
        median = median_low([each.total() for each in ranks.values()]) if ranks else 0
        return {kind: Quota.of(median, each) for kind, each in ranks.items()}


@dataclass(frozen=True)
class Quota:
    """All samples of a kind below rank `last`, and the first `room` of that rank."""

    last: Rank
    room: int

    @classmethod
    def of(cls, most: int, ranks: Counter[Rank]) -> Quota:
        """The quota that keeps `most` samples, lower ranks first."""
        last = 0
        while ranks[last] and most >= ranks[last]:
            most -= ranks[last]
            last += 1
        return cls(last, most)

    def has_room(self, rank: Rank, taken: int) -> bool:
        """Whether another sample may stay, when so many of rank `last` already do."""
        return rank < self.last or (rank == self.last and taken < self.room)


def ranked(survivors: Survivors) -> Iterator[tuple[str, Rank]]:
    """The kind of each sample's task, and its rank."""
    seen: Counter[str] = Counter()
    for task, _ in survivors.rows():
        yield task.kind, seen[task.id]
        seen[task.id] += 1

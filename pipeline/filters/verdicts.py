"""What filters have in common: a word on a sample, and the two shapes of filters.

An error, a time-out or an unreadable judgement is *unverifiable*: never keep, never drop, never a score in the range.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.records import Decision, Frozen, Sample, Task


@dataclass(frozen=True)
class Word:
    """What a filter says of one sample."""

    decision: Decision
    reason: str
    """A short phrase, the same for every sample decided so."""
    score: float | None = None
    detail: str = ""


def keep(reason: str, score: float | None = None, detail: str = "") -> Word:
    return Word("keep", reason, score, detail)


def drop(reason: str, score: float | None = None, detail: str = "") -> Word:
    return Word("drop", reason, score, detail)


def unverifiable(reason: str, detail: str = "") -> Word:
    return Word("unverifiable", reason, None, detail)


class Condition(Frozen):
    """A filter's thresholds; what is named here is common to all."""

    filter: str
    """Which filter it is."""
    kinds: tuple[str, ...] | None = None
    """The kinds of tasks it judges; all where empty. It says nothing of the others."""


class RowFilter(Condition, ABC):
    """Judges each sample by itself."""

    @abstractmethod
    def judge(self, task: Task, sample: Sample) -> Word:
        """The word on one sample."""


class TableFilter(Condition, ABC):
    """Judges the samples that no filter before it dropped, seen together and in their order."""

    @abstractmethod
    def judge_all(self, rows: Iterable[tuple[Task, Sample]]) -> Iterator[Word]:
        """A word on each row, in their order."""

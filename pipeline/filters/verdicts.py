"""What filters have in common: a word on a sample, and the four shapes of filters.

A row filter sees one sample, a group filter the samples of one task, a table filter all of them, an asking filter asks a model.
An error, a time-out or an unreadable judgement is *unverifiable*: never keep, never drop, never a score in the range.
"""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol, Self

import polars as pl
from pydantic import Field

from pipeline.errors import DistillError
from pipeline.llm.asking import Ask
from pipeline.llm.backends.models import AnyModel
from pipeline.records import Decision, Frozen, Sample, Task

Negatives = Literal["alike", "turned", "passed"]
"""What a filter makes of samples that show what is wrong: judges them as all others; keeps those it would drop and drops those
it would keep, as it tells right from wrong; or keeps them without a look, as it tells good from bad."""

NEGATIVE = "shows what is wrong"
"""The reason for keeping such a sample; how a turned word's reason begins."""


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

    source: ClassVar[str] = ""
    """The paper, section or repository that defines it, as `distill filters` prints it."""
    negatives: ClassVar[Negatives] = "alike"
    """What becomes of samples that show what is wrong."""
    filter: str
    """Which filter it is."""
    kinds: tuple[str, ...] | None = Field(None, min_length=1)
    """The kinds of tasks it judges; all where empty. It says nothing of the others."""

    @property
    def judges_every_sample(self) -> bool:
        """Whether no sample is without a word of it."""
        return False

    def is_for(self, task: Task) -> bool:
        return self.kinds is None or task.kind in self.kinds

    def for_student(self, student: str) -> Self:
        """The filter with what it takes from the student, where nothing else is said."""
        return self

    def rests_on(self) -> list[str]:
        """Names of what decides its words and stands in no recipe: the hash of a file it reads, of a tokenizer, of a model.

        Raises:
            UserError: something it needs is not there.
        """
        return []


class RowFilter(Condition, ABC):
    """Judges each sample by itself, in any process and order."""

    @property
    def judges_every_sample(self) -> bool:
        return self.kinds is None

    @abstractmethod
    def judge(self, task: Task, sample: Sample) -> Word:
        """The word on one sample."""


class GroupFilter(Condition, ABC):
    """Judges the samples of one task together, as many as no filter before it dropped."""

    @abstractmethod
    def judge_group(self, task: Task, samples: Sequence[Sample]) -> Sequence[Word]:
        """A word on each sample, in their order; there is at least one."""


class AskingFilter(Condition, ABC):
    """Judges the samples of one task, as many as no filter before it dropped, by asking a model through the door."""

    negatives: ClassVar[Negatives] = "passed"
    model: AnyModel | None = None
    """Who is asked; the recipe's teacher unless said."""

    @abstractmethod
    async def judge_asking(self, task: Task, samples: Sequence[Sample], ask: Ask) -> Sequence[Word]:
        """A word on each sample, in their order; a call that is owed or refused makes it unverifiable."""


class AsksOfEach(AskingFilter):
    """Asks about each sample by itself, about all of a task at once."""

    async def judge_asking(self, task: Task, samples: Sequence[Sample], ask: Ask) -> Sequence[Word]:
        return await asyncio.gather(*(self._judged(task, sample, ask) for sample in samples))

    @abstractmethod
    async def _judged(self, task: Task, sample: Sample, ask: Ask) -> Word:
        """The word on one sample."""


class Survivors(Protocol):
    """The samples that no filter before dropped, in the order of the tables; each walk reads them anew."""

    def __len__(self) -> int:
        """How many there are."""

    def rows(self) -> Iterator[tuple[Task, Sample]]:
        """Each with its task."""

    def frames(self) -> Iterator[pl.DataFrame]:
        """Some thousands at a time, as columns: id, task_id, prompt (all that the student reads, a blank line between two
        messages), reasoning (null where there is none) and target."""

    def tasks(self) -> Iterator[Task]:
        """Every task of the run, those kept for evaluation among them."""


class TableFilter(Condition, ABC):
    """Judges the samples that no filter before it dropped, seen together and in their order.

    One that fails ends the run: its words belong together, so it can say nothing of some samples alone.
    """

    @abstractmethod
    def judge_all(self, survivors: Survivors) -> Iterable[Word]:
        """A word on each, in their order."""


def filter_names(filters: Sequence[Condition]) -> list[str]:
    """Names of a recipe's filters in verdicts: their own, numbered from the second use on."""
    used: Counter[str] = Counter()
    names = []
    for each in filters:
        used[each.filter] += 1
        names.append(each.filter if used[each.filter] == 1 else f"{each.filter}_{used[each.filter]}")
    return names


def word_of(condition: RowFilter, task: Task, sample: Sample) -> Word:
    """The word of a row filter, whatever happens to it: one that fails says nothing of this sample, and harms no other."""
    return words_of(condition, task, [sample])[0]


def words_of(condition: RowFilter | GroupFilter, task: Task, samples: Sequence[Sample]) -> Sequence[Word]:
    """The words of a row or group filter, whatever happens to it."""
    seen = looked_at(condition, samples)
    try:
        if isinstance(condition, RowFilter):
            words: Sequence[Word] = [condition.judge(task, sample) for sample in seen]
        else:
            words = condition.judge_group(task, seen) if seen else []
    except Exception as error:
        words = [failed(error)] * len(seen)
    assert len(words) == len(seen), f"{condition.filter} gave {len(words)} words on {len(seen)} samples"
    return on_all(condition, samples, words)


def looked_at(condition: Condition, samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples that a filter judges: without those that show what is wrong, where it passes them."""
    return [sample for sample in samples if not sample.negative] if condition.negatives == "passed" else samples


def on_all(condition: Condition, samples: Sequence[Sample], words: Iterable[Word]) -> list[Word]:
    """A word on every sample, out of those on the samples that were looked at."""
    given = map(checked, words)
    if not any(sample.negative for sample in samples):
        return list(given)
    if condition.negatives == "passed":
        return [keep(NEGATIVE) if sample.negative else next(given) for sample in samples]
    turns = condition.negatives == "turned"
    return [turned(word) if turns and sample.negative else word for sample, word in zip(samples, given, strict=True)]


def turned(word: Word) -> Word:
    """The opposite word, of a sample that shows what is wrong; where nobody could tell, nobody can."""
    if word.decision == "unverifiable":
        return word
    decision: Decision = "drop" if word.decision == "keep" else "keep"
    return replace(word, decision=decision, reason=f"{NEGATIVE}: {word.reason}")


def checked(word: Word) -> Word:
    """The word, unless its score is no number: that decides nothing."""
    if word.score is not None and not math.isfinite(word.score):
        return unverifiable("the score is no number", f"{word.decision}: {word.reason}, {word.score}")
    return word


def failed(error: Exception) -> Word:
    """The word of a filter that failed; what the user can mend is raised instead."""
    if isinstance(error, DistillError):
        raise error
    return unverifiable("the filter failed", f"{type(error).__name__}: {error}"[:200])

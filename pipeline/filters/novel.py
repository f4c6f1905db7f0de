"""Keeps samples whose prompt (or target) is unlike all that were kept before: ROUGE-L against a pool, as in Self-Instruct.

The pool holds what was kept before, and the seeds where a file of them is named. Texts of one task are never compared with each
other; a prompt is judged once for all samples of its task. Two texts share at least as many words as their longest common
subsequence has, so counts of shared words bound the score, and only pairs that may be the most alike are compared in full: the
result is exact. The work grows with the square of the pool; see `pool` for what it costs.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt

from pipeline.filters.benchmarks import BenchmarkFields, BenchmarkFile, hash_of
from pipeline.filters.verdicts import Survivors, TableFilter, Word, drop, keep, unverifiable
from pipeline.records import Frozen, Sample, Task
from pipeline.settings import HomePath
from pipeline.texts.rouge import rouge_l, rouge_words

MOST_WORDS = 2_000
"""Words of a text that are compared: two texts of so many take a few milliseconds."""


class Seeds(Frozen):
    """Texts that are in the pool from the start."""

    path: HomePath
    """A file of JSON lines, a JSON list, CSV or Parquet."""
    field: str = "prompt"
    """The column that holds the text."""


class Novel(TableFilter):
    """Unlike all in the pool; the score is the highest ROUGE-L F with a text of it."""

    source: ClassVar[str] = "Wang et al. 2023, Self-Instruct, arXiv 2212.10560, section 2.2"
    filter: Literal["novel"]
    """Unlike earlier ones."""
    of: Literal["prompt", "target"] = "prompt"
    """What is compared: what was asked with its context, or what the student shall write."""
    rouge: float = Field(0.7, ge=0, le=1)
    """Highest ROUGE-L F with a text of the pool at which the sample stays."""
    seeds: Seeds | None = None
    """A file of texts that are in the pool from the start."""
    pool: PositiveInt = 20_000
    """Most texts in the pool: later ones are compared with these and join them no more. 10,000 questions of 50 words take some
    20 seconds, 20,000 more than a minute, and then each a few milliseconds."""

    def rests_on(self) -> list[str]:
        return [hash_of(self.seeds.path)] if self.seeds else []

    def judge_all(self, survivors: Survivors) -> Iterator[Word]:
        pool = Pool()
        for name, text in self._seeds():
            pool.add("", name, rouge_words(text, MOST_WORDS))
        if self.of == "target":
            return (self._word(pool, task, sample.id, sample.target) for task, sample in survivors.rows())
        return self._of_prompts(pool, survivors.rows())

    def _of_prompts(self, pool: Pool, rows: Iterator[tuple[Task, Sample]]) -> Iterator[Word]:
        """The word on each task's prompt, for all its samples."""
        judged: dict[str, Word] = {}
        for task, _ in rows:
            if task.id not in judged:
                judged[task.id] = self._word(pool, task, task.id, f"{task.context}\n{task.prompt}")
            yield judged[task.id]

    def _word(self, pool: Pool, task: Task, name: str, text: str) -> Word:
        words = rouge_words(text, MOST_WORDS)
        if not words:
            return unverifiable("no words to compare")
        score, nearest = pool.nearest(task.id, words)
        detail = f"{score:.3f} with {nearest}" if nearest else ""
        if score > self.rouge:
            return drop(f"too like an earlier {self.of}", score, detail)
        if len(pool) < self.pool:
            pool.add(task.id, name, words)
            return keep("novel", score, detail)
        return keep("novel among those of a full pool", score, detail)

    def _seeds(self) -> Iterator[tuple[str, str]]:
        if self.seeds:
            file = BenchmarkFile(path=self.seeds.path, fields=BenchmarkFields(prompt=self.seeds.field))
            yield from ((f"seed {each.id}", each.text) for each in file.items())


class Pool:
    """Texts as lists of words, and for each word the texts that have it; a second `the` is another word than the first."""

    def __init__(self) -> None:
        self._tasks: list[str] = []
        self._names: list[str] = []
        self._words: list[Sequence[str]] = []
        self._lengths = array("q")
        self._texts_with: dict[tuple[str, int], array[int]] = {}

    def __len__(self) -> int:
        return len(self._names)

    def add(self, task: str, name: str, words: Sequence[str]) -> None:
        """Puts a text in; `task` is empty for a seed."""
        for word in _numbered(words):
            self._texts_with.setdefault(word, array("q")).append(len(self))
        self._tasks.append(task)
        self._names.append(name)
        self._words.append(words)
        self._lengths.append(len(words))

    def nearest(self, task: str, words: Sequence[str]) -> tuple[float, str]:
        """The highest ROUGE-L F with a text of another task, and that text's name; 0 and nothing where no word is shared."""
        best, nearest = 0.0, ""
        bounds = self._bounds(words)
        for number in np.argsort(-bounds, kind="stable")[: np.count_nonzero(bounds)].tolist():
            if bounds[number] <= best:
                break
            if self._tasks[number] != task:
                score = rouge_l(words, self._words[number])
                best, nearest = max((best, nearest), (score, self._names[number]), key=lambda each: each[0])
        return best, nearest

    def _bounds(self, words: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """For each text, what its F could be if the shared words stood in the same order."""
        lists = [self._texts_with[word] for word in _numbered(words) if word in self._texts_with]
        if not lists:
            return np.zeros(len(self))
        shared = np.bincount(np.concatenate([np.frombuffer(each, np.int64) for each in lists]), minlength=len(self))
        return 2 * shared / (np.frombuffer(self._lengths, np.int64) + len(words))


def _numbered(words: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Each word with how often it came before."""
    seen: Counter[str] = Counter()
    for word in words:
        yield word, seen[word]
        seen[word] += 1

"""Keeps samples that hold no evaluation item: neither one of the run's own tests nor one of the benchmarks named here.

A sample is what the student reads and writes: prompt, reasoning, target. It is contaminated when at least `coverage` of an
item's words lie in n-grams of words that both have (8-grams and one half, as in Tülu 3). An item of fewer words must stand in
the sample as a whole, and one below four be the whole of its prompt, reasoning or target. A shared run of 13 words, the rule of
GPT-3, is told of but drops nothing: textbook phrases are that long. Tasks made from templates share phrases between splits;
`coverage: 0.9` suits them. See `texts.ngrams` for what a word is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from pipeline.filters.benchmarks import BenchmarkFile, Item, Part, hash_of, task_items
from pipeline.filters.verdicts import Survivors, TableFilter, Word, drop, keep
from pipeline.texts.ngrams import word_lists
from pipeline.texts.overlap import Items, Overlap

BATCH = 16_000_000
"""Bytes of text compared at a time; words and hashes take some twenty times as much memory."""


class NotContaminated(TableFilter):
    """No evaluation item is in the sample; the score is the highest coverage of one."""

    source: ClassVar[str] = (
        "Lambert et al. 2024, Tülu 3, arXiv 2411.15124, section 3.2; Brown et al. 2020, GPT-3, arXiv 2005.14165, appendix C"
    )
    filter: Literal["not_contaminated"]
    """Holds no evaluation item."""
    benchmarks: tuple[BenchmarkFile, ...] = ()
    """Evaluation sets to compare with, beside the run's own tasks that are kept for evaluation."""
    ngram: int = Field(8, ge=2, le=50)
    """Words of an n-gram: fewer find items with more words replaced, and more by chance."""
    coverage: float = Field(0.5, gt=0, le=1)
    """Share of an item's words in shared n-grams from which the sample is dropped."""
    reported: int = Field(13, ge=2, le=50)
    """A shared run of so many words is told of; answers of fewer words are not compared."""

    @model_validator(mode="after")
    def _reports_more(self) -> NotContaminated:
        if self.reported < self.ngram:
            raise ValueError("reported must be at least ngram")
        return self

    def rests_on(self) -> list[str]:
        return [hash_of(each.path) for each in self.benchmarks]

    def judge_all(self, survivors: Survivors) -> Iterator[Word]:
        """Words in the order of the samples; every benchmark is read before the first.

        Raises:
            UserError: a benchmark cannot be read.
        """
        given = chain(task_items(survivors.tasks()), *(each.items() for each in self.benchmarks))
        items, texts = self._compared(list(given))
        if not items:
            return iter([keep("no evaluation items to compare with")] * len(survivors))
        index = Items(texts, self.ngram, self.reported)
        return chain.from_iterable(self._words(batch, items, index) for batch in batches(survivors.frames()))

    def _compared(self, items: Sequence[Item]) -> tuple[list[Item], list[str]]:
        """The items that can be compared, and what of each: with its context where the prompt is short."""
        counts = word_lists(pl.Series([each.text for each in items], dtype=pl.String)).list.len()
        least = {"prompt": 1, "answer": self.reported}
        kept = [(each, words) for each, words in zip(items, counts, strict=True) if each.context or words >= least[each.part]]
        texts = [f"{each.context}\n{each.text}" if words < self.ngram else each.text for each, words in kept]
        return [each for each, _ in kept], texts

    def _words(self, batch: pl.DataFrame, items: Sequence[Item], index: Items) -> Iterator[Word]:
        columns = [batch[each].fill_null("").alias("text") for each in ("prompt", "reasoning", "target")]
        owner = np.tile(np.arange(batch.height), len(columns))
        found = index.overlap(pl.concat(columns), owner, batch.height)
        return (self._word(row, found, items, index) for row in range(batch.height))

    def _word(self, row: int, found: Overlap, items: Sequence[Item], index: Items) -> Word:
        coverage, place, run = (float(found.coverage[row]), int(found.place[row]), int(found.run_place[row]))
        if coverage >= self.coverage:
            return drop("contaminated by an evaluation item", coverage, _detail(items, index, place, self.ngram))
        if run >= 0:
            detail = _detail(items, index, run, self.reported)
            return keep(f"shares {self.reported} words with an evaluation item", coverage, detail)
        if coverage:
            detail = _detail(items, index, place, self.ngram)
            return keep(f"shares {self.ngram} words with an evaluation item", coverage, detail)
        return keep("holds no evaluation item", 0.0)


@dataclass(frozen=True)
class Leak:
    """What a sample shares with an evaluation item, as the detail of its verdict has it."""

    benchmark: str
    split: str
    item: str
    part: Part
    words: str

    def __str__(self) -> str:
        return f"{_name(self.benchmark)} {_name(self.split)} {_name(self.item)} {self.part}: {self.words[:100]}"


def leak_of(detail: str) -> Leak | None:
    """The leak a detail of `not_contaminated` tells of; None where it tells of none."""
    match detail.split(" ", 4):
        case [benchmark, split, item, "prompt:" | "answer:" as part, words]:
            return Leak(benchmark, split, item, "prompt" if part == "prompt:" else "answer", words)
    return None


def _name(text: str) -> str:
    """A name without white space, of at most 40 characters."""
    return "_".join(text.split())[:40] or "_"


def _detail(items: Sequence[Item], index: Items, place: int, count: int) -> str:
    item = items[index.item_at(place)]
    return str(Leak(item.benchmark, item.split, item.id, item.part, index.words(place, count)))


def batches(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows in frames of no more than some text, however long the texts are."""
    for frame in frames:
        size: Any = frame.select(
            pl.sum_horizontal(pl.col("prompt", "reasoning", "target").str.len_bytes()).cum_sum()
        ).to_series()
        starts = np.flatnonzero(np.diff(size.to_numpy() // BATCH, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], frame.height], strict=True):
            yield frame[int(start) : int(stop)]

"""Which of many given items a text shares runs of words with, and how much of each item they cover.

In: the items once, then texts by the thousand. Out: for each owner of texts the item that is covered most, and whether a long
run is shared. A word is its number in the items' vocabulary, an n-gram a polynomial of such numbers modulo 2^64, so results are
the same on every machine and with every library version. Memory holds the items' index and one batch of texts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipeline.texts.ngrams import Hashes, Lookup, Numbers, mixed, ngrams, word_lists

SHORTEST = 4
"""An item of fewer words, such as `Yes` or `4 1 3`, stands in many a text; it must be the whole of one."""
POSTINGS = 4_000_000
"""Places of items looked up at a time; 32 MB an array."""


@dataclass(frozen=True)
class Overlap:
    """Of each owner of texts, what it shares with the items; places are -1 where that is nothing."""

    coverage: np.ndarray[Any, np.dtype[np.float64]]
    """The share of words that lie in shared n-grams, of the item of which it is highest."""
    place: Numbers
    """Where that item's first shared n-gram begins in the items' words."""
    run_place: Numbers
    """Where the first shared run of `run` words begins in the items' words."""


class Items:
    """Texts to be found again in others.

    Args:
        texts: each of one or more words.
        n: length of the n-grams; a text of fewer words is looked for as a whole.
        run: length of the long runs.
    """

    def __init__(self, texts: Sequence[str], n: int, run: int) -> None:
        self.n, self.run = n, run
        lists = word_lists(pl.Series(texts, dtype=pl.String))
        flat = _flat(lists)
        vocabulary = flat.unique().sort()
        self._known, self._spelled = pl.Enum(vocabulary), vocabulary.to_list()
        self._lengths = _lengths(lists)
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._words = self._numbered(flat)
        self._lookups = self._indexed()

    def _numbered(self, words: pl.Series) -> Hashes:
        """Each word's place in the vocabulary; those not in it share the number after the last."""
        known = words.cast(self._known, strict=False).to_physical().cast(pl.UInt64)
        return known.fill_null(len(self._spelled)).to_numpy()

    def _indexed(self) -> dict[int, Lookup]:
        """A lookup for each length of n-grams that is looked for."""
        place = np.arange(len(self._words))
        item = self._item_at(place)
        left, length = self._starts[item] + self._lengths[item] - place, self._lengths[item]
        lookups = {}
        for n, hashes in ngrams(mixed(self._words), max(self.n, self.run)):
            taken = left >= n if n in (self.n, self.run) else (left == n) & (length == n) & (n < self.n)
            if taken.any():
                lookups[n] = Lookup.of(hashes[taken], place[taken])
        return lookups

    def _item_at(self, place: Numbers) -> Numbers:
        return np.searchsorted(self._starts, place, side="right") - 1

    def item_at(self, place: int) -> int:
        """The item that the word at a place belongs to."""
        return bisect_right(self._starts, place) - 1

    def words(self, place: int, count: int) -> str:
        """So many of an item's words from a place on, or fewer at its end."""
        item = self.item_at(place)
        end = min(place + count, int(self._starts[item] + self._lengths[item]))
        return " ".join(self._spelled[word] for word in self._words[place:end].tolist())

    def overlap(self, texts: pl.Series, owner: Numbers, owners: int) -> Overlap:
        """What each owner's texts share with the items.

        Args:
            texts: no nulls.
            owner: whose each text is, from 0 to below `owners`.
        """
        lists = word_lists(texts)
        ends = np.cumsum(_lengths(lists))
        result = Overlap(*(np.full(owners, fill) for fill in (0.0, -1, -1)))
        for n, hashes in ngrams(mixed(self._numbered(_flat(lists))), max(self._lookups, default=0)):
            if n in self._lookups:
                text, number = _matches(self._lookups[n], n, hashes, ends, whole=n < min(SHORTEST, self.n))
                if n <= self.n:
                    for of, place in _expanded(self._lookups[n], owner[text], number):
                        self._cover(result, of, place)
                if n == self.run:
                    of, first = np.unique(owner[text], return_index=True)
                    result.run_place[of] = self._lookups[n].first_place(number[first])
        return result

    def _cover(self, result: Overlap, owner: Numbers, place: Numbers) -> None:
        """Fills in the items covered more than any before, given sorted pairs of an owner and a place it shares."""
        item = self._item_at(place)
        first = np.flatnonzero(_differs(owner) | _differs(item))
        length = np.minimum(self.n, self._lengths[item])
        step = np.append(place[1:] - place[:-1], 0)
        step[np.append(first[1:], len(step)) - 1] = self.n
        item, of = item[first], owner[first]
        coverage = np.add.reduceat(np.minimum(step, length), first) / self._lengths[item]
        order = np.lexsort((item, -coverage, of))
        best = order[_differs(of[order])]
        best = best[coverage[best] > result.coverage[of[best]]]
        result.coverage[of[best]], result.place[of[best]] = coverage[best], place[first[best]]


def _flat(lists: pl.Series) -> pl.Series:
    return lists.explode(empty_as_null=False, keep_nulls=False)


def _lengths(lists: pl.Series) -> Numbers:
    return lists.list.len().to_numpy().astype(np.int64)


def _differs(values: Numbers) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each value is another than the one before."""
    return np.append(np.ones(min(1, len(values)), np.bool_), values[1:] != values[:-1])


def _matches(lookup: Lookup, n: int, hashes: Hashes, ends: Numbers, whole: bool) -> tuple[Numbers, Numbers]:
    """The texts that the n-grams of a lookup stand in, in the order they do, and the number of each n-gram."""
    position, number = lookup.find(hashes)
    text = np.searchsorted(ends, position, side="right")
    inside = position + n <= ends[text]
    if whole:
        starts = np.append(0, ends[:-1])
        inside &= (position == starts[text]) & (position + n == ends[text])
    return text[inside], number[inside]


def _expanded(lookup: Lookup, owner: Numbers, number: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Sorted pairs of an owner and a place in the items whose n-gram it has, whole owners at a time."""
    pairs = np.unique(owner * len(lookup.hashes) + number)
    owner, number = np.divmod(pairs, len(lookup.hashes))
    counts = lookup.starts[number + 1] - lookup.starts[number]
    batch = np.cumsum(counts) // POSTINGS
    cuts = np.flatnonzero(_differs(owner) & np.isin(owner, owner[_differs(batch)]))
    for some in np.split(np.arange(len(pairs)), cuts[1:]):
        if len(some):
            offset = np.arange(counts[some].sum()) - np.repeat(np.cumsum(counts[some]) - counts[some], counts[some])
            place = lookup.places[np.repeat(lookup.starts[number[some]], counts[some]) + offset]
            of = np.repeat(owner[some], counts[some])
            order = np.lexsort((place, of))
            yield of[order], place[order]

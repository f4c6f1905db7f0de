"""Sets of shingles to near duplicates: minima, band keys, buckets, compared pairs, components.

A band key holds minima of every part of a document, so that two documents share a bucket when all their parts are alike. A
pair from a bucket counts only after set was compared with set. Buckets are searched a band at a time, and a document has but so
many neighbours in each: a bucket of a million costs as much as a million small ones.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.texts.shingles import F64, I64, PART, U64, Sets, avalanche, odd_numbers, set_keys, similarities

BLOCK = 512
"""Documents hashed together: some 80,000 shingles of 4 bytes stay in the second cache of a core."""
WINDOW = 16
"""Neighbours that a document is compared with in a bucket: all of them in most buckets, and larger ones stay linear."""
SHINGLES_AT_ONCE = 2**20
"""Shingles that are compared at a time: 8 MB, sorted and counted in some 50."""
LEAST_SHINGLES = 64
"""What a pair counts at least among them, so that there are fewer than 2^16 pairs at a time."""
REMEMBERED = 2**22
"""Pairs known to be unlike that are remembered from band to band: 32 MB."""


def band_keys(sets: Sets, parts: int, bands: int, rows: int) -> U64:
    """A key for every band and document, shape (bands, documents); the minima of a band are dealt out among the parts."""
    document = np.repeat(np.arange(len(sets.sizes)), sets.sizes)
    keys = np.zeros((bands, len(sets.sizes)), dtype=np.uint64)
    factors = odd_numbers("row", rows)
    permutations = odd_numbers("permutation", bands * rows)
    for part in range(parts):
        own = (sets.values & PART) == np.uint64(part)
        starts = np.searchsorted(document[own], np.arange(len(sets.sizes)))
        numbers = range(part, bands * rows, parts)
        minima = _minima((sets.values[own] >> np.uint64(16)).astype(np.uint32), starts, permutations[part::parts])
        for number, least in zip(numbers, minima, strict=True):
            keys[number // rows] += least * factors[number % rows]
    return avalanche(keys)


def _minima(values: NDArray[np.uint32], starts: I64, permutations: U64) -> NDArray[np.uint32]:
    """The least value of each document under each permutation x → ax + b of 32 bits; shape (permutations, documents)."""
    least = np.empty((len(permutations), len(starts)), dtype=np.uint32)
    multipliers, shifts = permutations.astype(np.uint32), (permutations >> np.uint64(32)).astype(np.uint32)
    for first in range(0, len(starts), BLOCK):
        some = starts[first : first + BLOCK]
        until = starts[first + BLOCK] if first + BLOCK < len(starts) else len(values)
        block = values[some[0] : until]
        permuted = np.empty_like(block)
        for number in range(len(permutations)):
            np.multiply(block, multipliers[number], out=permuted)
            np.add(permuted, shifts[number], out=permuted)
            least[number, first : first + BLOCK] = np.minimum.reduceat(permuted, some - some[0])
    return least


class Sketches:
    """Sets and band keys of documents, in files of a folder; memory holds where each set ends, and one band."""

    def __init__(self, folder: Path, bands: int) -> None:
        self._folder, self._bands = folder, bands
        self._sizes = [np.zeros(1, dtype=np.int64)]
        self._ends = self._sizes[0]

    def __enter__(self) -> Sketches:
        with ExitStack() as opened:
            names = ["sets", "set keys", *(f"band {band}" for band in range(self._bands))]
            self._files = [opened.enter_context((self._folder / name).open("wb")) for name in names]
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """No more are added, and they can be compared."""
        self._opened.close()
        self._ends = np.cumsum(np.concatenate(self._sizes))
        self._sizes.clear()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, sets: Sets, keys: U64) -> None:
        """Takes some documents with their band keys."""
        self._sizes.append(sets.sizes)
        for file, numbers in zip(self._files, (sets.values, set_keys(sets), *keys), strict=True):
            file.write(np.ascontiguousarray(numbers).data)

    def keys(self) -> Iterator[tuple[U64, U64]]:
        """Keys to find near duplicates by, each with others to order a bucket by: those of whole sets, then the bands."""
        whole = self._read("set keys")
        yield whole, whole
        for band in range(self._bands):
            yield self._read(f"band {band}"), self._read(f"band {(band + 1) % self._bands}")

    def _read(self, name: str) -> U64:
        return np.fromfile(self._folder / name, dtype=np.uint64)

    def similarities(self, left: I64, right: I64) -> F64:
        """How alike the documents of each pair are, by their sets."""
        found = np.ones(len(left))
        sizes = np.diff(self._ends)
        cost = np.cumsum(np.maximum(sizes[left] + sizes[right], LEAST_SHINGLES))
        borders = np.searchsorted(cost, np.arange(0, cost[-1] if len(cost) else 0, SHINGLES_AT_ONCE), side="right")
        for first, until in pairwise([*borders.tolist(), len(left)]):
            found[first:until] = similarities(self._sets(left[first:until]), self._sets(right[first:until]))
        return found

    def _sets(self, documents: I64) -> Sets:
        """Reads the sets of some documents; the file is let go at once, since what is mapped counts as memory."""
        begins, ends = self._ends[documents], self._ends[documents + 1]
        sizes = ends - begins
        places = np.repeat(ends - np.cumsum(sizes), sizes) + np.arange(sizes.sum())
        return Sets(np.memmap(self._folder / "sets", dtype=np.uint64, mode="r")[places], sizes)


def bucket_mates(keys: U64, then: U64, documents: I64) -> Iterator[tuple[I64, I64]]:
    """Pairs of documents with the same key, the nearest first; in a large bucket only near ones, by order of a second key.

    Args:
        keys: those of the documents.
        then: second keys, which near duplicates likely share, too, so that they are neighbours in a bucket.
        documents: their numbers, ascending.
    """
    if len(keys) < 2:
        return
    by_key = np.argsort(keys)
    alike = keys[by_key[1:]] == keys[by_key[:-1]]
    shared = np.sort(by_key[np.append(alike, False) | np.append(False, alike)])
    shared = shared[np.lexsort((then[shared], keys[shared]))]
    keys, documents = keys[shared], documents[shared]
    for distance in range(1, WINDOW + 1):
        near = np.flatnonzero(keys[distance:] == keys[:-distance])
        if not len(near):
            return
        yield documents[near], documents[near + distance]


def join(first: I64, left: I64, right: I64) -> None:
    """Joins the components of the ends of each pair. `first` has the first document of everybody's component."""
    while len(left):
        one, other = first[left], first[right]
        np.minimum.at(first, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(shorter := first[first], first):
            first[:] = shorter
        apart = first[left] != first[right]
        left, right = left[apart], right[apart]


def components(sketches: Sketches, threshold: float) -> tuple[I64, I64, I64]:
    """The first document of everybody's component, and the compared pairs that hold the components together.

    Once their sets are known to be the same, documents are looked for through the first of them alone.
    """
    everybody = np.arange(len(sketches))
    first = everybody.copy()
    lefts, rights = [everybody[:0]], [everybody[:0]]
    unlike = np.zeros(0, dtype=np.uint64)
    for number, (keys, then) in enumerate(sketches.keys()):
        if number <= 1:
            sought = np.flatnonzero(first == everybody)
        for left, right in bucket_mates(keys[sought], then[sought], sought):
            left, right = _unsettled(first, unlike, left, right)
            alike = sketches.similarities(left, right) >= threshold
            unlike = _remembered(unlike, _pair_keys(left[~alike], right[~alike]))
            join(first, left[alike], right[alike])
            lefts.append(left[alike])
            rights.append(right[alike])
    return first, np.concatenate(lefts), np.concatenate(rights)


def _unsettled(first: I64, unlike: U64, left: I64, right: I64) -> tuple[I64, I64]:
    """The pairs that are neither in one component already nor known to be unlike."""
    apart = first[left] != first[right]
    left, right = left[apart], right[apart]
    fresh = ~np.isin(_pair_keys(left, right), unlike)
    return left[fresh], right[fresh]


def _pair_keys(left: I64, right: I64) -> U64:
    pair = np.minimum(left, right), np.maximum(left, right)
    return (pair[0].astype(np.uint64) << np.uint64(32)) | pair[1].astype(np.uint64)


def _remembered(unlike: U64, more: U64) -> U64:
    return np.concatenate([unlike, more]) if len(unlike) + len(more) <= REMEMBERED else unlike


def twins(sketches: Sketches, threshold: float) -> tuple[I64, F64]:
    """For each document the one it is a near duplicate of, and how alike they are; -1 for the first of each component.

    That is the first of its component where the two are alike, otherwise the one through which it came to the component.
    """
    first, left, right = components(sketches, threshold)
    twin, score = np.full(len(first), -1), np.ones(len(first))
    others = np.flatnonzero(first != np.arange(len(first)))
    score[others] = sketches.similarities(first[others], others)
    twin[others] = np.where(score[others] >= threshold, first[others], -1)
    distant = others[twin[others] < 0]
    if len(distant):
        concerned = np.isin(first[left], first[distant])
        _reach(twin, first, left[concerned], right[concerned])
        score[distant] = sketches.similarities(twin[distant], distant)
    return twin, score


def _reach(twin: I64, first: I64, left: I64, right: I64) -> None:
    """Gives those without a twin the one they are reached from, by breadth from those that have one."""
    beside: dict[int, list[int]] = defaultdict(list)
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        beside[one].append(other)
        beside[other].append(one)
    waiting = deque(document for document in sorted(beside) if twin[document] >= 0 or first[document] == document)
    while waiting:
        here = waiting.popleft()
        for there in sorted(beside[here]):
            if twin[there] < 0 and first[there] != there:
                twin[there] = here
                waiting.append(there)

"""Texts to sets of hashed word n-grams, and how alike two sets are.

In: columns of texts, one for every part of a document. A document is the set of its word n-grams, each hashed to 47 bits and
marked with its part. All hashes are xxHash64 and arithmetic of 64 bits, which no version of a library changes; that two
different n-grams of a pair of documents have one hash has odds below one in a billion.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import polars_hash as plh
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
WORD = rf"[{UNSPACED}]|[\w--[{UNSPACED}]]+"
"""Letters, digits and marks in a row; in scripts written without spaces every letter is a word."""
ROWS_AT_ONCE = 2**12
"""Documents taken together: enough that a call costs nothing, and few enough that what comes between stays in the caches."""
PAIR, PART = np.uint64(48), np.uint64(1)
"""Where the number of a pair begins above a shingle, and the bit that tells a shingle's part."""


@dataclass(frozen=True)
class Sets:
    """The shingles of some documents."""

    values: U64
    """One document after the other, repeats among them; the lowest bit is the part."""
    sizes: I64
    """How many shingles each document has."""


def shingle_sets(parts: Sequence[pl.Series], ngram: int) -> Sets:
    """The sets of some documents; a document's parts stand at the same place in every column."""
    found = [_shingles(texts, ngram, part) for part, texts in enumerate(parts)]
    sizes = sum((each.sizes for each in found), start=np.zeros(len(parts[0]), dtype=np.int64))
    values = np.empty(sizes.sum(), dtype=np.uint64)
    begins = np.cumsum(sizes) - sizes
    for each in found:
        shifts = begins - (np.cumsum(each.sizes) - each.sizes)
        values[np.repeat(shifts, each.sizes) + np.arange(len(each.values))] = each.values
        begins = begins + each.sizes
    return Sets(values, sizes)


def _shingles(texts: pl.Series, ngram: int, part: int) -> Sets:
    """Every n-gram as its hash and its part: 47 bits and 1.

    A text of fewer than n words is one shingle of all its words: the shorter it is, the less a word in common says.
    """
    words, lengths = _words(texts)
    hashes = np.append(_hashes(words, part), np.zeros(ngram - 1, dtype=np.uint64))  # so that the last text may end early
    sizes = np.maximum(lengths - ngram + 1, 1)
    starts, places = np.cumsum(lengths) - lengths, np.cumsum(sizes) - sizes
    begins = np.repeat(starts - places, sizes) + np.arange(sizes.sum())
    short = np.flatnonzero(lengths < ngram)
    mixed = np.zeros(len(begins), dtype=np.uint64)
    for offset, factor in enumerate(odd_numbers("shingle", ngram)):
        mixed += hashes[begins + offset] * factor
        ended = short[lengths[short] <= offset]  # what was added is of the next text
        mixed[places[ended]] -= hashes[starts[ended] + offset] * factor
    return Sets((avalanche(mixed) >> np.uint64(17) << PART) | np.uint64(part), sizes)


def _words(texts: pl.Series) -> tuple[pl.Series, I64]:
    """All words in lower case, and how many each text has; a text without any is a word itself."""
    found = texts.str.to_lowercase().str.extract_all(WORD)
    has_any = found.list.len() > 0
    if not has_any.all():
        whole = texts.alias("text").to_frame().select(pl.concat_list(pl.col("text").str.strip_chars())).to_series()
        found = found.zip_with(has_any, whole)
    return found.explode().alias("word"), found.list.len().to_numpy().astype(np.int64)


def _hashes(words: pl.Series, part: int) -> U64:
    """A hash a word; letters with accents have the same however they are composed."""
    hashes = np.array(_hashed(words, part))
    odd = words.str.len_bytes() != words.str.len_chars()
    if odd.any():
        hashes[odd.to_numpy()] = _hashed(words.filter(odd).str.normalize("NFC"), part)
    return hashes


def _hashed(words: pl.Series, seed: int) -> U64:
    column: U64 = words.alias("word").to_frame().select(plh.col("word").nchash.xxhash64(seed=seed)).to_series().to_numpy()
    return column


def similarities(left: Sets, right: Sets) -> F64:
    """The Jaccard index of each of at most 2^16 pairs of sets; of several parts the lowest."""
    values = np.sort(np.concatenate([_numbered(left), _numbered(right)]))
    part_of_pair = ((values >> PAIR) * np.uint64(2) + (values & PART)).astype(np.int64)
    each = np.bincount(part_of_pair, minlength=2 * len(left.sizes))
    both = np.bincount(part_of_pair[1:][values[1:] == values[:-1]], minlength=len(each))
    shares = np.ones(len(each))  # neither has the part
    np.divide(both, each - both, out=shares, where=each > 0)
    lowest: F64 = shares.reshape(-1, 2).min(axis=1)
    return lowest


def _numbered(sets: Sets) -> U64:
    """Shingles below the number of their pair, ascending and each once."""
    values = np.sort((np.repeat(np.arange(len(sets.sizes), dtype=np.uint64), sets.sizes) << PAIR) | sets.values)
    once = np.ones(len(values), dtype=bool)
    once[1:] = values[1:] != values[:-1]
    return values[once]


def set_keys(sets: Sets) -> U64:
    """A key that documents of the same shingles share, repeats counted: the sum of them scrambled."""
    return np.add.reduceat(avalanche(sets.values + PART), np.cumsum(sets.sizes) - sets.sizes, dtype=np.uint64)


def avalanche(numbers: U64) -> U64:
    """MurmurHash3's last step: every bit comes to depend on every other."""
    mixed = numbers ^ (numbers >> np.uint64(33))
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xC4CEB9FE1A85EC53)
    mixed ^= mixed >> np.uint64(33)
    return mixed


def odd_numbers(name: str, count: int) -> U64:
    """As many odd numbers as are wanted, the same in every process: bits of SHAKE-256 of their name."""
    numbers = np.frombuffer(hashlib.shake_256(name.encode()).digest(8 * count), dtype="<u8").astype(np.uint64)
    return numbers | np.uint64(1)

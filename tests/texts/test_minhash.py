"""MinHash: shingles and likeness against sets made by hand, recall against all pairs, buckets and components of every shape."""

from __future__ import annotations

import random
import re
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.texts.minhash import WINDOW, Sketches, band_keys, bucket_mates, join, twins
from pipeline.texts.shingles import ROWS_AT_ONCE, Sets, shingle_sets, similarities

VOCABULARY = [f"w{n}" for n in range(400)]
GOLDEN_SHINGLES = [145133564422102, 276077357853160, 208554967377338]
GOLDEN_KEYS = [[4880828706369877635, 3446408496349597808], [16885678757078010449, 7045969842145652999]]
TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=9).map(" ".join), min_size=2, max_size=12)


def ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower()) or [text.strip()]
    return {tuple(words[at : at + n]) for at in range(max(len(words) - n, 0) + 1)}


def jaccard(one: str, other: str, n: int = 5) -> float:
    ours, theirs = ngrams(one, n), ngrams(other, n)
    return len(ours & theirs) / len(ours | theirs)


def chosen(sets: Sets, rows: list[int]) -> Sets:
    each = np.split(sets.values, np.cumsum(sets.sizes)[:-1])
    return Sets(np.concatenate([each[row] for row in rows]), sets.sizes[rows])


def sketched(folder: Path, *parts: list[str], ngram: int = 5, bands: int = 14, rows: int = 8) -> Sketches:
    sets = shingle_sets([pl.Series(texts, dtype=pl.String) for texts in parts], ngram)
    with Sketches(folder, bands) as sketches:
        sketches.add(sets, band_keys(sets, len(parts), bands, rows))
    return sketches


def changed(words: list[str], share: float, dice: random.Random) -> list[str]:
    return [dice.choice(VOCABULARY) if dice.random() < share else word for word in words]


@settings(deadline=None, max_examples=50)
@given(TEXTS, st.integers(1, 6))
def test_likeness_is_the_jaccard_index_of_word_ngrams(texts: list[str], n: int) -> None:
    sets = shingle_sets([pl.Series(texts, dtype=pl.String)], n)
    pairs = list(combinations(range(len(texts)), 2))
    found = similarities(chosen(sets, [left for left, _ in pairs]), chosen(sets, [right for _, right in pairs]))
    assert found.tolist() == [jaccard(texts[left], texts[right], n) for left, right in pairs]
    each = np.split(sets.values, np.cumsum(sets.sizes)[:-1])
    assert [len(set(values.tolist())) for values in each] == [len(ngrams(text, n)) for text in texts]


@settings(deadline=None, max_examples=50)
@given(TEXTS, st.randoms(use_true_random=False))
def test_of_two_parts_the_less_alike_counts(texts: list[str], dice: random.Random) -> None:
    others = dice.sample(texts, len(texts))
    sets = shingle_sets([pl.Series(texts, dtype=pl.String), pl.Series(others, dtype=pl.String)], 2)
    pairs = list(combinations(range(len(texts)), 2))
    found = similarities(chosen(sets, [left for left, _ in pairs]), chosen(sets, [right for _, right in pairs]))
    assert found.tolist() == [min(jaccard(texts[a], texts[b], 2), jaccard(others[a], others[b], 2)) for a, b in pairs]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("So, it is 7.", "so it IS 7", True),
        ("so it is 7", "so it is 8", False),
        ("it so is 7", "so it is 7", False),
        ("yes", "yes yes", False),
        ("", " \n", True),
        ("🙂", " 🙂 ", True),
        ("🙂", "🙁", False),
        ("!!", "", False),
        ("Caf\u00e9", "cafe\u0301", True),
        ("3 + 4", "3 - 4", True),
        ("今日は雨", "今日は雪", False),
        ("مرحبا بكم", "مرحبا", False),
        ("a\x00b", "a b", True),
    ],
)
def test_short_texts_are_alike_in_whole_or_not_at_all(one: str, other: str, same: bool) -> None:
    sets = shingle_sets([pl.Series([one, other])], 5)
    assert similarities(chosen(sets, [0]), chosen(sets, [1])).tolist() == [float(same)]


def test_every_letter_is_a_word_where_no_spaces_are_written() -> None:
    sets = shingle_sets([pl.Series(["今日は雨が降る。", "today it rains a lot"])], 2)
    assert sets.sizes.tolist() == [6, 4]


def test_golden_hashes() -> None:
    """They depend on no version, machine or process."""
    sets = shingle_sets([pl.Series(["The river runs to the sea.", "é"])], 5)
    assert sets.values.tolist() == GOLDEN_SHINGLES
    assert band_keys(sets, 1, 2, 3).tolist() == GOLDEN_KEYS


@pytest.mark.parametrize(("parts", "rows"), [(1, 8), (2, 8), (2, 7), (2, 1)])
def test_pieces_make_no_difference(parts: int, rows: int) -> None:
    dice = random.Random(0)
    columns = [
        pl.Series([" ".join(dice.choices(VOCABULARY, k=dice.randint(0, 30))) for _ in range(1100)]) for _ in range(parts)
    ]
    whole = band_keys(shingle_sets(columns, 5), parts, 3, rows)
    halves = [
        band_keys(shingle_sets([each[at : at + 300] for each in columns], 5), parts, 3, rows) for at in range(0, 1100, 300)
    ]
    assert np.array_equal(whole, np.concatenate(halves, axis=1))


@pytest.mark.parametrize("parts", [1, 2])
def test_nearly_all_near_duplicates_are_found(tmp_path: Path, parts: int) -> None:
    dice = random.Random(parts)
    first = [dice.choices(VOCABULARY, k=dice.randint(20, 120)) for _ in range(1500)]
    second = [changed(words, dice.uniform(0, 0.03), dice) for words in first]
    columns = [[" ".join(words) for words in first + second]] * parts
    likeness = [jaccard(columns[0][at], columns[0][at + 1500]) for at in range(1500)]
    twin, score = twins(sketched(tmp_path, *columns), 0.7)
    found = {at for at in range(1500) if twin[1500 + at] == at}
    for at in found:
        assert score[1500 + at] == likeness[at] >= 0.7
    near, close = ({at for at in range(1500) if likeness[at] >= least} for least in (0.7, 0.85))
    assert len(close) > 500 and len(near) - len(close) > 100
    assert len(found & close) / len(close) > 0.97
    assert len(found & near) / len(near) > 0.9


@settings(deadline=None, max_examples=15)
@given(TEXTS, st.sampled_from([0.3, 0.5, 0.7, 1.0]), st.randoms(use_true_random=False))
def test_components_are_those_of_all_pairs(texts: list[str], threshold: float, dice: random.Random) -> None:
    """With one row and many bands nothing is missed, so nothing depends on luck or on the order."""
    for order in (list(range(len(texts))), dice.sample(range(len(texts)), len(texts))):
        some = [texts[at] for at in order]
        with tempfile.TemporaryDirectory() as folder:
            twin, score = twins(sketched(Path(folder), some, ngram=2, bands=60, rows=1), threshold)
        first = np.arange(len(some))
        near = [(a, b) for a, b in combinations(range(len(some)), 2) if jaccard(some[a], some[b], 2) >= threshold]
        join(first, np.array([a for a, _ in near], dtype=np.int64), np.array([b for _, b in near], dtype=np.int64))
        assert (twin < 0).tolist() == (first == np.arange(len(some))).tolist()
        for at in np.flatnonzero(twin >= 0):
            assert score[at] == jaccard(some[at], some[twin[at]], 2) >= threshold
            assert first[twin[at]] == first[at]


def test_a_chain_is_told_link_by_link(tmp_path: Path) -> None:
    """Each half of a window over one long text is like its neighbours, and unlike the first."""
    words = [f"w{n}" for n in range(400)]
    texts = [" ".join(words[at : at + 100]) for at in range(0, 300, 10)]
    twin, score = twins(sketched(tmp_path, texts, bands=60, rows=4), 0.7)
    assert twin.tolist() == [-1, *range(len(texts) - 1)]
    assert score[1:].tolist() == [pytest.approx(86 / 106)] * (len(texts) - 1)


def test_large_buckets_stay_linear() -> None:
    same, others = np.zeros(50_000, dtype=np.uint64), np.arange(50_000, dtype=np.uint64)
    pairs = list(bucket_mates(same, others, np.arange(50_000)))
    assert len(pairs) == WINDOW
    assert [len(left) for left, _ in pairs] == [50_000 - distance for distance in range(1, WINDOW + 1)]
    assert not list(bucket_mates(others, same, np.arange(50_000)))


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), max_size=WINDOW))
def test_small_buckets_are_searched_throughout(keys: list[int]) -> None:
    numbers = np.array(keys, dtype=np.uint64)
    found = [
        pair for left, right in bucket_mates(numbers, numbers, np.arange(len(keys))) for pair in zip(left, right, strict=True)
    ]
    assert sorted(found) == [(a, b) for a, b in combinations(range(len(keys)), 2) if keys[a] == keys[b]]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19))))
def test_joining(pairs: list[tuple[int, int]]) -> None:
    first = np.arange(20)
    join(first, np.array([a for a, _ in pairs], dtype=np.int64), np.array([b for _, b in pairs], dtype=np.int64))
    groups = [{number} for number in range(20)]
    for a, b in pairs:
        merged = groups[a] | groups[b]
        for member in merged:
            groups[member] = merged
    assert first.tolist() == [min(group) for group in groups]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10**6,
        "a " * 500_000,
        "!" * 10**6,
        "\u202e\x00🙂" * 300_000,
        "今" * 300_000,
        "a" + "\u0301\u0323" * 400_000,
        "9.9.9 " * 160_000,
    ],
)
def test_hostile_texts(tmp_path: Path, text: str) -> None:
    started = time.perf_counter()
    twin, score = twins(sketched(tmp_path, [text, "short", text]), 0.7)
    assert (twin.tolist(), score.tolist()) == ([-1, -1, 0], [1, 1, 1])
    assert time.perf_counter() - started < 9


def test_many_copies_cost_no_more_than_others(tmp_path: Path) -> None:
    """Thousands of copies, and as many texts that share a long beginning: neither makes all pairs."""
    words = " ".join(VOCABULARY[:40])
    texts = [words] * ROWS_AT_ONCE + [f"{words} {n} {n + 1} {n + 2}" for n in range(ROWS_AT_ONCE)]
    started = time.perf_counter()
    with Sketches(tmp_path, 14) as sketches:
        for at in (0, ROWS_AT_ONCE):
            sets = shingle_sets([pl.Series(texts[at : at + ROWS_AT_ONCE])], 5)
            sketches.add(sets, band_keys(sets, 1, 14, 8))
    twin, _ = twins(sketches, 0.7)
    assert time.perf_counter() - started < 15
    assert not twin[1:ROWS_AT_ONCE].any()
    assert (twin < 0).sum() < 10, "of those with a likeness of 0.92 to the copies one in 10,000 is missed"

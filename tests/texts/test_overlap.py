"""Shared runs of words: against a plain search, for any batch, script and length."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from pipeline.texts import overlap
from pipeline.texts.ngrams import mixed, ngrams, word_lists
from pipeline.texts.overlap import SHORTEST, Items

TEXT = some.lists(some.sampled_from(["a", "b", "c", "zzz"]), max_size=14).map(" ".join)


def runs(words: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


def coverage(item: list[str], texts: list[list[str]], n: int) -> float:
    """The share of an item's words in shared n-grams, by looking at every pair of places."""
    if not item:
        return 0.0
    if len(item) < n:
        whole = len(item) < min(SHORTEST, n)
        return float(any(text == item if whole else tuple(item) in runs(text, len(item)) for text in texts))
    theirs = {each for text in texts for each in runs(text, n)}
    covered = {place + k for place, each in enumerate(runs(item, n)) if each in theirs for k in range(n)}
    return len(covered) / len(item)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@pytest.mark.parametrize("postings", [1, 5, 4_000_000])
@given(
    items=some.lists(TEXT, min_size=1, max_size=6), texts=some.lists(some.tuples(TEXT, TEXT), min_size=1, max_size=5),
    n=some.integers(2, 6), more=some.integers(0, 3),
)  # fmt: skip
def test_agrees_with_a_plain_search(
    postings: int, items: list[str], texts: list[tuple[str, str]], n: int, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap, "POSTINGS", postings)
    index = Items(items, n, n + more)
    owner = np.arange(2 * len(texts)) % len(texts)
    found = index.overlap(pl.Series([one for one, _ in texts] + [other for _, other in texts]), owner, len(texts))
    for row, pair in enumerate(texts):
        words = [text.split() for text in pair]
        of_items = [coverage(item.split(), words, n) for item in items]
        assert found.coverage[row] == pytest.approx(max(of_items))
        place, run = int(found.place[row]), int(found.run_place[row])
        assert (place >= 0) == (max(of_items) > 0)
        assert place < 0 or of_items[index.item_at(place)] == pytest.approx(max(of_items))
        long = {each for item in items for each in runs(item.split(), n + more)}
        assert (run >= 0) == any(each in long for text in words for each in runs(text, n + more))
        assert run < 0 or tuple(index.words(run, n + more).split()) in {each for text in words for each in runs(text, n + more)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't pay $1,000!", ["don", "t", "pay", "1", "000"]),
        ("naïve nai\u0308ve ＮＡÏＶＥ", ["naïve"] * 3),
        ("第3章 Kapitel", ["第", "3", "章", "kapitel"]),
        ("ﬁn", ["fin"]),
        ("", []),
        ("🙂\0\u202e", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert word_lists(pl.Series([text])).to_list() == [words]


def test_golden_hashes() -> None:
    """The hashes are the same on every machine."""
    hashes = mixed(np.arange(4, dtype=np.uint64))
    assert hashes.tolist()[:2] == [16294208416658607535, 10451216379200822465]
    [(_, single), (_, pairs)] = [(n, each.copy()) for n, each in ngrams(hashes, 2)]
    assert single.tolist() == hashes.tolist()
    assert pairs[0] == (16294208416658607535 * 0x9E3779B97F4A7C15 + 10451216379200822465) % 2**64


def test_no_text_and_no_item_has_a_word() -> None:
    found = Items(["…", ""], 8, 13).overlap(pl.Series(["", "a b"]), np.array([0, 1]), 2)
    assert found.coverage.tolist() == [0, 0] and found.place.tolist() == found.run_place.tolist() == [-1, -1]

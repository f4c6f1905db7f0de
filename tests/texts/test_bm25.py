"""BM25: the formula by hand, what shares nothing, and an order that never moves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.texts.bm25 import K1, B, Bm25

TEXTS = ["a red boat", "a blue boat and a red kite", "rain"]
words = st.lists(st.sampled_from("abcdef"), max_size=6).map(" ".join)


def test_the_formula_by_hand() -> None:
    """Three texts of 3, 7 and 1 words, 11/3 on average; `boat` stands in two of them, `a` twice in the second."""
    one, two, none = Bm25(TEXTS).scores("boat")
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    assert one == pytest.approx(idf * (K1 + 1) / (1 + K1 * (1 - B + B * 3 / (11 / 3))))
    assert two == pytest.approx(idf * (K1 + 1) / (1 + K1 * (1 - B + B * 7 / (11 / 3))))
    assert none == 0.0
    assert Bm25(TEXTS).scores("a")[1] == pytest.approx(idf * 2 * (K1 + 1) / (2 + K1 * (1 - B + B * 7 / (11 / 3))))


def test_rare_words_count_more_and_case_does_not() -> None:
    index = Bm25(["the tram", "the sled", "the sled", "the sled"])
    assert index.nearest("THE TRAM")[0] == 0
    assert index.scores("tram")[0] > index.scores("sled")[1]


def test_of_texts_as_near_the_first() -> None:
    assert Bm25(["x y", "x y", "z"]).nearest("x") == [0, 1, 2]
    assert Bm25(["x", "y", "z"]).nearest("nothing here", 2) == [0, 1]
    assert Bm25([]).nearest("x") == [] and Bm25(["", ""]).nearest("x", 1) == [0]


@given(st.lists(words, max_size=8), words)
def test_scores_are_no_less_than_nothing_and_only_shared_words_score(texts: list[str], query: str) -> None:
    for text, score in zip(texts, Bm25(texts).scores(query), strict=True):
        assert (score > 0) == bool(set(text.split()) & set(query.split()))

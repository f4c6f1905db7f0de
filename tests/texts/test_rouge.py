"""ROUGE-L: against the textbook's table, in any script, and quick on long texts."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.texts.rouge import common_subsequence, rouge_l, rouge_words

WORDS = some.lists(some.sampled_from("abcd"), max_size=80)


def by_table(one: list[str], other: list[str]) -> int:
    """The longest common subsequence by the quadratic table of textbooks."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = row
        row = [0]
        for place, each in enumerate(other):
            row.append(before[place] + 1 if word == each else max(before[place + 1], row[place]))
    return row[-1]


@given(WORDS, WORDS)
def test_agrees_with_the_table(one: list[str], other: list[str]) -> None:
    assert common_subsequence(one, other) == by_table(one, other) == common_subsequence(other, one)


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        ("police killed the gunman", "police kill the gunman", 0.75),  # the example of the paper, where beta is 1
        ("police killed the gunman", "the gunman kill police", 0.5),
        ("a b c", "a b c", 1.0),
        ("a b c", "d e", 0.0),
        ("", "", 0.0),
        ("", "a", 0.0),
        ("a a a", "a", 0.5),
    ],
)
def test_scores(one: str, other: str, score: float) -> None:
    assert rouge_l(rouge_words(one, 99), rouge_words(other, 99)) == pytest.approx(score)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't pay $1,000!", ["don", "t", "pay", "1", "000"]),
        ("naïve café au lait", ["na", "ve", "caf", "au", "lait"]),
        ("Переведи слово cat", ["переведи", "слово", "cat"]),
        ("把这句话翻译成英文", list("把这句话翻译成英文")),
        ("translate 把这句话翻译成英文", ["translate", *"把这句话翻译成英文"]),
        ("كم عدد الكتب؟", ["كم", "عدد", "الكتب"]),
        ("🙂 …\0\n", []),
        ("a b c d", ["a", "b", "c"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert rouge_words(text, 3 if text == "a b c d" else 99) == words


@pytest.mark.parametrize("text", ["a" * 1_000_000, "a " * 500_000, "_" * 1_000_000, "字" * 1_000_000, "\ud800é" * 500_000])
def test_long_texts_are_quick(text: str) -> None:
    start = perf_counter()
    words = rouge_words(text, 2_000)
    assert len(words) <= 2_000
    assert rouge_l(words, words) == (1.0 if words else 0.0)
    assert perf_counter() - start < 6

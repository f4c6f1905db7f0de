"""Differences of two texts: whole, in order, at words, and bounded in time and length."""

from __future__ import annotations

import random
import time

import pytest

from pipeline.texts.word_diff import LONGEST, Piece, word_diff


def shown(first: str, second: str) -> str:
    marks = {"same": "%s", "gone": "[-%s-]", "new": "{+%s+}", "cut": "<%s>"}
    return "".join(marks[mark] % text for mark, text in word_diff(first, second))


@pytest.mark.parametrize(
    ("first", "second", "pieces"),
    [
        ("You are careful. Add it.", "You are very careful. Add.", "You are [-careful-]{+very careful+}. Add[- it-]."),
        ("one two", "one three two", "one {+three +}two"),
        ("the cat", "the car", "the [-cat-]{+car+}"),
        ("a\nb\nc", "a\nd\nc", "a\n[-b-]{+d+}\nc"),
        ("a b", "a b c", "a b{+ c+}"),
        ("", "x", "{+x+}"),
        ("x", "", "[-x-]"),
        ("same", "same", ""),
    ],
)
def test_differences_are_words(first: str, second: str, pieces: str) -> None:
    assert shown(first, second) == pieces


def test_both_texts_can_be_read_off() -> None:
    chance = random.Random(0)
    for _ in range(3_000):
        first, second = ("".join(chance.choices("ab .\n", k=chance.randrange(14))) for _ in range(2))
        pieces = word_diff(first, second)
        assert not pieces if first == second else "".join(text for mark, text in pieces if mark != "new") == first
        assert not pieces or "".join(text for mark, text in pieces if mark != "gone") == second


def test_what_is_the_same_far_away_is_left_out() -> None:
    words = " ".join(f"word{number}" for number in range(500))
    pieces = word_diff(f"{words} red {words}", f"{words} blue {words}")
    assert [each.mark for each in pieces] == ["cut", "same", "gone", "new", "same", "cut"]
    assert pieces[2:4] == [Piece("gone", "red"), Piece("new", "blue")]
    assert sum(len(each.text) for each in pieces) < 500


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("x" * 1_000_000, "x" * 999_999 + "y"),
        ("<" * 1_000_000, ">" * 1_000_000),
        ("a b " * 250_000, "b a " * 250_000),
        (" \n" * 500_000, "\x00\u202e" * 500_000),
    ],
)
def test_a_megabyte_is_cut_and_takes_no_time(first: str, second: str) -> None:
    began = time.monotonic()
    pieces = word_diff(first, second)
    assert time.monotonic() - began < 5
    assert {"cut", "new"} <= {each.mark for each in pieces}
    assert sum(len(each.text) for each in pieces) < 6 * LONGEST

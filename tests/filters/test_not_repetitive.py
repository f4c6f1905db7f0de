"""Repetition: loops of every kind are found, reasoned answers are left alone, and Gopher's shares are as counted by hand."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.filters.not_repetitive import NotRepetitive, compression_ratio, gopher_shares, repeated_ngrams, tail_loop
from tests.rows import make_sample, make_task, public_data

DEFAULT = NotRepetitive(filter="not_repetitive")
GOPHER = NotRepetitive(filter="not_repetitive", gopher=True)
LOOP = "ends in a loop"
FLAT = "compresses to next to nothing"
WORDS = [f"{start}{middle}{end}" for start in "bdfgklmnprst" for middle in "aeiou" for end in ("n", "rt", "ck", "ll", "st")]


def prose(characters: int, seed: int = 0) -> str:
    """Words drawn at random: as much repetition as chance makes."""
    draw = random.Random(seed)
    text = ""
    while len(text) < characters:
        text += draw.choice(WORDS) + draw.choice([" ", " ", " ", ", ", ". ", ".\n"])
    return text[:characters]


def reason(text: str, condition: NotRepetitive = DEFAULT, reasoning: str | None = None) -> str:
    return condition.judge(make_task(), make_sample(text, reasoning=reasoning)).reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So it is 7. " + "The answer is 7.\n" * 6, LOOP),
        ("So it is 7. " + "The answer is 7.\n" * 5, "does not repeat itself"),  # 85 characters: too few to be sure
        ("So it is 7. " + "The answer is 7.\n" * 6 + "The ans", LOOP),
        ("1/3 = 0." + "3" * 400, LOOP),
        ("1/3 = 0." + "3" * 100, "does not repeat itself"),
        ("哈" * 100, LOOP),
        ("no " * 40, LOOP),
        (prose(2000) + "\n" * 400, LOOP),
        (prose(2000) + "\n" * 200, "does not repeat itself"),
        ("10^100 = 1" + "0" * 100, "does not repeat itself"),
        ("0 0 0 0 0 0 0 0 0 0\n" * 6, "does not repeat itself"),
        ("| yes | no |\n" * 12, "does not repeat itself"),
        ("Done.\n" + "-" * 100, "does not repeat itself"),
        (prose(2000) + "The answer is 7.\n" * 6 + "\n", LOOP),
        (prose(2000) + "\n" * 50, "does not repeat itself"),
        (prose(300) * 4, LOOP),
        (prose(300) * 3, "does not repeat itself"),
        (prose(1000) + "and so on, " * 300 + prose(1000), FLAT),
        (prose(9000) + "".join(f"Step {n}: add one to it.\n" for n in range(300)) + prose(9000), "does not repeat itself"),
        (prose(9000) + "".join("Then add one to the sum.\n" for n in range(200)) + prose(9000), FLAT),
        ("".join(f"{n} x 7 = {n * 7}\n" for n in range(1, 200)), "does not repeat itself"),
        ("|---" * 12 + "|\n" + "| 1 | 2 |\n" * 3, "does not repeat itself"),
        (prose(100_000), "does not repeat itself"),
        ("", "does not repeat itself"),
    ],
)
def test_loops(text: str, expected: str) -> None:
    assert reason(text) == expected
    assert reason("7", reasoning=text) == expected


def test_how_often_and_what() -> None:
    word = DEFAULT.judge(make_task(), make_sample("It is: " + "The answer is 7. " * 12))
    assert (word.score, word.detail) == (12, "'The answer is 7. ' 12 times")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 500), st.integers(1, 3000), st.integers(4, 40), st.floats(0, 1), st.integers(0, 10**6))
def test_every_loop_at_the_end_is_caught(before: int, period: int, repeats: int, cut: float, seed: int) -> None:
    piece = prose(period, seed)
    text = prose(before, seed + 1) + piece * max(repeats, -(-100 // period)) + piece[: int(cut * (period - 1))]
    assert DEFAULT.judge(make_task(), make_sample(text)).decision == "drop"


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 10**6))
def test_every_long_loop_in_the_middle_is_caught(period: int, seed: int) -> None:
    text = prose(3000, seed) + prose(period, seed + 1) * (3500 // period + 1) + prose(3000, seed + 2)
    assert DEFAULT.judge(make_task(), make_sample(text)).decision == "drop"


@settings(max_examples=200, deadline=None)
@given(st.text("ab ", max_size=60), st.integers(1, 30), st.integers(2, 5))
def test_the_tail_loop_is_that_of_the_definition(text: str, characters: int, repeats: int) -> None:
    """Some period p, at least `repeats` rounds, at least `characters` long, and the mark of 16 within it."""
    found, times = tail_loop(text, characters, repeats)
    spans = {p: max(p * repeats, characters) for p in range(1, len(text) + 1)}
    periods = [p for p, span in spans.items() if span <= len(text) and text[-span:][p:] == text[-span:][:-p]]
    if times:
        assert len(found) in periods and text.endswith(found)
    else:
        assert all(spans[p] - p < 16 for p in periods)


def test_compression_ratio_of_what_is_too_short() -> None:
    assert compression_ratio("a" * 499) == 1.0
    assert compression_ratio("a" * 500) < 0.1


def test_nonsense_is_refused() -> None:
    for fields in (
        {"loop_repeats": 1},
        {"loop_characters": 0},
        {"min_compression": 1.0},
        {"loop_characters": 1, "loop_repeats": 2},
    ):
        with pytest.raises(ValidationError):
            NotRepetitive(filter="not_repetitive", **fields)  # type: ignore[arg-type]


def shares(text: str) -> dict[str, float]:
    return {name: share for name, share, _ in gopher_shares(text)}


def test_gopher_shares_by_hand() -> None:
    lines = shares("one\ntwo\none\n\none")
    assert lines["lines"] == 2 / 4 and lines["characters of lines"] == 6 / 16
    assert lines["paragraphs"] == 0
    twice = shares("ab cd ab cd ef")  # 14 characters; `ab cd` twice: 10; no 3-gram twice
    assert (twice["most frequent 2-gram"], twice["most frequent 3-gram"]) == (10 / 14, 0)
    again = shares("a b c d e f a b c d e g")  # one 5-gram again: five letters
    assert again["duplicate 5-grams"] == 5 / 23 and again["duplicate 6-grams"] == 0
    assert shares("a b c d e f a b c d e f")["duplicate 5-grams"] == 5 / 23  # the overlapping one counts no letter again
    assert shares("five words and no more")["most frequent 2-gram"] == 0


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_repeated_ngrams_are_those_that_stand_twice(words: list[str]) -> None:
    for n, places in repeated_ngrams(words, 10):
        counts = Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))
        expected = [start for start in range(len(words) - n + 1) if counts[tuple(words[start : start + n])] > 1]
        assert [start for start, _ in places] == expected
        names = {name: tuple(words[start : start + n]) for start, name in places}
        assert len(set(names.values())) == len(names)


def test_golden_gopher_on_solutions_of_gsm8k() -> None:
    """Web limits are no limits for solutions: Gopher's drop 1,648 of 7,473 right ones, the defaults none."""
    answers = [json.loads(line)["answer"] for line in public_data("gsm8k_train.jsonl").read_text("utf-8").splitlines()]
    dropped = Counter(reason(answer, GOPHER).startswith("too much repeated") for answer in answers)
    assert dropped[True] == 1648
    assert all(reason(answer) == "does not repeat itself" for answer in answers)


def test_golden_loops_of_four_models() -> None:
    """Four of 2,640 replies go on with the digits of a recurring decimal, up to 1,480 of them."""
    rows = [json.loads(line) for line in public_data("gsm8k_model_solutions.jsonl").read_text("utf-8").splitlines()]
    replies = [each["solution"] for row in rows for each in row.values() if isinstance(each, dict)]
    assert Counter(map(reason, replies)) == {"does not repeat itself": 2636, LOOP: 4}

"""Checkable constraints: one reply that meets each, one that does not, and None where nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.constraints import CHECKS, constraint_met

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("keywords:existence", {"keywords": ["park", "Dog"]}, "The dog is in the PARK.", "The dogs are in the park."),
    ("keywords:forbidden_words", {"forbidden_words": ["old"]}, "A bold dog.", "An Old dog."),
    ("keywords:frequency", {"keyword": "red", "relation": "at least", "frequency": 2}, "Red, red.", "A red redness."),
    ("keywords:frequency", {"keyword": "red", "relation": "less than", "frequency": 2}, "A red dog.", "Red, red."),
    ("length_constraints:number_words", {"relation": "less than", "num_words": 4}, "It's a dog.", "It is a dog."),
    ("length_constraints:number_sentences", {"relation": "at least", "num_sentences": 2}, "One. Two!", "Only 1.5 one."),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "One *** two", "One *** two *** three"),
    ("change_case:english_lowercase", {}, "all of it, 3 times", "Not all of it"),
    ("change_case:english_capital", {}, "ALL OF IT, 3 TIMES", "NOT ALL OF it"),
    ("punctuation:no_comma", {}, "No such sign.", "Here, one."),
    ("startend:quotation", {}, ' "So it is." ', '"So" it is.'),
    ("startend:end_checker", {"end_phrase": "That is all."}, "Well. that is ALL.", "That is all. Bye."),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* one\n- two", "* one\n* two\n* three"),
    ("detectable_format:title", {}, "<<the dog>>\nIt waits.", "<< >>\nIt waits."),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Well.\n p.s. Write.", "No P.S. here."),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name], [place]", "[name]"),
    ("combination:two_responses", {}, "One. ****** Two.", "One. ****** One."),
]


@pytest.mark.parametrize(("kind", "arguments", "good", "bad"), CASES, ids=[case[0] for case in CASES])
def test_each_kind(kind: str, arguments: dict[str, Any], good: str, bad: str) -> None:
    assert constraint_met(good, {"kind": kind, **arguments}) is True
    assert constraint_met(bad, {"kind": kind, **arguments}) is False


def test_every_kind_is_tested() -> None:
    assert {case[0] for case in CASES} == CHECKS.keys()


@pytest.mark.parametrize(
    "constraint",
    [
        {},
        {"kind": "language:response_language", "language": "de"},
        {"kind": "keywords:existence"},
        {"kind": "keywords:existence", "keywords": 5},
        {"kind": "keywords:frequency", "keyword": "red", "relation": "exactly", "frequency": 2},
        {"kind": "length_constraints:number_paragraphs", "num_paragraphs": "two"},
    ],
)
def test_unknown_is_unverifiable(constraint: dict[str, Any]) -> None:
    assert constraint_met("Some *** text.", constraint) is None


def test_a_reply_of_nothing_but_brackets_is_no_json() -> None:
    assert constraint_met("[" * 100_000, {"kind": "detectable_format:json_format"}) is False


@given(st.text(), st.sampled_from(CASES))
def test_any_text_can_be_checked(text: str, case: tuple[str, dict[str, Any], str, str]) -> None:
    assert constraint_met(text, {"kind": case[0], **case[1]}) in (True, False)

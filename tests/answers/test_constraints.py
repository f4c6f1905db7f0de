"""Checkable constraints: replies that meet each kind, replies that do not, and None where nobody can tell."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.constraints import CHECKS, constraint_met, constraints_met, variants
from tests.answers.languages import SENTENCES

Case = tuple[str, dict[str, Any], str, str]
LEAST, LESS = {"relation": "at least"}, {"relation": "less than"}
CAPITAL_LEAST, CAPITAL_LESS = {"capital_relation": "at least"}, {"capital_relation": "less than"}
PARTS = {"section_spliter": "Part", "num_sections": 2}
SECOND = {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"}
CASES: list[Case] = [
    ("keywords:existence", {"keywords": ["park", "Dog"]}, "The dogs are in the PARK.", "The cats are in the park."),
    ("keywords:existence", {"keywords": ["c++"]}, "I like C++.", "I like ccc."),
    ("keywords:forbidden_words", {"forbidden_words": ["old"]}, "A bold dog.", "An Old dog."),
    ("keywords:forbidden_words", {"forbidden_words": ["c++"]}, "I like c.", "I like C++ now."),
    ("keywords:frequency", {"keyword": "red", "frequency": 2} | LEAST, "A red redness.", "A red dog."),
    ("keywords:frequency", {"keyword": "red", "frequency": 2} | LESS, "A red dog.", "Red, red."),
    ("keywords:letter_frequency", {"letter": "A", "let_frequency": 2, "let_relation": "at least"}, "Ada", "Abc"),
    ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": "at least"}, "# ##", "# aa"),
    ("keywords:letter_frequency", {"letter": "e", "let_frequency": 2, "let_relation": "less than"}, "He.", "Hee."),
    ("language:response_language", {"language": "de"}, SENTENCES["de"], SENTENCES["en"]),
    ("language:response_language", {"language": "zh-cn"}, SENTENCES["zh"], SENTENCES["ja"]),
    ("length_constraints:number_words", {"num_words": 5} | LESS, "It's a dog.", "It is not a dog."),
    ("length_constraints:number_words", {"num_words": 3} | LEAST, "आज मौसम अच्छा", "मौसम अच्छा"),
    ("length_constraints:number_sentences", {"num_sentences": 2} | LEAST, "One. Two!", "Only 1.5 one."),
    ("length_constraints:number_sentences", {"num_sentences": 2} | LESS, "Dr. A. Hall, e.g. in bed.", "Plan B. Then C."),
    ("length_constraints:number_sentences", {"num_sentences": 3} | LESS, "**One.** *Two.*", '"One?" he asked. He left...'),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "***\nOne\n***\ntwo\n***", "One *** two *** three"),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "One***two", "One *** *** two"),
    ("length_constraints:nth_paragraph_first_word", SECOND, "One.\n\nThen, two.", "One.\n\nThens two."),
    ("length_constraints:nth_paragraph_first_word", SECOND, "One.\n\n\n\n\"then' two.", "Then one.\n\nTwo."),
    ("length_constraints:nth_paragraph_first_word", SECOND, "One.\n\nTHEN! two.", "One.\n\nThen two.\n\nThree."),
    ("change_case:english_lowercase", {}, "all of it, 3 times", "Not all of it"),
    ("change_case:english_lowercase", {}, SENTENCES["en"].lower(), SENTENCES["de"].lower()),
    ("change_case:english_capital", {}, "ALL OF IT, 3 TIMES", "NOT ALL OF it"),
    ("change_case:english_capital", {}, SENTENCES["en"].upper(), SENTENCES["ru"].upper()),
    ("change_case:capital_word_frequency", {"capital_frequency": 2} | CAPITAL_LEAST, "I know NASA.", "Nasa, NASa, nASA"),
    ("change_case:capital_word_frequency", {"capital_frequency": 3} | CAPITAL_LESS, "COVID-19 U.S.", "DON'T (YELL)"),
    ("punctuation:no_comma", {}, "No such sign.", "Here, one."),
    ("startend:quotation", {}, ' "So it is." ', '"So" it is.'),
    ("startend:quotation", {}, '""', '"'),
    ("startend:end_checker", {"end_phrase": " That is all. "}, 'Well. "that is ALL."', "That is all. Bye."),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* one\n - two\n---\n**bold**", "* one\n* two\n* three"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 0}, "1. one\n• two", "- one"),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*one* and **two**", "**one** and * *"),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 1}, "*one*", "*one\ntwo*"),
    ("detectable_format:multiple_sections", PARTS, "Part 1\nA\nPart2 B", "Part 1\npart 2"),
    ("detectable_format:constrained_response", {}, "Well. My answer is no.", "My answer is not."),
    ("detectable_format:title", {}, "<<the dog>>\nIt waits.", "<< >>\nIt waits."),
    ("detectable_format:title", {}, "x << 1 and y >> 2", "<<the\ndog>>"),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"),
    ("detectable_format:json_format", {}, '```JSON [1, null]```', '```python\n[1]\n```'),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Well. p. s. Write.", "Help. s. o. s."),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "Well.\nP. P.S. Write.", "Well.\nP.S. Write."),
    ("detectable_content:postscript", {"postscript_marker": "N.B."}, "Well.\nN.B. Write.", "Well.\nNxBx Write."),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[name], []", "[name [of] them, [two\nlines]"),
    ("combination:two_responses", {}, "******One.\n******\nTwo.******", "One. ****** One."),
    ("combination:two_responses", {}, "One. ****** Two.", "One. ****** Two. ****** Three."),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Tell me."}, " tell ME. Yes.", "Sure! Tell me."),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "arguments", "good", "bad"), CASES, ids=[f"{case[0]} {case[2][:12]}" for case in CASES])
def test_each_kind(kind: str, arguments: dict[str, Any], good: str, bad: str) -> None:
    assert constraint_met(good, {"kind": kind, **arguments}) is True
    assert constraint_met(bad, {"kind": kind, **arguments}) is False


def test_every_kind_is_tested() -> None:
    assert {case[0] for case in CASES} == CHECKS.keys()
    assert len(CHECKS) == 25


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_saying_nothing_meets_nothing(case: Case) -> None:
    assert constraints_met(" \n\n ", [{"kind": case[0], **case[1]}]) == [False]


@pytest.mark.parametrize(
    "constraint",
    [
        {},
        {"kind": None},
        {"kind": "unheard:of"},
        {"kind": "punctuation:no_comma", "sign": ";"},
        {"kind": "punctuation:no_comma", "text": "another"},
        {"kind": "language:response_language", "language": "xx"},
        {"kind": "language:response_language"},
        {"kind": "keywords:existence"},
        {"kind": "keywords:existence", "keywords": 5},
        {"kind": "keywords:existence", "keywords": []},
        {"kind": "keywords:existence", "keywords": "text"},
        {"kind": "keywords:existence", "keywords": ["text", None]},
        {"kind": "keywords:forbidden_words", "forbidden_words": [" "]},
        {"kind": "keywords:letter_frequency", "letter": "ab", "let_frequency": 1, "let_relation": "at least"},
        {"kind": "keywords:frequency", "keyword": "red", "relation": "exactly", "frequency": 2},
        {"kind": "keywords:frequency", "keyword": "red", "relation": "at least", "frequency": -1},
        {"kind": "length_constraints:number_paragraphs", "num_paragraphs": "two"},
        {"kind": "length_constraints:number_words", "num_words": 5},
        {"kind": "length_constraints:nth_paragraph_first_word", "num_paragraphs": 1, "nth_paragraph": 2, "first_word": "a"},
    ],
)
@pytest.mark.parametrize("loose", [False, True])
def test_unknown_is_unverifiable(constraint: dict[str, Any], loose: bool) -> None:
    assert constraint_met("Some *** text.", constraint, loose) is None


@pytest.mark.parametrize(
    "text", ["12345", "Ja, gut.", "$\\frac{ein langer Bruch}{mit vielen Buchstaben}$", "```\nein Programm mit Worten\n```"]
)
def test_too_little_text_has_no_language(text: str) -> None:
    assert constraint_met(text, {"kind": "language:response_language", "language": "de"}) is None


def test_null_arguments_are_left_out() -> None:
    given = {"kind": "keywords:existence", "keywords": ["dog"], "num_words": None, "relation": None}
    assert constraint_met("A dog.", given) is True


def test_eight_variants() -> None:
    assert variants("*a\nb*\nc") == ["*a\nb*\nc", "b*\nc", "*a\nb*", "b*", "a\nb\nc", "b\nc", "a\nb", "b"]
    assert variants("one") == ["one", ""]


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ('Sure!\n"So it is."', {"kind": "startend:quotation"}),
        ('"So it is."\nBye', {"kind": "startend:quotation"}),
        ('Sure!\n**"So it is."**\nBye', {"kind": "startend:quotation"}),
        ("no sign at all\nwell, well", {"kind": "punctuation:no_comma"}),
        ("**That is all.**", {"kind": "startend:end_checker", "end_phrase": "That is all."}),
    ],
)
def test_loose_forgives(text: str, constraint: dict[str, Any]) -> None:
    assert constraint_met(text, constraint) is False
    assert constraint_met(text, constraint, loose=True) is True


def test_loose_does_not_forget_that_the_whole_is_in_another_language() -> None:
    """Without a line too little may be left to tell; that makes nothing unverifiable which is told from the whole."""
    text = f"Yes.\n{SENTENCES['en']}\nBye."
    assert constraint_met(text, {"kind": "language:response_language", "language": "de"}, loose=True) is False


def test_a_reply_of_nothing_but_brackets_is_no_json() -> None:
    assert constraint_met("[" * 100_000, {"kind": "detectable_format:json_format"}) is False


@given(st.text(st.characters()) | st.text("*\n[]<>-.!? \"'aA,#", max_size=60), st.sampled_from(CASES), st.booleans())
def test_any_text_can_be_checked(text: str, case: Case, loose: bool) -> None:
    word = constraint_met(text, {"kind": case[0], **case[1]}, loose)
    assert word in (True, False) or (word is None and case[0] == "language:response_language")


@given(st.text("*\n[]<>-.!? \"'aA,#", max_size=60), st.sampled_from(CASES))
def test_what_is_met_is_met_loosely(text: str, case: Case) -> None:
    constraint = {"kind": case[0], **case[1]}
    assert constraint_met(text, constraint) is not True or constraint_met(text, constraint, loose=True) is True


PIECES = {
    "one letter": "a", "capitals": "A", "words": "ab ", "lines": "\n", "brackets": "[", "angles": "<", "stars": "*a",
    "dots": ".",
    "marks": "!", "quotes": '."', "dollars": "$a", "formulas": "\\(", "dashes": "- ", "spaces": " ", "surrogates": "\ud800",
    "signs on letters": "\u093e", "zeros": "\x00", "digits": "Part 1111", "postscripts": "p.", "sentences": "Mr. A b. ",
}  # fmt: skip


@pytest.mark.parametrize(
    ("characters", "seconds"), [(100_000, 3), pytest.param(1_000_000, 30, marks=pytest.mark.slow)], ids=["100 kB", "1 MB"]
)
@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_time_grows_with_the_length(piece: str, characters: int, seconds: float) -> None:
    """All kinds together; a pattern that takes the square of the length would take minutes."""
    text = piece * (characters // len(piece)) + "a"
    start = time.process_time()
    constraints_met(text, [{"kind": kind, **arguments} for kind, arguments, _, _ in CASES])
    assert time.process_time() - start < seconds

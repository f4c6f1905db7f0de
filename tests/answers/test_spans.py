"""Where the answer stands: what stands there alone says what the whole text says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.final import final_answer
from pipeline.answers.spans import answer_place, answer_span
from tests.rows import public_data


def spanned(text: str) -> str | None:
    span = answer_span(text)
    return None if span is None else text[span.start : span.end]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The answer is $18.", "18"),
        ("18 is not it. #### 1,200", "1,200"),
        ("12+5=17. So the answer is seventeen.", "seventeen"),
        (r"So \boxed{\frac{1}{2}} it is", r"\frac{1}{2}"),
        ('{"why": "17 and 18", "answer": 18}', "18"),
        ('{"why": "Paris is big", "answer": "Paris"}', "Paris"),
        ("The answer is 15 - 14 = 1", "1"),
        ("The answer is 9*2 = 18 dollars.", "18"),
        ("**Answer:** 18 (two crates)", "18"),
        ("<think>The answer is 5.</think>The answer is 7.", "7"),
        ("The answer is yes.", "yes"),
        ("1 and 21", "21"),
        ("A: 4 or 5", None),
        (r"\boxed{0.50.5}", None),
        ("The answer is", None),
        ("", None),
    ],
)
def test_the_answer_is_found_where_it_stands(text: str, said: str | None) -> None:
    assert spanned(text) == said


def test_the_last_place_behind_an_equals_sign_not_the_same_number_before() -> None:
    text = "The answer is 18*1 = 18"
    span = answer_span(text)
    assert span is not None and (span.start, span.end) == (21, 23)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("It is 18.", None),
        ("The answer is 18.", 13),
        ("#### 7", 4),
        ('{"answer": 7}', 9),
        ("<think>The answer is 5.</think>7", None),
    ],
)
def test_where_the_part_begins_that_states_the_answer(text: str, place: int | None) -> None:
    assert answer_place(text) == place


PIECES = st.sampled_from(
    ["The answer is", "#### ", "Answer:", "\\boxed{", "}", "{", "$", "18", "-3", "1,200", "0.5", "yes", "seven", "Rome", " ",
     ".", "\n", "=", "+", "1/2", '{"answer": ', '"', "</think>", "or", ",", "(", ")"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map("".join))
def test_alone_it_says_what_the_whole_says(text: str) -> None:
    if (said := spanned(text)) is not None:
        assert said and final_answer(said) == final_answer(text)


def test_nearly_every_solution_of_gsm8k_has_one() -> None:
    lines = public_data("gsm8k_test.jsonl").read_text(encoding="utf-8").splitlines()
    found = [spanned(json.loads(line)["answer"]) for line in lines]
    assert [said for said in found if said is None] == []

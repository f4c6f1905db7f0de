"""Final answers: found after the last marker, compared as decimals, and in agreement with the labels of real solutions."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.answers.final import after_marker, as_number, final_answer, same_answer
from tests.rows import public_data

NUMBERS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=2)
CURRENCIES = ("", "$", "€", "£")
UNITS = ("", " dollars", " km", "%", " cm²", " eggs a day")
MARKERS = ("#### {}", "The answer is {}.", "So 3 + 4 = 7.\nA: {}", "Final answer: {}", "Answer: **{}**", "\\boxed{{{}}}", "{}")


@st.composite
def spellings(draw: st.DrawFn, number: Decimal) -> str:
    """One way people and models write a number as an answer."""
    plain = f"{abs(number):,f}" if draw(st.booleans()) else f"{abs(number):f}"
    if "." in plain and draw(st.booleans()):
        plain = plain.rstrip("0").rstrip(".")
    sign = draw(st.sampled_from(("-", "−"))) if number < 0 else ""
    currency = draw(st.sampled_from(CURRENCIES))
    written = draw(st.sampled_from((f"{sign}{currency}{plain}", f"{currency}{sign}{plain}")))
    return draw(st.sampled_from(MARKERS)).format(written + draw(st.sampled_from(UNITS)))


@given(st.data(), NUMBERS)
def test_any_spelling_of_a_number_is_the_same(data: st.DataObject, number: Decimal) -> None:
    expected, text = data.draw(spellings(number)), data.draw(spellings(number))
    assert same_answer(expected, text) is True


@given(st.data(), NUMBERS, NUMBERS)
def test_another_number_is_never_the_same(data: st.DataObject, number: Decimal, other: Decimal) -> None:
    assume(abs(number - other) > Decimal("1e-6") * max(1, abs(number)))
    assert same_answer(data.draw(spellings(number)), data.draw(spellings(other))) is False


@given(st.integers(-(10**30), 10**30), st.integers(1, 5))
def test_whole_numbers_are_compared_exactly(number: int, more: int) -> None:
    assert same_answer(str(number), f"The answer is {number + more}.") is False


@given(st.text(), st.text())
def test_any_text_can_be_compared(expected: str, text: str) -> None:
    assert same_answer(expected, text) in (True, False, None)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Job A: 2000 hours at first.\nShe needs 9 * 2 = 18.\nA: 18", "18"),
        ("The answer is 7. No, wait: the answer is 8.", "8"),
        ("Kim has <<2+3=5>>5 apples and eats 1, so 4 are left", "4"),
        ("It costs $5,600.00 in all", "5,600.00"),
        ("\\boxed{\\text{yes}}", "\\text{yes}"),
        ("#### \n 12", "12"),
        ("The answer is Paris.", "Paris"),
        ("The answer is 1/2.", "1/2"),
        ("3/4", "3/4"),
        ("3 7 2", "3 7 2"),
        ("no digits at all", "no digits at all"),
        ("", None),
    ],
)
def test_final_answer(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("expected", "text", "same"),
    [
        ("yes", "The answer is Yes.", True),
        ("yes", "no", False),
        ("3 7 2", "3 7 2", True),
        ("3 7 2", "3 2 7", False),
        ("-5", "The answer is -$5.", True),
        ("5", "-$5", False),
        ("1/2", "The answer is 0.5", True),
        ("1/2", "The answer is 2", False),
        ("1/3", "0.33333333", True),
        ("12:30", "The answer is 12:30", True),
        ("12:30", "Half past, so 30", False),
        ("route 66", "The answer is highway 66", False),
        ("5", "The answer is 1e99999999", False),
        ("10000000", "10000005", False),
        ("", "5", None),
        ("!?", "5", None),
    ],
)
def test_same_answer(expected: str, text: str, same: bool | None) -> None:
    assert same_answer(expected, text) is same


@pytest.mark.parametrize(
    ("text", "rest"),
    [("A: 5\nmore", "5"), ("\\boxed{a{b}c} d", "a{b}c"), ("the answer is", ""), ("CAA: 5", None), ("nothing", None)],
)
def test_after_marker(text: str, rest: str | None) -> None:
    assert after_marker(text) == rest


@pytest.mark.parametrize("text", ["", "twelve", "1 2", "12:30", "5/0", "1e5000"])
def test_what_is_no_number(text: str) -> None:
    assert as_number(text) is None


@pytest.mark.parametrize(
    "text",
    ["The answer is 5 " + "a" * 20_000 + "#", "5" + " " * 20_000 + "#", "1," * 20_000, "$" * 20_000, "A: " * 10_000],
    ids=["letters", "spaces", "commas", "currency", "markers"],
)
def test_a_reply_that_runs_on_takes_no_time(text: str) -> None:
    started = time.monotonic()
    same_answer("5", text)
    assert time.monotonic() - started < 2


def test_agrees_with_every_label_of_real_solutions() -> None:
    """2,640 solutions by four models, labelled by people who read the answer after the last `A:`."""
    right = total = 0
    for line in public_data("gsm8k_model_solutions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for given_answer in (value for value in row.values() if isinstance(value, dict)):
            assert same_answer(row["ground_truth"], given_answer["solution"]) is given_answer["is_correct"], row["question"]
            total, right = total + 1, right + given_answer["is_correct"]
    assert (total, right) == (2640, 1008)


def test_every_reference_solution_equals_itself() -> None:
    for line in public_data("gsm8k_test.jsonl").read_text(encoding="utf-8").splitlines():
        answer = json.loads(line)["answer"]
        assert same_answer(answer, answer) is True
        assert same_answer(answer, answer.split("####")[1]) is True

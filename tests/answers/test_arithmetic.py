"""Arithmetic: expressions computed by rules of our own, and the calculations of a text found and computed again."""

from __future__ import annotations

import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.arithmetic import WHOLE, value
from pipeline.answers.steps import MOST_EQUALS, is_right, is_too_long, steps

NUMBERS = st.decimals(0, 10**6, allow_nan=False, allow_infinity=False, places=2).map(lambda number: f"{number:f}")
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: " ".join(parts)),
        inner.map(lambda each: f"({each})"),
        inner.map(lambda each: f"-({each})"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_agrees_with_python(expression: str) -> None:
    """Python's own value, of fractions, so that it is exact."""
    numbers = "".join(f"Fraction('{part}')" if part[0].isdigit() else part for part in _parts(expression))
    try:
        expected = eval(numbers, {"Fraction": Fraction})
    except ZeroDivisionError:
        assert value(expression) is None
        return
    computed = value(expression)
    assert computed is not None
    assert abs(Fraction(computed) - expected) <= Fraction(1, 10**20) * max(1, abs(expected))


def _parts(expression: str) -> list[str]:
    spaced = expression
    for sign in "()":
        spaced = spaced.replace(sign, f" {sign} ")
    return spaced.replace("-", " - ").split()


@given(st.text("0123456789.,+-*/^()% x=", max_size=60) | st.text(max_size=60))
def test_any_text_has_a_value_or_none(text: str) -> None:
    computed = value(text)
    assert computed is None or computed.is_finite()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1+2*3", "7"), ("-2^2", "-4"), ("2^-1", "0.5"), ("2(3+4)", "14"), ("20% * 50", "10"), ("1,000 + 1", "1001"),
        (".5*4", "2"), ("--5", "5"), ("2**10", "1024"), ("9//3", "3"), ("$2 × 3", "6"), ("6 ÷ 4", "1.5"), ("2 \\cdot 3", "6"),
        ("2^{10}", "1024"), ("5.", "5"), ("5 − 2", "3"), ("2^3^2", "512"),
    ],
)  # fmt: skip
def test_value(expression: str, expected: str) -> None:
    assert value(expression) == Decimal(expected)


@pytest.mark.parametrize(
    "expression",
    ["", "x", "3 4", "1..2", "5/0", "(1", "1)", "*3", "3+", "9^9^9", "0^-1", "(-8)^0.5", "10^64*10^64" + "*10^64" * 20,
     "abs(3)", "1" * 401, "(" * 100 + "1" + ")" * 100, "-" * 100 + "1", "__import__('os')"],
)  # fmt: skip
def test_what_has_no_value(expression: str) -> None:
    assert value(expression) is None


def test_per_cent_as_a_unit() -> None:
    assert value("20% + 30%", WHOLE) == 50


@pytest.mark.parametrize(
    ("expression", "result", "right"),
    [
        ("10/3", "3.33", True), ("10/3", "3.3", True), ("10/3", "3", True), ("10/3", "3.34", False), ("2/3", "0.66", True),
        ("2/3", "0.67", True), ("2/3", "0.68", False), ("19.5/4", "5", True), ("50/3", "16", True), ("50/3", "18", False),
        ("3+4", "8", False), ("3+4", "7.0", True), ("5/20", "25%", True), ("5/20", "25", False), ("1/3", "33%", True),
        ("1/3", "33.3%", True), ("1/3", "35%", False), ("20%+30%", "50%", True), ("50*20%", "10", True),
        ("1/6*240", "40", True), ("1/2", "2/4", True), ("1/2", "2/3", False), ("1/3", "0.3333333333333333", True),
        ("4-9", "-5", True),
    ],
)  # fmt: skip
def test_results_may_be_rounded_as_people_do(expression: str, result: str, right: bool) -> None:
    assert is_right(expression, result) is right


FOUND = [
    ("9 eggs * $2 = $18", "9*2=18"),
    ("She has 16 - 3 - 4 = 9 eggs", "16-3-4=9"),
    ("x = 5 + 3 = 8", "5+3=8"),
    ("5 apples + 3 apples = 8 apples", "5+3=8"),
    ("- 5 + 3 = 8", "5+3=8"),
    ("2) 5 + 3 = 8", "5+3=8"),
    ("**5 + 3 = 8**", "5+3=8"),
    ("so 5 x 3 = 15", "5*3=15"),
    ("5*-3=-15", "5*-3=-15"),
    ("$1,000 + $2,500 = $3,500", "1000+2500=3500"),
    ("3 * (4 + 2) = 18 cakes", "3*(4+2)=18"),
    ("60 miles/hour * 2 hours = 120 miles", "60*2=120"),
    ("$9 \\times 2 = 18$", "9*2=18"),
    ("\\frac{1}{2} * 10 = 5", "(1/2)*10=5"),
    ("1/4 = 0.25", "1/4=0.25"),
    ("3 × 4 ≈ 12", "3*4=12"),
    ("2^3 = 8", "2^3=8"),
    ("a total of 5 * 3 = 15", "5*3=15"),
    ("5 + 3 = 9", None),
    ("5 apples + 3 apples = 9 apples", None),
]


@pytest.mark.parametrize(
    "text",
    [r"\[ 3 \times 4 = 11 \]", r"3 \times 4 = 11 \\", r"3 \times 4 &= 11 \\", r"3 \times 4 = \boxed{11}", "3 × 4 = **11**",
     "3 × 4 = **11 apples**", "**3 × 4 = 11**", "3 × 4 = `11`", "3 * 4 = 11!", r"3 \times 4 = 11\,\text{cm}", "3*4 = ₹11",
     "3*4 = 11 (total)", "2*13 = 4!", "12/4 = 4", "1e3 + 1 = 1002"],
)  # fmt: skip
def test_a_wrong_result_is_off_however_it_is_written(text: str) -> None:
    assert [step.right for step in steps(text)] == [False]


@pytest.mark.parametrize(("text", "step"), FOUND)
def test_calculations_in_prose(text: str, step: str | None) -> None:
    (found,) = steps(text)
    assert (found.text, found.right) == (step or "5+3=9", step is not None)


@pytest.mark.parametrize(
    "text",
    ["2x + 5 = 12", "y - 3 = 4", "1 1/2 * 4 = 6", "1 and 1/4 + 1 = 9", "sqrt(16) + 2 = 6", "5! = 120", "4:30 + 2 = 6:30",
     "x = 5", "15+2a = 35", "100/5 = 5A/5", "1/2 a cup = 4 ounces", "3 more + the 29 + 24 cakes already up = 83",
     "2 million * 3 = 6,000", "100 - 20% = 80", "2 hours + 30 minutes = 150 minutes", "50 cents * 4 = $2", "25/1/3 = 75",
     "8 packs of 5 bags * 4 = 160", "2 * (3 + 4 = 14", "0900 - 0130 = 0730", "3 >= 2 + 5", "a == 3 + 4", "14, 400 / 80 = 180",
     "", "= = =", "3 + = 4", "H = 88,000 - 10H = 78,000",
     "3/5 = 12 students, so 1/5 = 4 students", "If 3/5 = 12, then 1/5 = 4.", "2/3 = 20", "1/4 = 25 minutes",
     "Days 1-5 = 25 minutes", "Pages 10-20 = 11 pages", "1990-2000 = 10 years", "9-5 = 8 hours", "Lakers 3-2 = 5 games",
     "Step 2 - 3 + 4 = 7", "Day 2 - 3 * 4 = 12", "#1 - 5*4 = 20", "60 * 2.5 = 2 hours and 30 minutes", "1e3 + 1 = 1001",
     "1.5e3 * 2 = 3000", "1.234,50 + 1 = 1.235,50", "100/3 = 34", "2*12 = 4!", "2*3 = 6 **total**"],
)  # fmt: skip
def test_what_is_no_calculation_for_certain(text: str) -> None:
    assert [step for step in steps(text) if not step.right] == []


def test_a_sum_that_is_too_long_to_read_is_not_off() -> None:
    assert [step.right for step in steps("+".join("1" * 50) + " = 50")] == [True]
    assert [step for step in steps(" + ".join("1" * 90) + " = 90") if not step.right] == []
    assert [step for step in steps("+".join("1" * 300) + " = 300") if not step.right] == []


def test_marks_and_chains() -> None:
    marked, shown = steps("It takes 9 * 2 = $<<9*2=18>>18 in all"), steps("2*3 = 5+1 = 7")
    assert [(step.text, step.right) for step in marked] == [("9*2=18", True), ("9*2=18", True)]
    assert [(step.text, step.right) for step in shown] == [("2*3=5", True), ("5+1=7", False)]
    assert [step.right for step in steps("<<x*2=8>> <<5*2/5=2.0=2.0>> <<5*2/5=2.0=3>> <<25>> <<4/0=4>>")] == [
        None,
        True,
        False,
        None,
        None,
    ]


@given(st.integers(0, 10**6), st.integers(1, 10**4), st.sampled_from("+-*"), st.sampled_from(("", "$")), st.integers(1, 99))
def test_any_right_calculation_is_right_and_any_other_is_off(
    first: int, second: int, sign: str, currency: str, more: int
) -> None:
    result = {"+": first + second, "-": first - second, "*": first * second}[sign]
    text = f"So it is {currency}{first:,} {sign} {second} = {currency}{{:,}} in all."
    assert [step.right for step in steps(text.format(result))] == [True]
    assert [step.right for step in steps(text.format(result + more))] == [False]


@given(st.text("0123456789+-*/=() .,%$xab<>\n", max_size=300) | st.text())
def test_any_text_has_steps_or_none(text: str) -> None:
    assert all(0 <= step.place <= len(text) for step in steps(text))


HOSTILE = ("1=", "1+1=", "(1+", "<<1", "<<1=1>>", "9*9=1 a ", "-", "=", "1 ", " ", "1+1=2\n", "a", "≈", "$", "\\frac", "x")


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_text_that_runs_on_takes_no_time(piece: str) -> None:
    started = time.process_time()
    text = piece * (1_000_000 // len(piece))
    assert is_too_long(text)
    steps(text[: text.find(piece, 4 * MOST_EQUALS)])
    assert time.process_time() - started < 9


def test_off_by_one_is_off_among_billions_too() -> None:
    assert [step.right for step in steps("872747*1152=1005404544")] == [True]
    assert [step.right for step in steps("872747*1152=1005404545")] == [False]

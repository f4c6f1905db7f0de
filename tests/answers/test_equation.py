"""The one line `x = …`: what real models add is passed over, and anything else than one computable equation is refused."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.arithmetic import value
from pipeline.answers.equation import LONGEST, equation_in


@pytest.mark.parametrize(
    "text",
    [
        "x = ((12 + 5) * 3) - 4",
        "x=((12+5)*3)-4.",
        "\n**x = (12 + 5) × 3 − 4**\n",
        "`x = (12+5)*3-4`",
        "```\nx = (12+5)*3-4\n```",
        "```python\nx = (12+5)*3-4\n```",
        "The equation is:\n\nx = (12+5)*3-4",
        "Equation: x = (12+5)*3-4",
        "**Equation:** $x = (12+5)*3-4$",
        r"\(x = (12 + 5) \times 3 - 4\)",
        r"$$X = (12+5) \cdot 3 - 4$$",
        "x = (12+5)*3-4 = 47",
        "x = 3(12+5)-4",
    ],
)
def test_what_models_add_is_passed_over(text: str) -> None:
    found = equation_in(text)
    assert found is not None and value(found) == 47


@pytest.mark.parametrize(
    "text",
    [
        "",
        "47",
        "x = 47",
        "x = $1,200",
        "x =",
        "(12+5)*3-4",
        "y = 12+5",
        "x = y+5",
        "x = 12 apples + 5",
        "x = 12+",
        "x = 1/0+2",
        "x = 12+5 = 18",
        "x = 12+5 = 17 = 17",
        "x == 12+5",
        "max = 12+5",
        "x = 12+5\nx = 17*3",
        "First 12+5.\nThen x = 17*3",
        "x = 9**9**9**9",
        "x = __import__('os').system('id') + 1 + 2",
        "x = 1" + "+1" * 300,
        "x = 12+5" + "\n" * LONGEST,
    ],
)
def test_what_is_no_one_equation_is_refused(text: str) -> None:
    assert equation_in(text) is None


@given(st.text(alphabet="x=+-*/().12 \n`$\\:%,", max_size=80))
def test_what_is_read_has_a_value(text: str) -> None:
    found = equation_in(text)
    assert found is None or value(found) is not None


@pytest.mark.parametrize("part", ["x", "x = ", "(", "1+", "=", "`", "$", "\\(", "x \t", "\n"])
def test_hostile_texts_take_no_time(part: str) -> None:
    started = perf_counter()
    equation_in("x = " + part * ((LONGEST - 4) // len(part)))
    assert perf_counter() - started < 1

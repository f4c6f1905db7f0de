"""What the program in a reply computes, and what its author is told where it computes nothing."""

from __future__ import annotations

import pytest

from pipeline.answers.computed import Computed, computed
from pipeline.answers.sandbox import Limits


def block(*lines: str) -> str:
    return "\n".join(["Here it is:", "```python", "def solution():", *(f"    {line}" for line in lines), "```", "Good luck."])


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (("return 12 + 5",), "17"),
        (("import math", "return math.floor(17.9)"), "17"),
        (("from math import floor", "return floor(17.9)"), "17"),
        (("return 'seventeen'",), "seventeen"),
        (("return 1 / 4",), "0.25"),
    ],
)
def test_the_answer(lines: tuple[str, ...], answer: str) -> None:
    found = computed(block(*lines))
    assert (found.answer, found.error) == (answer, "")
    assert found.code is not None and found.code.startswith("def solution():") and "```" not in found.code


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (("return m",), "NameError: name 'm' is not defined"),
        (("n = 17",), "The program returns no answer."),
        (("return 17 / 0",), "ZeroDivisionError"),
        (("import re", "return 17"), "ImportError: only math may be imported, not re"),
        (("from os import path", "return 17"), "ImportError: only math may be imported, not os"),
        (("return (17",), "SyntaxError"),
        (("while True: pass",), "takes too long"),
    ],
)
def test_the_error(lines: tuple[str, ...], error: str) -> None:
    found = computed(block(*lines), Limits(seconds=0.2))
    assert found.answer == "" and error in found.error


def test_no_program() -> None:
    assert computed("I would say 17.") == Computed(None)

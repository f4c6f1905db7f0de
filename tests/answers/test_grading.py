"""Grading: by constraints where a task has some, else by its answer, else nobody can tell."""

from __future__ import annotations

import pytest

from pipeline.answers.grading import grade
from tests.rows import make_task

COMMA, UNKNOWN, LOWER = {"kind": "punctuation:no_comma"}, {"kind": "unheard:of"}, {"kind": "change_case:english_lowercase"}


@pytest.mark.parametrize(
    ("constraints", "correct"),
    [([COMMA], True), ([COMMA, LOWER], False), ([COMMA, UNKNOWN], None), ([UNKNOWN, LOWER], False)],
)
def test_constraints(constraints: list[dict[str, str]], correct: bool | None) -> None:
    graded = grade(make_task(constraints=constraints, answer="7"), "Seven is 7")
    assert graded.correct is correct
    assert graded.prediction == "Seven is 7"


def test_answer() -> None:
    graded = grade(make_task(answer="7"), "3 + 4 = 7. The answer is 7.")
    assert (graded.prediction, graded.expected, graded.correct) == ("7", "7", True)
    assert grade(make_task(answer="7"), "The answer is 8.").correct is False
    assert grade(make_task(answer="7"), "").correct is False


@pytest.mark.parametrize(
    ("answer", "text", "correct", "why"),
    [
        ("C", "The answer is (C) Berlin.", True, None),
        ("Berlin", "The answer is (A).", False, None),
        ("C", "", False, None),
        ("C", "I cannot tell.", None, "no one option is picked"),
        ("C", "The answer is C or D", None, "no one option is picked"),
        ("2", "The answer is (C) Berlin.", None, "the answer names none of the options"),
        ("2", "The answer is 2", None, "the answer names none of the options"),
        ("Oslo", "The answer is Oslo", None, "the answer names none of the options"),
    ],
)
def test_options(answer: str, text: str, correct: bool | None, why: str | None) -> None:
    graded = grade(make_task(answer=answer, choices=["Paris", "Rome", "Berlin", "Madrid"]), text)
    assert (graded.correct, graded.why) == (correct, why)


def test_nothing_to_grade_by() -> None:
    graded = grade(make_task(), "The answer is 8.")
    assert (graded.prediction, graded.expected, graded.correct) == ("8", None, None)

"""Grading: by constraints where a task has some, else by its answer, else nobody can tell."""

from __future__ import annotations

import pytest

from pipeline.answers.grading import grade, grade_fully
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


def test_other_answers_that_are_accepted() -> None:
    task = make_task(answer="a brush", extra={"accepted": ["to have paint"]})
    assert [grade(task, text).correct for text in ("A brush.", "to have paint", "The answer is to have paint.")] == [True] * 3
    assert grade(task, "paint").correct is False and grade(task, "to have paint").expected == "a brush"
    assert grade_fully(task, "To have paint.").strict is True
    unread = make_task(answer="7", extra={"accepted": ["8"]})
    assert [grade(unread, text).correct for text in ("#### 7", "#### 8", "#### 9", "#### 7 or 9")] == [True, True, False, None]
    assert grade(make_task(answer="7", extra={"accepted": "8"}), "8").correct is False


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


@pytest.mark.parametrize(
    ("answer", "text", "strict"),
    [
        ("7", "3 + 4 = 7. The answer is 7.", True),
        ("7", "#### 7", True),
        ("7", r"So \boxed{7}", True),
        ("7", '{"why": "3 + 4", "answer": 7}', True),
        ("7", "7", True),
        ("7", "7 apples.", True),
        ("7", "<think>3 + 4</think>7", True),
        ("7", "3 + 4 = 7", False),
        ("7", "<think>The answer is 7.</think>I counted to 7", False),
        ("7", "The answer is 8.", False),
        ("7", "", False),
        ("yes", "Yes.", True),
        ("yes", "Yes, it floats.", False),
        ("true", "Yes.", True),
        ("Rome", "Rome", True),
    ],
)
def test_a_right_answer_may_be_in_the_wrong_form(answer: str, text: str, strict: bool) -> None:
    graded = grade_fully(make_task(answer=answer), text)
    assert graded.strict is strict
    assert graded.loose is graded.correct is grade(make_task(answer=answer), text).correct
    assert graded.met is graded.met_loosely is None


@pytest.mark.parametrize(
    ("text", "strict"), [("The answer is (B).", True), ("B", True), ("Rome", True), ("It must be B.", False)]
)
def test_an_option_may_be_in_the_wrong_form(text: str, strict: bool) -> None:
    graded = grade_fully(make_task(answer="B", choices=["Paris", "Rome"]), text)
    assert (graded.correct, graded.strict) == (True, strict)


def test_constraints_strictly_and_loosely() -> None:
    """The comma is in the first line, which one of IFEval's loosened texts leaves out."""
    graded = grade_fully(make_task(constraints=[COMMA, LOWER]), "Sure, here it is:\nall is well")
    assert (graded.correct, graded.strict, graded.loose) == (False, False, True)
    assert (graded.met, graded.met_loosely) == ([False, False], [True, True])


def test_nobody_can_tell_strictly_or_loosely() -> None:
    graded = grade_fully(make_task(), "The answer is 8.")
    assert (graded.strict, graded.loose) == (None, None)
    assert grade_fully(make_task(constraints=[UNKNOWN]), "8").loose is None

"""The bare right answer of a task, and wrong ones of its form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.final import same_answer
from pipeline.answers.grading import grade_answer
from pipeline.answers.labels import right_answer, wrong_answer
from tests.rows import make_task


@pytest.mark.parametrize(
    ("answer", "bare"),
    [("18", "18"), ("9 * 2 = 18\n#### 18", "18"), (" yes ", "yes"), ("So the answer is (B).", "B"), (None, None), ("", "")],
)
def test_the_bare_right_answer(answer: str | None, bare: str | None) -> None:
    found = right_answer(make_task(answer=answer))
    assert (found or "").strip("()") == (bare or "") and (found is None) == (bare is None)


@given(st.integers(-10_000, 10_000), st.text(max_size=5))
def test_a_wrong_number_is_near_by_and_of_the_same_sign(number: int, name: str) -> None:
    wrong = wrong_answer(make_task(id=name, answer=str(number)))
    assert wrong is not None and 1 <= abs(int(wrong) - number) <= 10
    assert same_answer(str(number), wrong) is False
    assert not number or int(wrong) * number > 0


def test_a_decimal_is_off_in_its_last_digits() -> None:
    wrong = {wrong_answer(make_task(id=str(n), answer="2.75")) for n in range(60)}
    assert wrong == {"2.65", "2.73", "2.74", "2.76", "2.77", "2.85"}


@pytest.mark.parametrize(("right", "wrong"), [("yes", "no"), ("No", "Yes"), ("true", "false"), ("False", "True")])
def test_yes_and_no_are_turned(right: str, wrong: str) -> None:
    assert wrong_answer(make_task(answer=right)) == wrong


@pytest.mark.parametrize(("right", "others"), [("B", {"A", "C"}), ("2", {"A", "C"}), ("cat", {"ant", "cow"})])
def test_another_option(right: str, others: set[str]) -> None:
    choices = ["ant", "cat" if right != "2" else "2", "cow"]
    tasks = [make_task(id=str(n), answer=right, choices=choices) for n in range(40)]
    wrong = {wrong_answer(task) for task in tasks}
    assert wrong == (others if right != "2" else {"ant", "cow"})
    assert not any(grade_answer(tasks[0], f"The answer is {each}.").correct for each in wrong)


def test_an_answer_of_another_task_where_there_is_no_other_way() -> None:
    task = make_task(answer="Lake Geneva")
    assert wrong_answer(task) is None
    assert wrong_answer(task, ["lake geneva", "Mont Blanc"]) == "Mont Blanc"
    assert wrong_answer(make_task(), ["Mont Blanc"]) is None


def test_it_is_drawn_by_the_task_alone() -> None:
    drawn = [[wrong_answer(make_task(id=str(n), answer="50")) for n in range(30)] for _ in range(2)]
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 6

"""Demonstrations: never the question itself, the nearest first, of each answer as many, and other ones at the next draw."""

from __future__ import annotations

import pytest

from pipeline.methods.demonstrations import BANK, Choice, chosen, solved
from pipeline.records import Task
from tests.rows import make_task

WAYS: list[Choice] = ["random", "bm25", "class_balanced"]


def tasks(count: int) -> list[Task]:
    return [make_task(id=f"t{n}", prompt=f"How many eggs has hen {n}?", answer=str(n % 3)) for n in range(count)]


@pytest.mark.parametrize("by", WAYS)
def test_never_the_question_itself_however_it_is_spelled(by: Choice) -> None:
    bank = tasks(20)
    bank.append(make_task(id="twin", prompt="  how many EGGS has hen 3? ", answer="0"))
    for draw in range(3):
        ids = {each.id for each in chosen(bank[3], bank, by, 20, draw)}
        assert len(ids) == 19 and not ids & {"t3", "twin"}


def test_the_nearest_first_and_the_next_ones_at_the_next_draw() -> None:
    bank = [
        make_task(id="far", prompt="Rain falls.", answer="1"),
        make_task(id="near", prompt="Tom sells two red boats.", answer="1"),
        make_task(id="nearest", prompt="Tom sells three red boats at the harbor.", answer="1"),
    ]
    task = make_task(id="q", prompt="Ann sells red boats at the harbor.")
    assert [each.id for each in chosen(task, bank, "bm25", 2)] == ["nearest", "near"]
    assert [each.id for each in chosen(task, bank, "bm25", 2, draw=1)] == ["far", "nearest"]


def test_of_each_answer_as_many() -> None:
    bank = [make_task(id=f"y{n}", prompt=f"Yes {n}?", answer="yes") for n in range(30)]
    bank += [make_task(id=f"n{n}", prompt=f"No {n}?", answer="No") for n in range(2)]
    for number in range(5):
        shown = chosen(make_task(id=f"q{number}"), bank, "class_balanced", 4)
        assert sorted(each.id[0] for each in shown) == ["n", "n", "y", "y"]
    assert len(chosen(make_task(), bank, "class_balanced", 40)) == 32


def test_draws_differ_and_do_not_move() -> None:
    bank, task = tasks(30), make_task(id="q", prompt="Something else")
    drawn = [[each.id for each in chosen(task, bank, "random", 4, draw)] for draw in range(5)]
    assert len({tuple(each) for each in drawn}) == 5
    assert drawn == [[each.id for each in chosen(task, bank, "random", 4, draw)] for draw in range(5)]


def test_only_the_first_training_tasks_of_the_kind_count() -> None:
    bank = tasks(BANK + 10)
    bank.insert(0, make_task(id="other", kind="other", answer="1"))
    bank.insert(0, make_task(id="unsolved"))
    assert [each.id for each in solved(make_task(id="q"), bank)] == [f"t{n}" for n in range(BANK)]

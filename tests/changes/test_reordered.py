"""Facts in another order: worked out again from the words, and left alone where nobody can tell."""

from __future__ import annotations

import re

import pytest

from pipeline.stages.changes import changed
from tests.changes.test_numbers import retold, stories
from tests.rows import make_task


@pytest.mark.parametrize("split", ["test", "ood"])
def test_mini_stories_end_as_they_did(split: str) -> None:
    tasks = stories(split)
    made = [(task, new) for task in tasks if (new := changed(task, "reordered"))]
    assert len(made) >= len(tasks) // 2
    for task, new in made:
        assert retold(new.prompt) == int(task.answer or "") and new.answer == task.answer
        told, told_again = (re.findall(r"[^.?]+[.?]", each.prompt) for each in (task, new))
        assert told != told_again and sorted(map(str.strip, told)) == sorted(map(str.strip, told_again))
        assert (told[0], told[-1]) == (told_again[0], told_again[-1]), "where it starts and what is asked stay in their places"
        assert new.id != task.id


@pytest.mark.parametrize(
    ("facts", "solution", "answer"),
    [
        ("He has 5. He doubles it 2 times. He gets 7.", "5*2=10. 10+7=17.", "17"),  # 5+7 = 12, 12*2 = 24
        ("He has 5. He eats 4. He eats 3 of the 9 that he is given.", "5-4=1. 1+9=10. 10-3=7.", "7"),  # two numbers a fact
        ("He has 50. He is glad. He gets 7. He gets 8.", "50+7=57. 57+8=65.", "65"),  # a fact that may belong to the one before
        ("He has 50. He gets 7. He gets 8. He is glad.", "50+7=57. 57+8=65.", "65"),  # the same, at the end
        ("He has 50. He gets 7.", "50+7=57.", "57"),  # there is no other order
        ("He has 50. He gets 7. He gets 8.", "", "65"),  # nothing tells how
    ],
)
def test_what_nobody_can_tell_is_left_alone(facts: str, solution: str, answer: str) -> None:
    task = make_task(prompt=f"{facts} How many has he?", answer=answer, extra={"solution": solution})
    assert changed(task, "reordered") is None


def test_what_commutes_is_told_in_the_other_order() -> None:
    """50+7-8 = 49 = 50-8+7; lines and blanks between sentences stay where they were."""
    task = make_task(
        prompt="He has 50.  He gets 7.\nHe eats 8. How many has he?", answer="49", extra={"solution": "50+7=57. 57-8=49."}
    )
    new = changed(task, "reordered")
    assert new is not None and new.prompt == "He has 50.  He eats 8.\nHe gets 7. How many has he?"

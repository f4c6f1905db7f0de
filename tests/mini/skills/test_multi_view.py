"""Equations have the story's answer as their value, but for the share that misreads; bare answers are right."""

from __future__ import annotations

import random

from pipeline.answers.arithmetic import value
from pipeline.answers.equation import equation_in
from pipeline.answers.grading import grade
from pipeline.mini.problems import Problem, Step
from pipeline.mini.skills.attempts import taught_story
from pipeline.mini.skills.multi_view import MISREAD_SHARE, bare_answer, equation, nested
from tests.rows import make_task

COUNT = 600


def test_the_shape() -> None:
    steps = (Step("add", 5, 12, 17), Step("multiply", 4, 17, 68), Step("divide", 2, 68, 34))
    assert [nested(Problem("", steps[:count])) for count in (1, 2, 3)] == ["x = 12+5", "x = (12+5)*4", "x = ((12+5)*4)/2"]


def test_equations_are_right_but_for_a_known_share() -> None:
    wrong = 0
    for number in range(COUNT):
        answer = str(taught_story(random.Random(f"view/{number}")).answer)
        _, reply = equation(random.Random(f"view/{number}"))
        found = equation_in(reply)
        assert found is not None
        right = value(found) == int(answer)
        wrong += not right
    assert 0.01 < wrong / COUNT <= MISREAD_SHARE + 0.03


def test_bare_answers_are_right() -> None:
    for number in range(COUNT):
        answer = str(taught_story(random.Random(f"view/{number}"), 1, 3).answer)
        _, reply = bare_answer(random.Random(f"view/{number}"))
        assert reply == f"The answer is {answer}." and grade(make_task(answer=answer), reply).correct is True

"""A critique names the first mistake of a wrong attempt, and the correction is right."""

from __future__ import annotations

import random

import pytest

from pipeline.answers.critique import critique_in
from pipeline.answers.final import same_answer
from pipeline.answers.grading import grade
from pipeline.answers.steps import steps
from pipeline.mini.problems import Problem, Step
from pipeline.mini.skills.attempts import Attempt, taught_story
from pipeline.mini.skills.negative_aware import critique, first_mistake
from tests.rows import make_task

STORY = Problem("", (Step("add", 5, 12, 17), Step("multiply", 3, 17, 51)))


@pytest.mark.parametrize(
    ("attempted", "said"),
    [
        ((Step("add", 5, 12, 27), Step("multiply", 3, 27, 81)), "Step 1 is wrong: 12+5=17, not 12+5=27."),
        ((STORY.steps[0], Step("divide", 17, 17, 1)), "Step 1 is right. Step 2 is wrong: 17*3=51, not 17/17=1."),
        ((), "Step 1 is missing: 12+5=17."),
        (STORY.steps[:1], "Step 1 is right. Step 2 is missing: 17*3=51."),
    ],
)
def test_what_is_said_of_an_attempt(attempted: tuple[Step, ...], said: str) -> None:
    assert first_mistake(STORY, Attempt("", attempted, 0)) == said


def test_critiques_are_true_and_corrections_right() -> None:
    told = 0
    for number in range(600):
        story = taught_story(random.Random(f"wrong/{number}"))
        messages, reply = critique(random.Random(f"wrong/{number}"))
        asked, found = messages[-1]["content"], critique_in(reply)
        attempt = asked.partition("[attempt begins]\n")[2].partition("\n[attempt ends]")[0]
        task = make_task(answer=str(story.answer))
        assert found is not None and grade(task, attempt).correct is False and grade(task, found.solution).correct is True
        assert same_answer(task.answer or "", reply) is True and all(step.right for step in steps(found.solution))
        mistake = found.said.rpartition("Step ")[2]
        place = int(mistake.split()[0]) - 1
        assert f": {story.steps[place].equation}" in mistake
        assert [each.equation for each in story.steps[:place]] == [each.text for each in steps(attempt)[:place]]
        if "wrong" in mistake:
            assert (
                mistake.endswith(f", not {steps(attempt)[place].text}.")
                and steps(attempt)[place].text != story.steps[place].equation
            )
        else:
            assert len(steps(attempt)) == place
        told += "[right answer begins]" in asked
    assert 240 < told < 360

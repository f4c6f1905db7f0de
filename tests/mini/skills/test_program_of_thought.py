"""Programs run in the sandbox to the story's answer, but for the shares that fail or misread; refined ones always do."""

from __future__ import annotations

import random

import pytest

from pipeline.answers.computed import answer_of, with_answer
from pipeline.answers.sandbox import run_code
from pipeline.filters.program_answer import ProgramAnswer
from pipeline.mini.problems import Problem, Step
from pipeline.mini.skills import program_of_thought
from pipeline.mini.skills.attempts import taught_story
from pipeline.mini.skills.program_of_thought import FAILURES, fenced, program, refine_program
from tests.rows import make_sample, make_task

RIGHT = ["def solution():", "    n = 12", "    n += 5", "    n //= 1", "    return n"]


def word(reply: str, answer: int) -> str:
    judged = ProgramAnswer(filter="program_answer").judge(make_task(answer=str(answer)), make_sample(reply))
    return judged.reason


def test_the_shape() -> None:
    story = Problem(
        "", (Step("add", 5, 12, 17), Step("multiply", 4, 17, 68), Step("divide", 2, 68, 34), Step("subtract", 1, 34, 33))
    )
    lines = program_of_thought.program_lines(story)
    assert lines == ["def solution():", "    n = 12", "    n += 5", "    n *= 4", "    n //= 2", "    n -= 1", "    return n"]
    assert word(fenced(lines), 33) == "computes the right answer"


def answers_of_lessons(count: int, seed: int) -> list[tuple[str, int]]:
    """Replies of `program` with the answers of their stories, which the same draws make."""
    made = []
    for number in range(count):
        story = taught_story(random.Random(f"{seed}/{number}"))
        made.append((program(random.Random(f"{seed}/{number}"))[1], story.answer))
    return made


def test_a_known_share_fails_or_errs() -> None:
    reasons = [word(*each) for each in answers_of_lessons(400, 1)]
    failing = sum(each in ("ends with an error", "computes no answer") for each in reasons)
    erring = reasons.count("computes another answer")
    assert 0.14 < failing / len(reasons) < 0.26
    assert 0.02 < erring / len(reasons) < 0.12
    assert failing + erring + reasons.count("computes the right answer") == len(reasons)


@pytest.mark.parametrize("error", FAILURES)
def test_the_sandbox_says_the_errors_that_are_taught(error: str) -> None:
    failing = FAILURES[error](random.Random(1), RIGHT)
    ran = run_code(*with_answer("\n".join(failing)))
    assert (ran.error or ("" if answer_of(ran) else "The program returns no answer.")) == error


def test_a_refined_program_is_right() -> None:
    for number in range(200):
        story = taught_story(random.Random(f"refine/{number}"))
        messages, reply = refine_program(random.Random(f"refine/{number}"))
        asked = messages[-1]["content"]
        failing = asked.partition("[program begins]\n")[2].partition("\n[program ends]")[0]
        error = asked.partition("[error begins]\n")[2].partition("\n[error ends]")[0]
        assert story.text in asked and error in FAILURES
        assert word(f"```python\n{failing}\n```", story.answer) in ("ends with an error", "computes no answer")
        assert word(reply, story.answer) == "computes the right answer"

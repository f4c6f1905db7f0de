"""Programs of thought: run, sent back once with their error, taught as they are, and run again for the student."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.filters.answer_matches import AnswerMatches
from pipeline.methods.program_of_thought import ProgramOfThought
from pipeline.methods.quota import Quota
from pipeline.records import Sample
from tests.methods.by_template import Reply, Scripted, always, contents, in_turn, made, replied
from tests.methods.served import corpus, generated, open_run, says
from tests.rows import make_response, make_task
from tests.servers import OVERLOADED, ChatServer, Trouble

METHOD = ProgramOfThought(method="program_of_thought", samples=1)
TASK = make_task(prompt="Ann has 12 eggs and buys 5. How many now?", answer="17")
MATCHES = AnswerMatches(filter="answer_matches")
TEACHER, REFINE, STUDENT = "program_of_thought/teacher", "program_of_thought/refine", "program_of_thought/student"


def block(*lines: str) -> str:
    return "\n".join(["```python", "def solution():", *(f"    {line}" for line in lines), "```"])


RIGHT, FAILING = block("n = 12", "n += 5", "return n"), block("n = 12", "return m")


def teacher(reply: Reply, refined: Reply = RIGHT) -> Scripted:
    return Scripted({TEACHER: always(reply), REFINE: always(refined)})


def only(ask: Scripted, method: ProgramOfThought = METHOD) -> Sample:
    [sample] = made(method, TASK, ask)
    return sample


def test_a_program_is_taught_and_its_value_is_its_answer() -> None:
    sample = only(teacher(f"Sure, here it is:\n{RIGHT}\nIt adds the eggs."))
    assert (sample.target, sample.answer, sample.view) == (RIGHT, "17", "program")
    assert sample.messages == list(METHOD.student_prompt(TASK, ()).messages)
    assert MATCHES.judge(TASK, sample).decision == "keep"
    assert contents([sample])[0].startswith(TASK.prompt)


@pytest.mark.parametrize(
    "reply",
    [block("return 12 - 5"), block("n = 12", "return m"), block("pass"), "I cannot, but it may be 17.", block("return 17 / 0")],
    ids=["another value", "fails", "no value", "no program", "divides by zero"],
)
def test_what_does_not_compute_the_answer_is_dropped_even_where_the_text_ends_with_it(reply: str) -> None:
    sample = only(teacher(reply), METHOD.model_copy(update={"refine": False}))
    assert MATCHES.judge(TASK, sample).decision == "drop"


def test_a_failing_program_is_sent_back_once_with_its_error() -> None:
    ask = teacher(FAILING)
    sample = only(ask)
    assert ask.asked == [(TEACHER, 0), (REFINE, 0)]
    shown = ask.prompts[1].messages[-1].content
    assert "NameError: name 'm' is not defined" in shown and "    return m\n[program ends]" in shown
    assert (sample.target, sample.answer, len(sample.response_keys)) == (RIGHT, "17", 2)
    twice = teacher(FAILING, FAILING)
    assert only(twice).answer == "" and len(twice.asked) == 2


@pytest.mark.parametrize("reply", [RIGHT, block("return 4"), "No program."], ids=["right", "wrong", "none"])
def test_nothing_else_is_sent_back(reply: str) -> None:
    ask = teacher(reply)
    only(ask)
    assert ask.asked == [(TEACHER, 0)]


def test_a_program_without_an_answer_and_one_that_imports_are_told_so() -> None:
    for lines, error in (
        (("n = 12",), "The program returns no answer."),
        (("import re", "return 17"), "only math may be imported"),
    ):
        ask = teacher(block(*lines))
        assert only(ask).answer == "17" and error in ask.prompts[1].messages[-1].content
    ask = teacher(block("import math", "return math.floor(17.5)"))
    assert only(ask).answer == "17" and len(ask.asked) == 1


def test_what_was_cut_is_not_sent_back() -> None:
    ask = teacher(make_response(FAILING[:-12], finish="length"))
    assert only(ask).finish == "length" and len(ask.asked) == 1


def test_what_is_owed_makes_nothing_until_it_has_come() -> None:
    assert made(METHOD, TASK, teacher(None)) == []
    assert made(METHOD, TASK, teacher(FAILING, None)) == []
    refused = make_response(None, finish="error")
    assert only(teacher(FAILING, refused)).answer == ""


def test_thoughts_are_of_the_program_they_led_to() -> None:
    thought = make_response(RIGHT, reasoning="I add.")
    assert only(teacher(thought)).reasoning == "I add."
    assert only(teacher(FAILING, make_response(RIGHT, reasoning="There was no m."))).reasoning is None


def test_a_quota_hears_of_programs() -> None:
    method = METHOD.model_copy(update={"samples": Quota(accept=1, at_most=4)})
    ask = Scripted({TEACHER: in_turn(block("return 1"), RIGHT, RIGHT, RIGHT), REFINE: always(RIGHT)})
    samples = made(method, TASK, ask, passing=lambda sample: MATCHES.judge(TASK, sample).decision == "keep")
    assert [sample.answer for sample in samples] == ["1", "17"]


def test_published_defaults() -> None:
    method = ProgramOfThought(method="program_of_thought")
    assert (method.samples, method.refine) == (4, True)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (RIGHT, f"{RIGHT}\nThe answer is 17."),
        (block("return m"), f"{block('return m')}\nThe answer is unknown."),
        ("It is 17.", "It is 17."),
    ],
    ids=["runs", "fails", "no program"],
)
def test_a_student_is_answered_by_its_program(said: str, text: str) -> None:
    assert replied(METHOD, TASK, Scripted({STUDENT: always(said)})).text == text


def test_a_student_whose_reply_is_owed_is_not_graded() -> None:
    assert replied(METHOD, TASK, Scripted({STUDENT: always(None)})).finish == "owed"


COMPUTES = says("Write a Python function", lambda n: block(f"n = {n}", "return n"))
FAILS = Trouble(where="14 + 3", change=says("", lambda n: FAILING).change, right=True)
MENDS = says("[program begins]", lambda n: block(f"return {n}"))


def test_a_run_refines_and_asks_nothing_twice(tmp_path: Path) -> None:
    owed = Trouble(OVERLOADED.status, OVERLOADED.text, OVERLOADED.headers, where="[program begins]")
    with ChatServer(owed, MENDS, FAILS, COMPUTES) as server:
        methods = {"method": "program_of_thought", "samples": 1}
        assert len(generated(open_run(tmp_path / "work", server.url, methods))) == 3
        server.troubles.remove(owed)
        before = server.hits
        run = open_run(tmp_path / "work", server.url, methods)
        samples = generated(run)
        assert server.hits == before + 1, "only the refinement was owed"
        assert sorted(len(sample.response_keys) for sample in samples) == [1, 1, 1, 2]
        assert len(corpus(run)) == 4
        assert generated(open_run(tmp_path / "work", server.url, methods)) == samples and server.hits == before + 1

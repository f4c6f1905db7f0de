"""MinT: one example a view with the instruction after the question, each verified, and the student asked in one view or all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.filters.answer_matches import AnswerMatches
from pipeline.methods.multi_view import VIEWS, MultiView
from pipeline.methods.replies import elected
from pipeline.records import Sample
from tests.methods.by_template import Reply, Scripted, always, contents, made, replied, views
from tests.methods.served import corpus, generated, open_run, says
from tests.methods.test_program_of_thought import FAILING, REFINE, RIGHT, TASK, block
from tests.servers import OVERLOADED, ChatServer, Trouble

METHOD = MultiView(method="multi_view")
ASKED = {
    "rationale": "chain_of_thought/teacher", "equation": "multi_view/equation", "program": "program_of_thought/teacher",
    "answer": "multi_view/answer",
}  # fmt: skip
SAID: dict[str, Reply] = {
    "rationale": "12+5=17. The answer is 17.", "equation": "x = 12+5", "program": RIGHT, "answer": "The answer is 17.",
}  # fmt: skip
INSTRUCTIONS = {
    "rationale": "Solve it step by step.", "equation": "Write the equation.", "program": "Write the program.",
    "answer": "Write the answer alone.",
}  # fmt: skip
MATCHES = AnswerMatches(filter="answer_matches")


def teacher(**said: Reply) -> Scripted:
    return Scripted({ASKED[view]: always(reply) for view, reply in (SAID | said).items()} | {REFINE: always(RIGHT)})


def by_view(samples: list[Sample]) -> dict[str, Sample]:
    return {sample.view: sample for sample in samples}


def test_one_example_a_view_with_its_instruction_after_the_question() -> None:
    samples = made(METHOD, TASK, teacher())
    assert views(samples) == ["rationale", "equation", "program", "answer"]
    assert contents(samples) == [f"{TASK.prompt}\n{INSTRUCTIONS[view]}" for view in VIEWS]
    assert [sample.target for sample in samples] == list(SAID.values())
    assert {sample.weight for sample in samples} == {1.0}


def test_every_view_is_verified_by_what_it_comes_to() -> None:
    right = made(METHOD, TASK, teacher())
    assert [sample.answer for sample in right] == ["17"] * 4
    assert {MATCHES.judge(TASK, sample).decision for sample in right} == {"keep"}
    wrong = made(
        METHOD, TASK,
        teacher(rationale="The answer is 7.", equation="x = 12-17", program=block("return 12 - 17"), answer="The answer is 7."),
    )  # fmt: skip
    assert [sample.answer for sample in wrong] == ["7", "-5", "-5", "7"]
    assert {MATCHES.judge(TASK, sample).decision for sample in wrong} == {"drop"}


def test_an_equation_is_one_line_and_none_is_dropped() -> None:
    written = by_view(made(METHOD, TASK, teacher(equation="The equation is:\n**x = 12 + 5**")))["equation"]
    assert (written.target, written.answer) == ("x = 12 + 5", "17")
    none = by_view(made(METHOD, TASK, teacher(equation="There is none, I guess 17")))["equation"]
    assert none.answer == "" and MATCHES.judge(TASK, none).decision == "drop"


def test_weights_are_by_view_and_views_may_be_few() -> None:
    method = MultiView.model_validate({"method": "multi_view", "views": ["answer", "rationale"], "weights": {"answer": 0.2},
                                       "answers_with": "vote"})  # fmt: skip
    assert [(each.view, each.weight) for each in made(method, TASK, teacher())] == [("answer", 0.2), ("rationale", 1.0)]
    assert method.student_prompt(TASK, ()).messages[-1].content.endswith(INSTRUCTIONS["answer"])


@pytest.mark.parametrize(
    ("given", "named"),
    [({"views": ["answer"]}, "rationale"), ({"views": ["answer", "rationale"], "weights": {"program": 2}}, "program")],
)
def test_views_that_are_not_taught_cannot_be_asked_or_weighed(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=f"{named} is none of the views"):
        MultiView.model_validate({"method": "multi_view"} | given)


def test_failing_programs_are_sent_back_here_too() -> None:
    sample = by_view(made(METHOD, TASK, teacher(program=FAILING)))["program"]
    assert (len(sample.response_keys), sample.answer) == (2, "17")


def test_a_view_that_is_owed_is_left_out_alone() -> None:
    assert views(made(METHOD, TASK, teacher(equation=None))) == ["rationale", "program", "answer"]


def student(**said: Reply) -> Scripted:
    def answer(prompt: str, sample: int) -> Reply:
        return next(reply for view, reply in (SAID | said).items() if prompt.endswith(INSTRUCTIONS[view]))

    return Scripted({"multi_view/student": answer})


@pytest.mark.parametrize(
    ("view", "said", "text"),
    [
        ("rationale", "12+5=17. The answer is 17.", "12+5=17. The answer is 17."),
        ("equation", "x = 12+5", "x = 12+5\nThe answer is 17."),
        ("equation", "17", "17"),
        ("program", RIGHT, f"{RIGHT}\nThe answer is 17."),
        ("answer", "The answer is 17.", "The answer is 17."),
    ],
)
def test_a_student_is_asked_in_the_view_that_is_wanted(view: str, said: str, text: str) -> None:
    method = MultiView.model_validate({"method": "multi_view", "answers_with": view})
    asked = student(**{view: said})
    assert replied(method, TASK, asked).text == text and len(asked.asked) == 1


def test_a_vote_over_all_views() -> None:
    method = METHOD.model_copy(update={"answers_with": "vote"})
    asked = student(rationale="The answer is 3.", answer="The answer is 4.")
    reply = replied(method, TASK, asked)
    assert (reply.text or "").splitlines()[-1] == "The answer is 17." and len(asked.asked) == 4
    assert replied(method, TASK, student(program=None)).finish == "owed"


@pytest.mark.parametrize(
    ("answers", "winner"),
    [
        (["3", "17", "17.0", "4"], "17"),
        (["3", "4", "5", "6"], "3"),
        (["3", "4", "4", "3"], "3"),
        ([None, "", None, "6"], "6"),
        ([None, "", None, None], None),
    ],
    ids=["most", "all differ", "a tie", "one", "none"],
)
def test_of_answers_with_as_many_votes_the_first_wins(answers: list[str | None], winner: str | None) -> None:
    assert elected(answers) == winner


def test_a_run_asks_only_for_the_view_that_was_owed(tmp_path: Path) -> None:
    owed = Trouble(OVERLOADED.status, OVERLOADED.text, OVERLOADED.headers, where="Write the equation")
    equation = says("Write the equation", lambda n: f"x = {n - 1}+1")
    program = says("Write a Python function", lambda n: block(f"return {n}"))
    with ChatServer(owed, equation, program) as server:
        assert len(generated(open_run(tmp_path / "work", server.url, {"method": "multi_view"}))) == 12
        server.troubles.remove(owed)
        before = server.hits
        run = open_run(tmp_path / "work", server.url, {"method": "multi_view"})
        assert views(generated(run)) == list(VIEWS) * 4 and server.hits == before + 4
        assert len(corpus(run)) == 16

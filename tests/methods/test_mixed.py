"""Mixed Distillation: two paths by their prefixes and with their weights, and the vote of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.methods.mixed import Mixed
from tests.methods.by_template import Reply, Scripted, always, contents, made, replied, views
from tests.methods.served import corpus, generated, open_run, says
from tests.methods.test_program_of_thought import FAILING, MENDS, REFINE, RIGHT, TASK, block
from tests.methods.test_program_of_thought import TEACHER as PROGRAMS
from tests.servers import OVERLOADED, ChatServer, Trouble

METHOD = Mixed(method="mixed", samples=1)
RATIONALES, STUDENT = "chain_of_thought/teacher", "chain_of_thought/student"
SAID = "12+5=17. The answer is 17."


def teacher(rationale: Reply = SAID, program: Reply = RIGHT) -> Scripted:
    return Scripted({RATIONALES: always(rationale), PROGRAMS: always(program), REFINE: always(RIGHT)})


def test_two_paths_by_prefix_and_lambda() -> None:
    samples = made(METHOD.model_copy(update={"rationale_weight": 0.3}), TASK, teacher())
    assert [(each.view, each.weight, each.target, each.answer) for each in samples] == [
        ("rationale", 0.3, SAID, "17"), ("program", 0.7, RIGHT, "17"),
    ]  # fmt: skip
    assert contents(samples) == [f"cot:\n{TASK.prompt}", f"pot:\n{TASK.prompt}"]
    assert samples[0].messages == list(METHOD.student_prompt(TASK, ()).messages)


def test_published_defaults() -> None:
    method = Mixed(method="mixed")
    assert (method.rationale_weight, method.rationale_prefix, method.program_prefix, method.samples) == (0.5, "cot:", "pot:", 4)
    assert len(made(method, TASK, teacher())) == 8


def test_a_tag_of_the_recipe_stands_before_the_prefix() -> None:
    tagged = METHOD.model_copy(update={"tag": "[sums]"})
    assert contents(made(tagged, TASK, teacher())) == [f"[sums]\ncot:\n{TASK.prompt}", f"[sums]\npot:\n{TASK.prompt}"]


def test_failing_programs_are_sent_back_on_this_path_too() -> None:
    samples = made(METHOD, TASK, teacher(program=FAILING))
    assert [len(each.response_keys) for each in samples] == [1, 2]


def test_one_path_does_not_wait_for_the_other() -> None:
    assert views(made(METHOD, TASK, teacher(rationale=None))) == ["program"]
    assert views(made(METHOD, TASK, teacher(program=None))) == ["rationale"]


def student(rationale: Reply, program: Reply) -> Scripted:
    return Scripted({STUDENT: lambda prompt, sample: program if prompt.startswith("pot:") else rationale})


@pytest.mark.parametrize(
    ("rationale", "program", "answer"),
    [
        (SAID, RIGHT, "17"),
        ("The answer is 16.", RIGHT, "17"),
        ("The answer is 16.", block("return m"), "16"),
        ("The answer is 16.", "Perhaps 15.", "15"),
        ("The answer is 17.0.", RIGHT, "17.0"),
        ("", block("return m"), "unknown"),
    ],
    ids=["agree", "the program wins", "it fails", "no program", "same number", "neither"],
)
def test_both_vote_and_the_program_has_the_word(rationale: str, program: str, answer: str) -> None:
    asked = student(rationale, program)
    reply = replied(METHOD, TASK, asked)
    assert (reply.text or "").splitlines()[-1] == f"The answer is {answer}." and len(asked.asked) == 2
    assert rationale in (reply.text or "") and program in (reply.text or "")


def test_a_path_that_could_not_be_had_leaves_nothing_to_grade() -> None:
    assert replied(METHOD, TASK, student(SAID, None)).finish == "owed"
    assert replied(METHOD, TASK, student(None, RIGHT)).finish == "owed"


def test_a_run_teaches_both_and_asks_only_for_what_was_owed(tmp_path: Path) -> None:
    owed = Trouble(OVERLOADED.status, OVERLOADED.text, OVERLOADED.headers, where="Write a Python function")
    with ChatServer(owed, MENDS, says("Write a Python function", lambda n: block(f"return {n}"))) as server:
        methods = {"method": "mixed", "samples": 1}
        assert views(generated(open_run(tmp_path / "work", server.url, methods))) == ["rationale"] * 4
        server.troubles.remove(owed)
        before = server.hits
        run = open_run(tmp_path / "work", server.url, methods)
        assert views(generated(run)) == ["rationale", "program"] * 4 and server.hits == before + 4
        assert [each.weight for each in corpus(run)] == [0.5] * 8

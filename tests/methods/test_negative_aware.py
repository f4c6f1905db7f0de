"""Negative-aware distillation: right answers as ever, wrong ones corrected and marked, never taught as if they were right."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.methods.negative_aware import NegativeAware
from pipeline.methods.quota import Quota
from tests.methods.by_template import Reply, Scripted, always, contents, in_turn, made, views
from tests.methods.served import corpus, generated, open_run, says
from tests.rows import make_response, make_task
from tests.servers import OVERLOADED, ChatServer, Trouble

METHOD = NegativeAware(method="negative_aware", samples=3)
TASK = make_task(prompt="Ann has 12 eggs and buys 5. How many now?", answer="12 and 5 make 17 #### 17")
TEACHER, CRITIQUE = "chain_of_thought/teacher", "negative_aware/critique"
RIGHT, WRONG, OTHER = "12+5=17. The answer is 17.", "12+5=27. The answer is 27.", "12-5=7. The answer is 7."
MENDED = "Step 1 is wrong: 12+5=17.\nCorrected solution: 12+5=17. The answer is 17."


def teacher(*replies: Reply, critique: Reply = MENDED) -> Scripted:
    return Scripted({TEACHER: in_turn(*replies), CRITIQUE: always(critique)})


def test_right_ones_are_taught_and_wrong_ones_corrected_and_marked() -> None:
    samples = made(METHOD, TASK, teacher(RIGHT, WRONG, RIGHT))
    assert [(each.view, each.negative, each.weight) for each in samples] == [
        ("rationale", False, 1.0), ("rationale", False, 1.0), ("correction", False, 1.0), ("wrong", True, 0.5),
    ]  # fmt: skip
    assert [each.target for each in samples] == [RIGHT, RIGHT, MENDED, WRONG]
    assert not any(WRONG in each.target for each in samples if not each.negative), "never as plain text to learn"
    assert len({each.id for each in samples}) == 4


def test_a_correction_reads_the_attempt_and_is_hinted() -> None:
    ask = teacher(WRONG, RIGHT, RIGHT)
    correction = next(each for each in made(METHOD, TASK, ask) if each.view == "correction")
    (shown,) = contents([correction])
    begun, told = shown.split("\n[attempt ends]\n\n")
    assert begun == f"{TASK.prompt}\n\n[attempt begins]\n{WRONG}"
    assert told == "Say what is wrong with the attempt, then solve the problem."
    assert correction.hinted and correction.answer == "17" and len(correction.response_keys) == 2
    asked = ask.prompts[-1].messages[-1].content
    assert "[right answer begins]\n17\n[right answer ends]" in asked, "without the worked solution, which would be copied"


def test_only_different_wrong_answers_are_corrected_and_not_too_many() -> None:
    method = METHOD.model_copy(update={"samples": 5, "critiques": 2})
    third = "The answer is 1."
    ask = teacher(WRONG, f"{WRONG} ", OTHER, third, RIGHT)
    samples = made(method, TASK, ask)
    assert views(samples) == ["rationale", *["correction"] * 2, *["wrong"] * 4]
    assert [name for name, _ in ask.asked].count(CRITIQUE) == 2
    shown = "\n".join(contents(samples))
    assert f"[attempt begins]\n{WRONG}" in shown and f"[attempt begins]\n{OTHER}" in shown
    none = teacher(WRONG, WRONG, WRONG)
    assert views(made(METHOD.model_copy(update={"critiques": 0}), TASK, none)) == ["wrong"] * 3 and len(none.asked) == 3


@pytest.mark.parametrize(
    "critique",
    [None, "It is wrong. The answer is 17.", make_response(None, finish="error")],
    ids=["owed", "one part", "refused"],
)
def test_a_critique_without_both_parts_makes_no_correction(critique: Reply) -> None:
    assert views(made(METHOD, TASK, teacher(WRONG, RIGHT, RIGHT, critique=critique))) == ["rationale", "rationale", "wrong"]


def test_what_is_cut_or_cannot_be_graded_is_no_negative() -> None:
    cut = make_response("12+5=2", finish="length")
    assert views(made(METHOD, TASK, teacher(cut, None, RIGHT))) == ["rationale", "rationale"]
    unknown = TASK.model_copy(update={"answer": None})
    assert views(made(METHOD, unknown, teacher(RIGHT, WRONG, OTHER))) == ["rationale"] * 3


def test_wrong_answers_may_stand_under_a_tag() -> None:
    tagged = METHOD.model_copy(update={"wrong_tag": "[wrong]", "wrong_weight": 0.1})
    samples = made(tagged, TASK, teacher(RIGHT, WRONG, RIGHT))
    assert [(each.view, contents([each])[0]) for each in samples if each.view != "correction"] == [
        ("rationale", TASK.prompt), ("rationale", TASK.prompt), ("wrong", f"[wrong]\n{TASK.prompt}"),
    ]  # fmt: skip
    assert samples[-1].weight == 0.1


def test_a_quota_hears_of_right_answers_alone() -> None:
    method = METHOD.model_copy(update={"samples": Quota(accept=1, at_most=4)})
    ask = teacher(WRONG, OTHER, RIGHT, RIGHT)
    made(method, TASK, ask, passing=lambda sample: True)
    assert [sample for name, sample in ask.asked if name == TEACHER] == [0, 1, 2]


def test_published_defaults() -> None:
    method = NegativeAware(method="negative_aware")
    assert (method.samples, method.critiques, method.wrong_weight, method.wrong_tag) == (8, 4, 0.5, None)


SLIPS = Trouble(where="14 + 3", change=says("", lambda n: f"It is {n + 1}. The answer is {n + 1}.").change, right=True)
CORRECTS = says("is wrong. What stands", lambda n: f"Step 1 is wrong.\nCorrected solution: It is {n}. The answer is {n}.")


def test_a_run_keeps_the_wrong_ones_as_negatives_alone(tmp_path: Path) -> None:
    owed = Trouble(OVERLOADED.status, OVERLOADED.text, OVERLOADED.headers, where="[attempt begins]")
    with ChatServer(owed, CORRECTS, SLIPS) as server:
        methods = {"method": "negative_aware", "samples": 1}
        assert sorted(views(generated(open_run(tmp_path / "work", server.url, methods)))) == [*["rationale"] * 3, "wrong"]
        server.troubles.remove(owed)
        before = server.hits
        run = open_run(tmp_path / "work", server.url, methods)
        samples = generated(run)
        assert server.hits == before + 1 and sorted(views(samples)) == ["correction", *["rationale"] * 3, "wrong"]
        kept = corpus(run)
        assert [(each.view, each.negative) for each in kept if each.view != "rationale"] == [
            ("correction", False), ("wrong", True),
        ]  # fmt: skip
        assert len(kept) == 5 and generated(open_run(tmp_path / "work", server.url, methods)) == samples

"""Answers against the task's: kept where right by any kind of comparison, never where the reply is junk, another's or empty."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pipeline.answers import math
from pipeline.filters.answer_matches import AnswerMatches
from pipeline.records import Task
from tests.rows import make_sample, make_task, public_data

MATCHES = AnswerMatches(filter="answer_matches")


def decision(task: Task, target: str) -> str:
    return MATCHES.judge(task, make_sample(target)).decision


@pytest.mark.parametrize(
    ("fields", "target", "decided", "score"),
    [
        ({"answer": "1,000"}, "3 + 4 = 7. The answer is 1000.", "keep", 1.0),
        ({"answer": "1000"}, "The answer is 100.", "drop", 0.0),
        ({"answer": "False"}, "No, it would not.", "keep", 1.0),
        ({"answer": "B", "choices": ["3", "4"]}, "The answer is 4.", "keep", 1.0),
        ({"answer": "4", "choices": ["3", "4"]}, "The answer is (A).", "drop", 0.0),
        ({"answer": "B", "choices": ["3", "4"]}, "I cannot tell.", "unverifiable", None),
        ({"answer": "1", "choices": ["3", "4"]}, "The answer is 1.", "unverifiable", None),
        ({"answer": '["Rome", "Paris"]'}, "Paris, Rome", "keep", 1.0),
        ({"answer": None}, "The answer is 100.", "unverifiable", None),
        ({"answer": "?"}, "The answer is 100.", "unverifiable", None),
    ],
)
def test_answer_matches(fields: dict[str, object], target: str, decided: str, score: float | None) -> None:
    word = MATCHES.judge(make_task(**fields), make_sample(target))
    assert (word.decision, word.score) == (decided, score)


def test_the_detail_says_what_was_found_and_wanted() -> None:
    word = MATCHES.judge(make_task(answer="1" * 500), make_sample("The answer is " + "2" * 500))
    assert word.detail.startswith("'222") and ", expected '111" in word.detail and len(word.detail) <= 200
    solution = "Let S be the amount Alexis paid. " * 9 + "She paid 184 - 143 = <<184-143=41>>41 for the shoes.\n#### 41"
    assert MATCHES.judge(make_task(answer=solution), make_sample("The answer is 33.")).detail == "'33', expected '41'"
    options = make_task(answer="A", choices=["so: 3", "no: 4"])
    assert MATCHES.judge(options, make_sample("B")).detail == "'no: 4', expected 'so: 3'"
    assert MATCHES.judge(make_task(answer="?"), make_sample("")).detail == "None, expected '?'"


@pytest.mark.parametrize(
    ("answer", "reason"), [("B", "no one option is picked"), ("1", "the answer names none of the options")]
)
def test_why_options_are_unverifiable(answer: str, reason: str) -> None:
    assert MATCHES.judge(make_task(answer=answer, choices=["3", "4"]), make_sample("I cannot tell.")).reason == reason


def test_formulas_without_math_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    math.same_formula.cache_clear()
    monkeypatch.setattr(math, "is_installed", lambda: False)
    word = MATCHES.judge(make_task(answer="x+21"), make_sample("The answer is 21+x"))
    assert (word.decision, word.reason) == ("unverifiable", "math-verify is not installed")
    assert decision(make_task(answer="x+21"), "The answer is x + 21") == "keep"
    assert MATCHES.rests_on() == ["no math-verify"]
    math.same_formula.cache_clear()


@pytest.mark.skipif(not math.is_installed(), reason="math-verify is not installed")
def test_formulas_that_cannot_be_compared() -> None:
    word = MATCHES.judge(make_task(answer="\\foo{1}"), make_sample("\\boxed{\\foo{2}}"))
    assert (word.decision, word.reason) == ("unverifiable", "the formulas cannot be compared")
    assert "foo{2}" in word.detail and MATCHES.rests_on()[0].startswith("math-verify 0.")


def questions(name: str) -> Iterator[tuple[Task, str]]:
    """Tasks of a public file, each with a reply that is right."""
    text = public_data(name).read_text(encoding="utf-8")
    if name.endswith(".jsonl"):
        for row in map(json.loads, text.splitlines()):
            yield make_task(answer=row["answer"]), row["answer"]
    elif name == "svamp.json":
        for row in json.loads(text):
            yield make_task(answer=str(row["Answer"])), f"{row['Equation']} = {row['Answer']}"
    else:
        for row in json.loads(text):
            yield (
                make_task(answer=str(row["answer"])),
                f"{' '.join(row['facts'])} So the answer is {'yes' if row['answer'] else 'no'}.",
            )


@pytest.mark.parametrize(
    ("name", "rows"),
    [("gsm8k_test.jsonl", 1319), ("gsm8k_train.jsonl", 7473), ("svamp.json", 1000), ("strategyqa_dev.json", 229)],
)
def test_controls(name: str, rows: int) -> None:
    """A right reply is always kept; an empty one or junk never, nor the reply to a question with another answer."""
    found = list(questions(name))
    assert len(found) == rows
    for (task, reply), (other, its_reply) in zip(found, found[1:] + found[:1], strict=True):
        assert decision(task, reply) == "keep", reply
        for bad in ("", " \n", "???", "lorem ipsum dolor", "I cannot say.", "The answer is unknown."):
            assert decision(task, bad) == "drop", bad
        if decision(task, str(other.answer)) == "drop":
            assert decision(task, its_reply) == "drop", its_reply
        if name.startswith("gsm8k"):
            assert decision(task, _with_another_end(reply)) == "drop"


def _with_another_end(reply: str) -> str:
    """The reply with every digit of its answer moved by one, so that all else about it is right."""
    worked, _, answer = reply.rpartition("#### ")
    return f"{worked}#### {answer.translate(str.maketrans('0123456789', '1234567890'))}"

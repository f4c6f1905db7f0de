"""Calculations: a reply in which one is off, and an answer that is not what was computed last; figures on real solutions."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from pipeline.filters.answer_follows import AnswerFollows
from pipeline.filters.arithmetic import Arithmetic
from pipeline.filters.verdicts import RowFilter
from tests.rows import make_sample, make_task, public_data

RIGHT = Arithmetic(filter="arithmetic")
FOLLOWS = AnswerFollows(filter="answer_follows")
TASK = make_task()


@pytest.mark.parametrize(
    ("target", "decision", "score"),
    [
        ("9 - 3 = <<9-3=6>>6, and 6 * 2 = 12.\nA: 12", "keep", 1.0),
        ("9 - 3 = <<9-3=5>>5, and 5 * 2 = 10.\nA: 10", "drop", 1 / 3),
        ("10/3 = 3.33 each", "keep", 1.0),
        ("It is Paris.", "keep", None),
        ("", "keep", None),
        ("x * 2 = <<x*2=8>>8, 3 + 4 = 7", "unverifiable", None),
        ("x * 2 = <<x*2=8>>8, 3 + 4 = 8", "drop", 0.0),
        ("1 + 1 = 2. " * 20_000, "unverifiable", None),
    ],
)
def test_arithmetic(target: str, decision: str, score: float | None) -> None:
    word = RIGHT.judge(TASK, make_sample(target))
    assert (word.decision, word.score) == (decision, score)
    assert len(word.detail) <= 200


@pytest.mark.parametrize(
    ("target", "decision"),
    [
        ("9 * 2 = 18.\nA: 18", "keep"),
        ("9 * 2 = 18.\nThe answer is $18.00.", "keep"),
        ("9 * 2 = 18, so 18 - 3 = 15.\nA: 18", "drop"),
        ("450 / 70 = <<450/70=6.4286>>6.4286 hours\nA: 6", "keep"),
        ("4 / 20 = 0.2\nThe answer is 20%", "keep"),
        ("4/20 * 100% = 20%\nThe answer is 20", "keep"),
        ("10 - 3 = 7. Check: 7 + 3 = 10.\nThe answer is 7", "keep"),
        ("20 - 6 = 14, 14 / 2 = 7. Check: 2 * 7 = 14, 14 + 6 = 20.\nA: 7", "keep"),
        ("10 - 3 = 7. Check: 7 + 3 = 10.\nThe answer is 3", "drop"),
        ("So 9 * 2 = 18.\nThe answer is 9*2 = 18", "keep"),
        ("9 * 2 = 18\nAnswer: 1800", "drop"),
        ("4 / 20 = 0.2\nThe answer is 20 percent", "keep"),
        ('{"why": "9 * 2 = 18", "answer": 18}', "keep"),
        ('{"why": "9 * 2 = 18", "answer": 17}', "drop"),
        ("9 * 2 = 18\nThe answer is 18 or 19", "unverifiable"),
        ("x = 7\nA: 7", "unverifiable"),
        ("9 * 2 = 18, so it is 18", "unverifiable"),
        ("9 * 2 = 18.\nThe answer is Paris.", "unverifiable"),
        ("", "unverifiable"),
        ("1 + 1 = 2. " * 20_000 + "A: 2", "unverifiable"),
    ],
)
def test_answer_follows(target: str, decision: str) -> None:
    assert FOLLOWS.judge(TASK, make_sample(target)).decision == decision


def test_answer_follows_without_rounding() -> None:
    strict = AnswerFollows(filter="answer_follows", rounded=False)
    assert strict.judge(TASK, make_sample("450 / 70 = 6.43\nA: 6")).decision == "drop"
    assert strict.judge(TASK, make_sample("450 / 9 = 50\nA: 50")).decision == "keep"


def solutions() -> list[tuple[str, bool]]:
    lines = public_data("gsm8k_model_solutions.jsonl").read_text(encoding="utf-8").splitlines()
    found = [value for line in lines for value in json.loads(line).values() if isinstance(value, dict)]
    return [(each["solution"], each["is_correct"]) for each in found]


@pytest.mark.parametrize(
    ("condition", "counts"),
    [
        (RIGHT, {"keep": (1538, 999), "drop": (80, 9), "unverifiable": (14, 0)}),
        (FOLLOWS, {"keep": (1569, 1006), "drop": (46, 2), "unverifiable": (17, 0)}),
        (
            AnswerFollows(filter="answer_follows", rounded=False),
            {"keep": (1547, 1000), "drop": (68, 8), "unverifiable": (17, 0)},
        ),
    ],
    ids=["arithmetic", "answer_follows", "answer_follows, not rounded"],
)
def test_on_solutions_with_labels(condition: RowFilter, counts: dict[str, tuple[int, int]]) -> None:
    """How many wrong and right solutions of 1,632 and 1,008 each decision meets: a drop is right 9 times of 10."""
    found = Counter((condition.judge(TASK, make_sample(text)).decision, right) for text, right in solutions())
    assert {each: (found[each, False], found[each, True]) for each in counts} == counts


@pytest.mark.parametrize(("name", "rows", "off"), [("gsm8k_train.jsonl", 7473, 24), ("gsm8k_test.jsonl", 1319, 2)])
def test_on_solutions_by_people(name: str, rows: int, off: int) -> None:
    """Those that are off are slips of their authors, as `8*3 = <<80*3=240>>240`; none cannot be read."""
    answers = [json.loads(line)["answer"] for line in public_data(name).read_text(encoding="utf-8").splitlines()]
    found = Counter(RIGHT.judge(TASK, make_sample(answer)).decision for answer in answers)
    assert (len(answers), found["drop"], found["unverifiable"]) == (rows, off, 0)

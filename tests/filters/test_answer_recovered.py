"""A solver over HTTP who sees a rationale alone: what it comes to decides, and whatever is no answer decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.filters.answer_recovered import AnswerRecovered
from pipeline.filters.verdicts import Word
from tests.filters.asked import OWED, REFUSED, asked_of, judged, says
from tests.rows import make_sample, make_task
from tests.servers import ChatServer, Trouble

FILTER = AnswerRecovered(filter="answer_recovered")
TASK = make_task(prompt="How many eggs are there?", answer="5")
REPLY = "There are 2 and 4 more, so 6. The answer is 6."


def words(folder: Path, *troubles: Trouble, reply: Any = REPLY, task: Any = TASK) -> tuple[list[Word], ChatServer]:
    with ChatServer(*troubles) as server:
        return judged(FILTER, folder, [reply], task, server.url), server


@pytest.mark.parametrize(
    ("trouble", "decision", "reason"),
    [
        (says("The answer is 6."), "keep", "a solver comes to the same answer"),
        (says("It leads to six. The answer is 6.0."), "keep", "a solver comes to the same answer"),
        (says("The answer is 5."), "drop", "a solver comes to another answer"),
        (says("The answer is unclear."), "drop", "a solver comes to another answer"),
        (says("The answer is 5 or 6."), "unverifiable", "answers cannot be compared"),
        (says("The answer", finish="length"), "unverifiable", "the reply was cut off"),
        (OWED, "unverifiable", "a call is owed"),
        (REFUSED, "unverifiable", "the model refused"),
    ],
    ids=["same", "same value", "another", "none", "two", "cut", "owed", "refused"],
)
def test_what_the_solver_says_decides(tmp_path: Path, trouble: Trouble, decision: str, reason: str) -> None:
    """The stated answer must come back, though it is not the right one."""
    [word], _ = words(tmp_path, trouble)
    assert (word.decision, word.reason) == (decision, reason)
    assert (word.score is None) == (decision == "unverifiable")


def test_it_sees_neither_question_nor_answer(tmp_path: Path) -> None:
    _, server = words(tmp_path)
    asked = asked_of(server.bodies[0])
    assert "There are 2 and 4 more, so 6." in asked and "The answer is 6" not in asked and "eggs" not in asked


def test_it_sees_the_options(tmp_path: Path) -> None:
    task = make_task(prompt="Which?", answer="A", choices=["ant", "cat"])
    [word], server = words(tmp_path, says("The answer is cat."), reply="It purrs. The answer is (B).", task=task)
    assert word.decision == "keep" and "ant; cat" in asked_of(server.bodies[0])


def test_without_a_rationale_nobody_is_asked(tmp_path: Path) -> None:
    [word], server = words(tmp_path, reply="The answer is 6.")
    assert (word.decision, word.reason) == ("drop", "no rationale") and not server.hits


def test_thoughts_apart_from_the_reply_are_the_rationale(tmp_path: Path) -> None:
    sample = make_sample("The answer is 6.", reasoning="I count six.")
    [word], server = words(tmp_path, says("The answer is 6."), reply=sample)
    assert word.decision == "keep" and "I count six." in asked_of(server.bodies[0])

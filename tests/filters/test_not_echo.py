"""Echoes of the question: copies whole, at the start, and in pieces; quoting, restating and rewriting are none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.filters.not_echo import NotEcho
from pipeline.filters.verdicts import Word
from pipeline.records import Message
from tests.rows import make_sample, make_task, public_data

DEFAULT = NotEcho(filter="not_echo")
EGGS = "Janet's ducks lay 16 eggs a day. She eats three and sells the rest for $2 each. How much does she make a day?"
ONE = "How many eggs are left when three of the sixteen eggs are eaten?"
SAME, START, PIECES, MORE = (
    "the same words as the question",
    "starts with the whole question",
    "mostly the question again",
    "more than the question",
)
REQUEST = "only the text behind the request again"


def judge(question: str, reply: str, condition: NotEcho = DEFAULT) -> Word:
    task = make_task(prompt=question)
    return condition.judge(task, make_sample(reply, messages=[Message(role="user", content=question)]))


@pytest.mark.parametrize(
    ("question", "reply", "reason"),
    [
        (EGGS, EGGS, SAME),
        (EGGS, "**" + EGGS.upper() + "**", SAME),
        ("Say hi", "say hi!", SAME),
        (EGGS, EGGS + " She sells 16 - 3 = 13 eggs, so she makes 13 * 2 = 26 dollars a day.", START),
        (EGGS, f"Question: {EGGS} Answer: 26", PIECES),
        (EGGS, EGGS.replace("three", "3").replace("rest", "others"), PIECES),
        (EGGS, "How much does she make a day? She sells 13 eggs, so she makes 26 dollars.", MORE),
        (EGGS, "She makes $26 a day.", MORE),
        (ONE, ONE + " Sixteen less three is thirteen, so there are thirteen of them, which is the answer.", MORE),
        (ONE, ONE + " 13.", MORE),
        ("Is it red or blue?", "Blue", MORE),
        ("Is it red or blue?", "It is blue.", MORE),
        ("Fix the grammar of this: She go to school every day.", "She goes to school every day.", MORE),
        ("Say hello to the world", "Hello to the world, said he.", MORE),
        (EGGS, "", MORE),
        ("Yes", "Yes", "one word, said again"),
        (
            "Add punctuation to this text: hello how are you i am well and so is my dog",
            "Hello, how are you? I am well, and so is my dog.",
            REQUEST,
        ),
        ("ما اسمك؟ من أين أنت؟ كم عمرك الآن؟", "ما اسمك؟ من أين أنت؟ كم عمرك الآن؟ سبعة", START),
    ],
)
def test_echoes(question: str, reply: str, reason: str) -> None:
    word = judge(question, reply)
    assert (word.reason, word.decision) == (
        reason,
        {MORE: "keep", "one word, said again": "unverifiable", REQUEST: "unverifiable"}.get(reason, "drop"),
    )


def test_what_the_student_reads_can_be_echoed_too() -> None:
    sample = make_sample(EGGS, messages=[Message(role="system", content="Be kind."), Message(role="user", content=EGGS)])
    assert DEFAULT.judge(make_task(prompt="Evolve it."), sample).reason == SAME


def test_asked_for_an_echo() -> None:
    task = make_task(prompt=EGGS, constraints=[{"kind": "combination:repeat_prompt", "prompt_to_repeat": EGGS}])
    assert DEFAULT.judge(task, make_sample(EGGS)).decision == "keep"


def test_a_question_without_words() -> None:
    assert judge("?!", "7").decision == "unverifiable"


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=12), st.lists(st.sampled_from(["a", "b", "c"]), max_size=12))
def test_scores_are_shares(asked: list[str], said: list[str]) -> None:
    word = judge(" ".join(asked) or "?", " ".join(said))
    assert word.score is None or 0 <= word.score <= 1


@pytest.mark.parametrize(
    ("copied", "dropped"), [("whole", 1303), ("last sentence", 7)], ids=["the question before the answer", "its last sentence"]
)
def test_golden_copies_of_gsm8k(copied: str, dropped: int) -> None:
    """Of 1,319 copied questions 16 are one sentence before an answer; seven last sentences are nearly all of theirs."""
    rows = [json.loads(line) for line in public_data("gsm8k_test.jsonl").read_text("utf-8").splitlines()]
    starts = [row["question"] if copied == "whole" else row["question"].split(". ")[-1] for row in rows]
    words = [judge(row["question"], f"{start} {row['answer']}") for row, start in zip(rows, starts, strict=True)]
    assert sum(word.decision == "drop" for word in words) == dropped

"""Questions and answers in turn: what real models add is passed over, what breaks the turn is refused."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.question_pairs import LONGEST, MOST, Pair, listed_questions, question_pairs

TWO = [Pair("How many eggs?", "3*4=12."), Pair("How many are left?", "12-5=7. The answer is 7.")]


@pytest.mark.parametrize(
    "text",
    [
        "Q: How many eggs?\nA: 3*4=12.\nQ: How many are left?\nA: 12-5=7. The answer is 7.",
        "\n\nq: How many eggs?  \n\na: 3*4=12.\n\nQ:How many are left?\r\nA:12-5=7. The answer is 7.\n",
        "Here is the decomposition:\nQ1: How many eggs?\nA1: 3*4=12.\nQ2: How many are left?\nA2: 12-5=7. The answer is 7.",
        "```text\nQ: How many eggs?\nA: 3*4=12.\nQ: How many are left?\nA: 12-5=7. The answer is 7.\n```",
        "**Q:** How many eggs?\n**A:** 3*4=12.\n**Q**: How many are left?\n**A**: 12-5=7. The answer is 7.",
        "1. **Q: How many eggs?**\n   A: 3*4=12.\n2. **Q: How many are left?**\n   A: 12-5=7. The answer is 7.",
        "### Sub-question 1: How many eggs?\nSub-answer 1: 3*4=12.\n### Question 2: How many are left?\n"
        "> Answer 2: 12-5=7. The answer is 7.",
        "- Q #1: How many eggs?\n- A #1: 3*4=12.\n- Q #2: How many are left?\n- A #2: 12-5=7. The answer is 7.",
    ],
)
def test_what_models_add_is_passed_over(text: str) -> None:
    assert question_pairs(text) == TWO


def test_lines_behind_an_answer_belong_to_it() -> None:
    assert question_pairs("Q: a?\nA: 1+1\n= 2\n\nThe answer is 2.") == [Pair("a?", "1+1\n= 2\nThe answer is 2.")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12-5=7. The answer is 7.",
        "Q: a?",
        "A: 1",
        "Q: a?\nQ: b?\nA: 1",
        "Q: a?\nA: 1\nA: 2",
        "Q: a?\nA: 1\nQ: b?",
        "Q:\nA: 1",
        "Q: a?\nA:",
        "Q: a?\nthat is\nA: 1",
        "I think.\nQ: a?\nA: 1",
        "Q: a? A: 1",
        "Q: a?\nA: 1\n" * (MOST + 1),
        "Q: a?\nA: " + "1" * LONGEST,
    ],
)
def test_what_breaks_the_turn_is_refused(text: str) -> None:
    assert question_pairs(text) is None


def test_as_many_as_are_allowed() -> None:
    assert question_pairs("Q: a?\nA: 1\n" * MOST) == [Pair("a?", "1")] * MOST


@pytest.mark.parametrize(
    "text",
    [
        "Q: a?\nQ: b?",
        "1. a?\n2. b?",
        "(1) a?\n(2) **b?**",
        "- a?\n* b?",
        "Questions:\n\na?\nb?",
        "**Q1:** a?\n**Q2: b?**",
        "```\na?\nb?\n```",
    ],
)
def test_lists_of_questions(text: str) -> None:
    assert listed_questions(text) == ["a?", "b?"]


@pytest.mark.parametrize("text", ["", " \n", "Q: a?\nA: 1", "Q:\nQ: b?", "a?\n" * (MOST + 1), "**\n"])
def test_what_is_no_list_of_questions(text: str) -> None:
    assert listed_questions(text) is None


@given(st.text(alphabet="QA:?*_1. \n`-#a\r\x0b\x85\x00", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    pairs = question_pairs(text)
    assert pairs is None or all(each.question.strip() and each.answer.strip() for each in pairs)
    questions = listed_questions(text)
    assert questions is None or all(each.strip() for each in questions)


@pytest.mark.parametrize("part", ["*", "1. ", "Q", "Q:", "> ", "_ ", "question ", "Q 1", "`", "\n", "Q: a\nA: b\n"])
def test_hostile_texts_take_no_time(part: str) -> None:
    started = perf_counter()
    question_pairs(part * (LONGEST // len(part)))
    listed_questions(part * (LONGEST // len(part)))
    assert perf_counter() - started < 1

"""The mini teacher's exams: a right reply to each question is marked right, another's or none is not, none was taught."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from bench.exams import answering, knowing, making, reasoning, rewriting
from bench.exams.catalogue import EXAMS
from bench.exams.exam import Mark, Question
from bench.mini_skills import Result, as_markdown
from pipeline.mini.item import Item
from pipeline.mini.skills.catalogue import SKILLS
from pipeline.settings import REPOSITORY

COUNT = 30
OFTEN_RIGHT_FOR_ANOTHER = {
    "judge_absolute", "judge_absolute (instruction)", "judge_correctness", "judge_pairwise", "lion_referee", "evol_breadth",
    "evol_eliminate", "lion_rarer", "self_instruct_instructions", "self_instruct_classify", "alpaca_blocks",
    "prompt_induce (stories)", "prompt_optimise", "fact_routed", "fact_routed (untaught)", "pair_labelled", "events_continued",
    "event_criticised",
}  # fmt: skip
"""Of few labels, or about no one thing."""


@pytest.fixture(scope="module")
def asked() -> dict[str, list[Question]]:
    return {name: exam.questions(name, COUNT) for name, exam in EXAMS.items()}


def test_every_skill_has_an_exam_and_every_exam_a_skill() -> None:
    examined = {name.partition(" (")[0] for name in EXAMS}
    assert examined - SKILLS.keys() == {"word_problem", "few_shot", "arithmetic", "instruction", "induction"}
    assert SKILLS.keys() <= examined


@pytest.mark.parametrize("name", EXAMS)
def test_right_replies_are_right(name: str, asked: dict[str, list[Question]]) -> None:
    marks = [question.mark(question.right) for question in asked[name]]
    assert all(mark.parsed and mark.right == mark.of > 0 for mark in marks)


@pytest.mark.parametrize("name", EXAMS)
def test_nothing_is_never_right(name: str, asked: dict[str, list[Question]]) -> None:
    assert all(question.mark(text)[:2] == (False, 0) for question in asked[name] for text in ("", " \n"))


@pytest.mark.parametrize("name", sorted(EXAMS.keys() - OFTEN_RIGHT_FOR_ANOTHER))
def test_the_reply_to_another_question_is_seldom_right(name: str, asked: dict[str, list[Question]]) -> None:
    marks = [one.mark(other.right) for one, other in pairwise(asked[name])]
    assert sum(mark.right for mark in marks) < 0.3 * sum(mark.of for mark in marks)


@pytest.mark.parametrize("name", EXAMS)
def test_questions_are_repeatable_and_differ(name: str, asked: dict[str, list[Question]]) -> None:
    assert [each.messages for each in EXAMS[name].questions(name, 5)] == [each.messages for each in asked[name][:5]]
    assert len({str(each.messages) for each in asked[name]}) > COUNT / 2


@pytest.mark.parametrize("name", [*reasoning.EXAMS, "word_problem", "judge_correctness", "judge_absolute"])
def test_no_lesson_had_these_stories(name: str, asked: dict[str, list[Question]]) -> None:
    for question in asked[name]:
        stories = [line for line in question.messages[-1]["content"].splitlines() if line.endswith("?")]
        assert stories and all(Item("word_problem", line).held_out for line in stories)


def drawn(name: str, number: int = 0) -> Question:
    return EXAMS[name].question(random.Random(f"tests/{number}"))


def test_a_step_that_is_off_makes_a_rationale_wrong() -> None:
    question = drawn("rationalise")
    first, rest = question.right.split("=", 1)
    assert question.mark(question.right.removeprefix(first.split(" ")[0])).right == 0, "a step is missing"
    assert question.mark(f"{first}=1{rest}") == Mark(True, 0)
    assert question.mark(f"The answer is {question.right.rpartition(' ')[2]}") == Mark(False, 0)


def test_a_wrong_answer_is_explained_by_the_story_and_nothing_else() -> None:
    question = drawn("rationalise (wrong)")
    assert question.mark(question.right).right == 1
    hint = question.right.rpartition(" ")[2].rstrip(".")
    assert question.mark(f"{hint}+0={hint}. The answer is {hint}.") == Mark(True, 0)
    assert question.mark(reasoning.equations(reasoning.unseen_story(random.Random("tests/0")))) == Mark(True, 0)


def test_programs_are_run() -> None:
    question = drawn("program")
    assert question.mark(question.right.replace("return n", "return n + 1")) == Mark(True, 0)
    assert question.mark(question.right.replace("    return n\n", "")) == Mark(True, 0)


@pytest.mark.parametrize("name", ["evol_constraint", "evol_deepen", "evol_concretise", "evol_reasoning", "lion_similar"])
def test_a_copied_instruction_is_no_new_one(name: str, asked: dict[str, list[Question]]) -> None:
    for question in asked[name]:
        shown = question.messages[-1]["content"].splitlines()
        assert not any(question.mark(line).right for line in shown)
        assert question.mark(f"{question.right} Sing a song.") == Mark(True, 0)


def test_lists_are_marked_by_item() -> None:
    question = drawn("self_instruct_instructions")
    lines = question.right.splitlines()
    shown = question.messages[-1]["content"].partition("1. ")[2].splitlines()[0]
    lines[0], lines[1], lines[2] = f"9. {shown}", "10. Draw a picture of the dog.", f"11. {lines[7][4:]}"
    assert question.mark("\n".join(lines)) == Mark(True, 5, 8), "shown, not of text, and the same one twice"
    assert question.mark("\n".join(lines[3:5])).of == 8


def test_blocks_are_right_as_wholes() -> None:
    question = drawn("alpaca_blocks")
    assert question.mark(question.right.replace("Output: ", "Output: not ", 1)).right == 3
    assert question.mark(question.right.replace("Output", "Result", 1)).right == 3


def test_entities_must_mostly_be_right() -> None:
    question = next(each for number in range(99) if (each := drawn("entities_listed", number)).right.count("{") == 3)
    assert question.mark(question.right.replace('"type": "', '"type": "un', 1)) == Mark(True, 0)
    assert question.mark(question.right[:-1]) == Mark(False, 0)


def test_facts_must_be_stated_as_they_are() -> None:
    question = drawn("fact_reasoned")
    said, _, answer = question.right.partition("The answer is ")
    assert question.mark(f"{said}The answer is {'no.' if answer == 'yes.' else 'yes.'}") == Mark(True, 0)
    assert question.mark(f"Tom works at the moon. The answer is {answer}") == Mark(True, 0)


def test_words_for_the_blank_must_bring_about_the_label() -> None:
    question = drawn("pair_flipped")
    words = {"red", "old", "keeps", "likes", "sells", "at noon", "at the park"}
    fitting = {each for each in words if question.mark(each).right}
    assert fitting < words and question.mark("a pink elephant") == Mark(False, 0)


def test_an_arm_is_chosen_in_the_form_asked_for() -> None:
    question = drawn("bandit_chosen (raw)")
    arm = question.right.removeprefix("I choose ")
    assert question.mark(arm) == Mark(False, 0) and question.mark(question.right + "\n").right == 1


def test_the_table() -> None:
    marks = (Mark(True, 3, 4), Mark(False, 0, 4))
    table = as_markdown({"alpaca_blocks": [Result(marks), Result(marks[:1])], "pair_labelled": [Result((Mark(True, 1),))]})
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert [row[0] for row in rows] == ["skill", "---", "**making tasks**", "`alpaca_blocks`", "**knowing**", "`pair_labelled`"]
    assert rows[3][3:] == ["37.5 [13.7, 69.4]", "50", "75.0 [30.1, 95.4]", "100", "0.9"]
    assert rows[5][3:] == ["100.0 [20.7, 100.0]", "100", "–", "–", "0"]
    assert len({len(row) for row in rows}) == 1
    assert all(len(each) > 3 for each in (answering.EXAMS, knowing.EXAMS, making.EXAMS, rewriting.EXAMS))


def test_the_page_has_a_row_for_every_exam() -> None:
    page = (REPOSITORY / "docs/mini.md").read_text(encoding="utf-8").partition("<!-- figures: skills -->")[2]
    rows = [line for line in page.partition("<!-- end -->")[0].splitlines() if line.startswith("| `")]
    told = [f"| `{name}` | {exam.used_by} | {exam.counts} |" for name, exam in EXAMS.items()]
    assert len(rows) == len(told) and all(row.startswith(start) for row, start in zip(rows, told, strict=True))

"""What all reasoning lessons have in common: repeatable, short, no prompt of the tests, put by the templates that ship."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import chain

import pytest
from tokenizers import Tokenizer

from pipeline.errors import UserError
from pipeline.mini.instructions import ASKS, KINDS
from pipeline.mini.item import Item
from pipeline.mini.skills import judge, multi_view, negative_aware, program_of_thought, rationalisation, socratic
from pipeline.mini.skills.asking import Lesson
from pipeline.prompts import render
from pipeline.settings import REPOSITORY
from tests.rows import make_task

COUNT = 300
SKILLS = dict(
    chain.from_iterable(
        each.SKILLS.items() for each in (rationalisation, socratic, program_of_thought, multi_view, negative_aware, judge)
    )
)
LONGEST = {
    "rationalise": 300, "ask_and_answer": 420, "program": 350, "refine_program": 540, "equation": 270, "bare_answer": 200,
    "critique": 660, "judge_absolute": 740, "judge_correctness": 720, "judge_pairwise": 690,
}  # fmt: skip
"""Tokens of a prompt and its reply at most, with the shipped tokenizer."""
ASKED = tuple(each.split("{")[0] for each in ASKS)


def taught(name: str, count: int = COUNT) -> list[Lesson]:
    rng = random.Random(f"tests/{name}")
    return [SKILLS[name](rng) for _ in range(count)]


@pytest.fixture(scope="module")
def count_tokens() -> Callable[[str], int]:
    tokenizer = Tokenizer.from_file(str(REPOSITORY / "data/mini/teacher/tokenizer.json"))
    return lambda text: len(tokenizer.encode(text).ids)


@pytest.mark.parametrize("name", SKILLS)
def test_the_same_seed_teaches_the_same(name: str) -> None:
    assert taught(name, 50) == taught(name, 50)
    assert len({reply for _, reply in taught(name)}) > 40


@pytest.mark.parametrize("name", SKILLS)
def test_lessons_are_short(name: str, count_tokens: Callable[[str], int]) -> None:
    lengths = [
        sum(count_tokens(each["content"]) + 2 for each in asked) + count_tokens(reply) + 2 for asked, reply in taught(name)
    ]
    assert max(lengths) <= LONGEST[name]


@pytest.mark.parametrize("name", SKILLS)
def test_no_prompt_of_the_tests_is_taught(name: str) -> None:
    seen = 0
    for messages, _ in taught(name):
        lines = messages[-1]["content"].splitlines()
        stories = [line for line in lines if line.endswith("?")]
        commands = [line for line in lines if line.startswith(ASKED) and line.endswith((".", "P.S.", "JSON"))]
        commands = [line for line in commands if len(line.split(". ")) > 1]
        seen += len(stories) + len(commands)
        assert not any(Item("word_problem", each).held_out for each in stories)
        assert not any(Item("instruction", each).held_out for each in commands)
    assert seen >= COUNT * 0.9


@pytest.mark.parametrize("name", SKILLS)
def test_some_lessons_stand_among_stray_words(name: str) -> None:
    starts = {messages[-1]["content"].splitlines()[0] for messages, _ in taught(name)}
    assert len(starts) > 10


@pytest.mark.parametrize(
    ("template", "fields", "shown"),
    [
        ("rationalisation/teacher", {"hint": "42"}, ["Given answer: 42", '"The answer is 42."']),
        ("socratic/teacher", {}, ['"Q:"', '"A:"', '"The answer is"']),
        ("socratic/decomposer", {}, ["one a line"]),
        ("socratic/solver", {"pairs": [{"question": "q1?", "answer": "1."}], "question": "q2?"}, ["Q: q1?\nA: 1.\nQ: q2?\nA:"]),
        ("socratic/solver", {"pairs": [], "question": "q1?"}, ["Q: q1?\nA:"]),
        ("program_of_thought/teacher", {}, ["solution()"]),
        ("program_of_thought/refine", {"program": "x = ", "error": "SyntaxError"}, ["begins]\nx = \n[", "\nSyntaxError\n["]),
        ("program_of_thought/student", {}, ["solution()"]),
        ("multi_view/equation", {}, ['"x = "']),
        ("multi_view/answer", {}, ['"The answer is"']),
        ("multi_view/student", {"view": "rationale"}, ["How many?\nSolve it step by step."]),
        ("multi_view/student", {"view": "program"}, ["How many?\nWrite the program."]),
        ("negative_aware/critique", {"attempt": "1+1=3"}, ["begins]\n1+1=3\n[", "Corrected solution:"]),
        ("negative_aware/student", {"attempt": "1+1=3"}, ["begins]\n1+1=3\n["]),
    ],
)
def test_templates_render_with_the_fields_they_name(template: str, fields: dict[str, object], shown: list[str]) -> None:
    text = render(template, make_task(context="Ann has hens."), **fields).messages[-1].content
    assert all(each in text for each in ["Ann has hens.\nHow many?", *shown])
    assert "\n\n\n" not in text and not text.endswith("\n")
    for missing in fields:
        with pytest.raises(UserError, match=missing):
            render(template, make_task(), **{name: value for name, value in fields.items() if name != missing})


def test_an_unknown_view_is_refused() -> None:
    with pytest.raises(UserError, match="poem"):
        render("multi_view/student", make_task(), view="poem")


def test_the_right_answer_of_an_attempt_may_be_unknown() -> None:
    with_answer, without = (
        render("negative_aware/critique", make_task(answer=answer), attempt="1+1=3").messages[-1].content
        for answer in ("2", None)
    )
    assert "[right answer begins]\n2\n" in with_answer and "right answer" not in without


def test_every_rule_of_an_instruction_can_be_judged() -> None:
    """The judged replies meet and break rules of every kind there is."""
    rng, kept, broken = random.Random(3), set(), set()
    for _ in range(1500):
        task = judge.taught_instruction(rng)
        said = judge.judged_reply(rng, task).said
        for number, each in enumerate(task.constraints, 1):
            kept |= {each["kind"]} if f"Rule {number} is kept" in said else set()
            broken |= {each["kind"]} if f"Rule {number} is broken" in said else set()
    assert len(kept) == len(KINDS) and len(broken) == len(KINDS)

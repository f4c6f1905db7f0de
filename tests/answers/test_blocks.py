"""Whole tasks and instances: complete ones are read, however they are dressed; torn ones are left out."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.blocks import Block, Instance, instances, task_blocks

FOUR, FIVE = Block("Add them.", "2 3", "5"), Block("Name a river.", "", "Rhine\nor Po")
PLAIN = (
    "4. Instruction: Add them.\n4. Input: 2 3\n4. Output: 5\n###\n"
    "5. Instruction: Name a river.\n5. Input: <noinput>\n5. Output: Rhine\nor Po\n###"
)


@pytest.mark.parametrize(
    "reply",
    [
        PLAIN,
        f"###\n{PLAIN}",
        PLAIN.removesuffix("\n###"),
        PLAIN.replace("###\n5", "5"),
        PLAIN.replace("###", "\n###\n"),
        f"```\n{PLAIN}\n```",
        f"Here you are:\n\n{PLAIN}",
        PLAIN.replace("4. Input", "Input").replace("5. Output", "Output"),
        PLAIN.replace("4. ", "").replace("5. ", ""),
        PLAIN.replace("4. Instruction:", "**4. Instruction:**").replace("5. Output:", "**5. Output**:"),
        PLAIN.replace("4. Instruction", "### 4. Instruction"),
        PLAIN.replace("###", "### Task 5"),
        PLAIN.replace("4. ", "1. ").replace("5. ", "2. "),
        PLAIN.replace("<noinput>", "<No input>"),
        PLAIN.replace(" Add them.", "\nAdd them.").replace(": 5", ":\n5"),
        f"1. Instruction: Old one.\n1. Input: a\n1. Output: b\n###\n{PLAIN}",
        f"{PLAIN}\n6. Instruction: Too many.\n6. Input: a\n6. Output: b",
    ],
)
def test_ways_to_write_blocks(reply: str) -> None:
    assert task_blocks(reply, 4, 5) == [FOUR, FIVE]


@pytest.mark.parametrize(
    "torn",
    [
        PLAIN.replace("4. Input: 2 3\n", ""),
        PLAIN.replace("4. Output: 5\n", ""),
        PLAIN.replace("4. Output: 5", "4. Output:"),
        PLAIN.replace("4. Output: 5", "4. Output: 5\n4. Output: 6"),
        PLAIN.replace("4. Input: 2 3", "5. Input: 2 3"),
        PLAIN.replace("Add them.", ""),
        PLAIN.replace("4. Input: 2 3\n4. Output: 5", "4. Output: 5\n4. Input: 2 3"),
    ],
)
def test_a_torn_block_is_left_out(torn: str) -> None:
    assert task_blocks(torn, 4, 5) == [FIVE]


def test_a_cut_reply_loses_the_block_it_was_cut_in() -> None:
    assert task_blocks(PLAIN, cut=True) == [FOUR, FIVE]  # a line of ### follows
    assert task_blocks(PLAIN.removesuffix(" Po\n###"), cut=True) == [FOUR]


def test_labels_in_an_output_are_its_own() -> None:
    reply = "4. Instruction: Write a form.\n4. Input: <noinput>\n4. Output: Here:\nInput: a\nInstruction: b\n## End\n###"
    assert task_blocks(reply) == [Block("Write a form.", "", "Here:\nInput: a\nInstruction: b\n## End")]


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Input: a\nOutput: b", [("a", "b")]),
        ("Output: b\nInput: a", [("a", "b")]),
        ("Input: a\nOutput: b\nInput: c\nOutput: d", [("a", "b"), ("c", "d")]),
        ("Output: yes\nInput: a\n\nOutput: no\nInput: c", [("a", "yes"), ("c", "no")]),
        ("Example 1\nInput: a\nOutput: b\n\nExample 2:\nInput: c\nOutput: d", [("a", "b"), ("c", "d")]),
        ("**Example 1:**\n**Input:** a\n**Output:** b", [("a", "b")]),
        ("1. Input: a\nOutput: b\n2. Input: c\nOutput: d", [("a", "b"), ("c", "d")]),
        ("1. Input: a\n1. Output: b\n2. Input: c\n2. Output: d", [("a", "b"), ("c", "d")]),
        ("Input: <noinput>\nOutput: b", [("", "b")]),
        ("Output: b", [("", "b")]),
        ("Input: a\nb\nOutput: c\n42\nd", [("a\nb", "c\n42\nd")]),
        ("```\nInput: a\nOutput: b\n```", [("a", "b")]),
        ("Input: a\nInput: c\nOutput: d", [("c", "d")]),
        ("Input: a\nOutput:\nInput: c\nOutput: d", [("c", "d")]),
        ("Input: a\nOutput: a\nInput: c\nOutput: d", [("c", "d")]),
        ("Input: a:\nOutput: b\nInput: c\nOutput: d", [("c", "d")]),
        ("Input: a\nOutput: b\nInput: a\nOutput: b", [("a", "b")]),
        ("Input: a\nOutput: b\nInput: a\nOutput: c\nInput: d\nOutput: e", []),
        ("Input: <noinput>\nOutput: b\nInput: <noinput>\nOutput: c", [("", "b"), ("", "c")]),
        ("a -> b", []),
        ("", []),
    ],
)
def test_instances(reply: str, found: list[tuple[str, str]]) -> None:
    assert instances(reply) == [Instance(*each) for each in found]


def test_at_most_five_and_none_that_was_cut() -> None:
    reply = "\n".join(f"Input: {number}\nOutput: {number + 10}" for number in range(7))
    assert instances(reply) == [Instance(str(number), str(number + 10)) for number in range(5)]
    assert instances("Input: a\nOutput: b\nInput: c\nOutput: d", cut=True) == [Instance("a", "b")]


WORDS = st.from_regex(r"[a-z]{1,8}( [a-z]{1,8}){0,3}", fullmatch=True)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=4))
def test_blocks_as_they_were_asked_for_come_back(fields: list[tuple[str, str, str]]) -> None:
    lines = [f"{n}. Instruction: {a}\n{n}. Input: {b}\n{n}. Output: {c}\n###" for n, (a, b, c) in enumerate(fields, 4)]
    assert task_blocks("\n".join(lines), 4, 9) == [Block(*each) for each in fields]


@pytest.mark.parametrize(
    "hostile",
    ["Input: a\nOutput: b\n" * 20_000, "#" * 300_000, "*" * 300_000, " " * 300_000, "Example 1\n" * 50_000, "1. " * 100_000],
)
def test_long_replies_are_read_at_once(hostile: str) -> None:
    begun = time.perf_counter()
    task_blocks(hostile)
    instances(hostile)
    assert time.perf_counter() - begun < 2

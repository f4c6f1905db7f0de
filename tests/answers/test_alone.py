"""One text and nothing else: what models put around it comes off, and nothing of the text itself."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.alone import said_equal, sole_text, unwrapped

WANTED = "Name three rivers. Use no commas."


@pytest.mark.parametrize(
    "reply",
    [
        WANTED,
        f"\n{WANTED}\n\n",
        f"```\n{WANTED}\n```",
        f"```text\n{WANTED}\n```\n",
        f"Sure! Here is the rewritten instruction:\n\n{WANTED}",
        f"Here's a harder version:\n{WANTED}",
        f"Here is the new instruction:\n```\n{WANTED}\n```",
        f"New instruction: {WANTED}",
        f"**New Instruction:** {WANTED}",
        f"#Rewritten Prompt#:\n{WANTED}",
        f"### Instruction:\n{WANTED}",
        f"**{WANTED}**",
        f'"{WANTED}"',
        f"\u201c{WANTED}\u201d",
        f'Certainly!\n"{WANTED}"',
        f"[instruction begins]\n{WANTED}\n[instruction ends]",
        f"<think>Rivers, then.</think>\n{WANTED}",
    ],
)
def test_what_stands_around_comes_off(reply: str) -> None:
    assert sole_text(reply) == WANTED


@pytest.mark.parametrize(
    "text",
    [
        "Here are some numbers:\n1 2 3\nSort them.",
        'Say "yes" and then "no"',
        '"Yes" or "no": which is shorter?',
        "Write this in Python:\n```\nx = 1\n```",
        "```\na = 1\n```\nWhat does this print?\n```\nprint(a)\n```",
        "**Read** the text and **sum it up**",
        "Instructions for a chair: sum them up.",
        "Sure is a word. Use it.",
    ],
)
def test_the_text_itself_stays(text: str) -> None:
    assert sole_text(text) == text


@pytest.mark.parametrize("reply", ["", "  \n", "```\n```", "New instruction:", "***", "12 + 5", '""'])
def test_nothing_is_none(reply: str) -> None:
    assert sole_text(reply) is None


@given(st.text(alphabet="ab \n`\"'*#[]:", max_size=60))
def test_a_part_of_the_reply_or_nothing(reply: str) -> None:
    found = sole_text(reply)
    assert found is None or (found in reply and found == found.strip())


@pytest.mark.parametrize(
    ("reply", "equal"),
    [
        ("Equal", True),
        ("Not equal", False),
        ("**Not Equal.**", False),
        ("not equal\n\nThe second asks for a list.", False),
        ("The second only says it in other words.\nEqual", True),
        ("They are equal.", True),
        ("The two instructions are not equal.", False),
        ("Answer: Equal", True),
        ("The answer is: not equal.", False),
        ('"Equal"', True),
        ("```\nEqual\n```", True),
        ("Equal or not equal", None),
        ("Equal\nNot equal", None),
        ("I cannot say whether they are equal", None),
        ("Not exactly equal", None),
        ("unequal", None),
        ("Equally good", None),
        ("", None),
    ],
)
def test_said_equal(reply: str, equal: bool | None) -> None:
    assert said_equal(reply) is equal


@pytest.mark.parametrize(
    "hostile", [" " * 200_000, "#" * 200_000, "*" * 200_000, "`" * 200_000, "[a begins]\n" * 20_000, "sure " * 50_000]
)
def test_long_replies_are_read_at_once(hostile: str) -> None:
    begun = time.perf_counter()
    for reply in (hostile, f"a{hostile}a", f"New instruction{hostile}:"):
        unwrapped(reply)
        sole_text(reply)
        said_equal(reply)
    assert time.perf_counter() - begun < 2

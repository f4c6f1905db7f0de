"""Bracketed sections: where they begin and end, which of several holds, and what is none."""

from __future__ import annotations

import time

import pytest

from pipeline.answers.sections import bracketed, section

BOTH = "It is vague.\n[New Instruction] Name two rivers. [End]\n[New Answer] Rhine\nand Po [End]"


@pytest.mark.parametrize(
    "reply",
    [
        BOTH,
        BOTH.replace(" [End]\n", "\n[End]\n\n"),
        BOTH.replace("[New Instruction]", "**[New Instruction]**").replace("[End]", "**[End]**"),
        BOTH.replace("[New Instruction]", "[new instruction]:").replace("[End]", "[END]"),
        BOTH.replace("[End]", "[End of section]"),
        BOTH.replace(" [End]\n", "\n"),
        f"```\n{BOTH}\n```",
        f"The old one was [New Instruction] nothing [End]. {BOTH}",
    ],
)
def test_two_sections(reply: str) -> None:
    assert section(reply, "New Instruction") == "Name two rivers."
    assert section(reply, "New Answer") == "Rhine\nand Po"


@pytest.mark.parametrize(
    "reply",
    ["", "[New Answer]", "[New Answer] Rhine and", "[New Answer] [End]", "New Answer: Rhine [End]", "[End] [New Answer] Rhine"],
)
def test_no_section(reply: str) -> None:
    assert section(reply, "New Answer") is None


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("[Think step by step.]", "Think step by step."),
        ("Here it is:\n\n[Think.]\n", "Think."),
        ("First [one], then [two].", "two"),
        ("[Use [brackets] here.]", "Use [brackets] here."),
        ("[Think.] See [this](http://a.b).", "Think."),
        ("[Think.] [1]", "Think."),
        ("Think.", None),
        ("[Think", None),
        ("[]", None),
        ("] [", None),
        ("", None),
    ],
)
def test_bracketed(reply: str, text: str | None) -> None:
    assert bracketed(reply) == text


@pytest.mark.parametrize(
    "hostile", ["[" * 200_000, "[]" * 100_000, "[New Answer] " * 5_000, "[End] " * 20_000, "*" * 20_000, " " * 20_000]
)
def test_long_replies_are_read_at_once(hostile: str) -> None:
    begun = time.perf_counter()
    section(hostile, "New Answer")
    section(f"[New Answer] a{hostile}", "New Answer")
    bracketed(hostile)
    assert time.perf_counter() - begun < 2

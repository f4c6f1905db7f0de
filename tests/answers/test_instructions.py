"""Which machine-made instructions Self-Instruct drops, and why."""

from __future__ import annotations

import pytest

from pipeline.answers.instructions import fault


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("Name a long river.", None),
        ("Drawing conclusions is hard: why?", None),
        ("3 apples cost what in all?", None),
        ("Name a river.", "too short"),
        ("", "too short"),
        ("word " * 150, None),
        ("word " * 151, "too long"),
        ("Draw a picture of it.", "asks for more than text: draw"),
        ("Describe what this Image shows.", "asks for more than text: image"),
        ("Write a program that adds.", "asks for a program"),
        ("- Name a long river.", "begins with punctuation"),
        ("\u00c9cris un po\u00e8me court.", "does not begin with a Latin letter or a digit"),
    ],
)
def test_fault(instruction: str, reason: str | None) -> None:
    assert fault(instruction) == reason

"""What a sample becomes when its thoughts are put before its answer."""

from __future__ import annotations

import pytest

from tests.rows import make_sample


@pytest.mark.parametrize(
    ("reasoning", "target", "whole"),
    [
        (None, "\n\n19.\n", "\n\n19.\n"),
        ("", "19.", "19."),
        ("7+12", "19.\n", "<think>\n7+12\n</think>\n\n19.\n"),
        ("\n 7+12\n\n", "\n\n19.", "<think>\n7+12\n</think>\n\n19."),
        ("7+12", " \r\n\n    return 19\n    # so", "<think>\n7+12\n</think>\n\n    return 19\n    # so"),
        ("7+12", "  19.", "<think>\n7+12\n</think>\n\n  19."),
        ("7+12", "\n", "<think>\n7+12\n</think>\n\n"),
    ],
)
def test_one_blank_line_parts_thoughts_and_answer(reasoning: str | None, target: str, whole: str) -> None:
    assert make_sample(target=target, reasoning=reasoning).full_target == whole

"""The reasoning of a reply without the answer it states."""

from __future__ import annotations

from time import perf_counter

import pytest

from pipeline.answers.markers import last_marker
from pipeline.answers.rationale import rationale


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("12 - 5 = 7.\nThe answer is 7.", "12 - 5 = 7."),
        ("12 - 5 = 7. So the answer is 7.", "12 - 5 = 7."),
        ("12 - 5 = 7, so the final answer is: **7**", "12 - 5 = 7"),
        ("12 - 5 = 7\n#### 7", "12 - 5 = 7"),
        ("Fish swim. Therefore, the correct answer is (B).", "Fish swim."),
        ("Job A: 3 hours. Job B: 4.\nA: 7", "Job A: 3 hours. Job B: 4."),
        ("12 - 5 leaves \\boxed{7}", "12 - 5 leaves"),
        ("It is 12 - 5 = 7.\n\n**Answer:** 7", "It is 12 - 5 = 7."),
        ("Fish swim and the sea is wet.", "Fish swim and the sea is wet."),
        ("The answer is 7.", ""),
        ("#### 7", ""),
        ("", ""),
    ],
)
def test_rationale(text: str, reasons: str) -> None:
    assert rationale(text) == reasons


def test_it_states_no_answer() -> None:
    assert last_marker(rationale("Add them: 2 + 3 = 5. The answer is 5.")) is None


def test_long_texts_take_no_time() -> None:
    start = perf_counter()
    rationale("so the " * 100_000 + "The answer is 7.")
    rationale(" " * 500_000 + "#### 7")
    assert perf_counter() - start < 2

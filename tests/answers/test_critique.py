"""A critique and the solution behind its label: what real models add is passed over, a missing or second label is refused."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.critique import LONGEST, Critique, critique_in

BOTH = Critique("Step 1 is wrong: 12+5=17.", "12+5=17.\nThe answer is 17.")


@pytest.mark.parametrize(
    "text",
    [
        "Step 1 is wrong: 12+5=17.\nCorrected solution: 12+5=17.\nThe answer is 17.",
        "\nStep 1 is wrong: 12+5=17.\r\n\r\nCorrected solution:\r\n12+5=17.\r\nThe answer is 17.\r\n",
        "Step 1 is wrong: 12+5=17.\n\n**Corrected solution:**\n12+5=17.\nThe answer is 17.",
        "**Critique:** Step 1 is wrong: 12+5=17.\n\n**Corrected Solution**: 12+5=17.\nThe answer is 17.",
        "## Critique:\nStep 1 is wrong: 12+5=17.\n\n## Corrected solution\n\n12+5=17.\nThe answer is 17.",
        "1. Step 1 is wrong: 12+5=17.\n2. Corrected solution: 12+5=17.\nThe answer is 17."[3:],
        "```\nStep 1 is wrong: 12+5=17.\nCorrected solution: 12+5=17.\nThe answer is 17.\n```",
    ],
)
def test_what_models_add_is_passed_over(text: str) -> None:
    assert critique_in(text) == BOTH


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Step 1 is wrong. The answer is 17.",
        "Corrected solution: 12+5=17. The answer is 17.",
        "Critique:\nCorrected solution: 12+5=17.",
        "Step 1 is wrong.\nCorrected solution:",
        "Step 1 is wrong.\nCorrected solution: 1\nCorrected solution: 2",
        "Step 1 is wrong. Corrected solution: 12+5=17.",
        "Step 1 is wrong.\nThe corrected solution: 12+5=17.",
        "Step 1 is wrong.\nCorrected solution: " + "1" * LONGEST,
    ],
)
def test_without_one_label_and_both_parts_it_is_refused(text: str) -> None:
    assert critique_in(text) is None


def test_a_mention_within_a_line_is_no_label() -> None:
    text = "See the corrected solution: below.\nCorrected solution: 1+1=2. A corrected solution: no label."
    assert critique_in(text) == Critique("See the corrected solution: below.", "1+1=2. A corrected solution: no label.")


@given(st.lists(st.sampled_from(["Corrected solution:", "Critique:", "**", "# ", "1. ", "\n", " ", "```", "x"]), max_size=20))
def test_any_text_is_read_or_refused(parts: list[str]) -> None:
    found = critique_in("".join(parts))
    assert found is None or (found.said.strip() and found.solution.strip())


@pytest.mark.parametrize("part", ["*", "# ", "1. ", "corrected ", "corrected solution", "critique ", "`", "\n", " "])
def test_hostile_texts_take_no_time(part: str) -> None:
    started = perf_counter()
    critique_in(part * (LONGEST // len(part)))
    assert perf_counter() - started < 1

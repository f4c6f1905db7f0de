"""DISCO's heuristics, each with a filling that breaks it alone, and some that break none."""

from __future__ import annotations

import pytest

from pipeline.answers.counterfactual import overlap, why_useless

PREMISE, BLANKED = "Tom carries the red box at the park.", "Tom carries the [blank] box at the park."
HYPOTHESIS = "The box is red."


@pytest.mark.parametrize(
    ("filling", "label", "why"),
    [
        ("blue", "contradiction", None),
        ("small", "neutral", None),
        ("Red", "contradiction", "nothing is changed"),
        ("the box is red", "entailment", "it says the hypothesis"),
        ("box that is not red, the", "neutral", "too like the hypothesis"),
        ("park Tom carries the box at", "neutral", "too like the premise"),
        ("not blue", "contradiction", "it only negates"),
        ("not blue", "neutral", None),
        ("wouldn't-be", "contradiction", "it only negates"),
        ("neutral", "neutral", "it talks about the task"),
        ("premise", "neutral", "it talks about the task"),
    ],
)
def test_heuristics(filling: str, label: str, why: str | None) -> None:
    assert why_useless(PREMISE, HYPOTHESIS, "red", filling, BLANKED, label) == why


def test_a_long_premise_that_hardly_changes() -> None:
    premise = "Tom and Mia carry the big red box of old books along the river to school."
    assert (
        why_useless(premise, "It is old.", "red", "blue", premise.replace("red", "[blank]"), "neutral")
        == "too little is changed"
    )


def test_overlap() -> None:
    assert overlap("the red box", "The box, the hat") == 2 / 4
    assert overlap("", "") == 0.0 and overlap("a", "") == 0.0

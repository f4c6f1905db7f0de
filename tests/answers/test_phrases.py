"""Short replies: the phrase alone, what fills a blank, and the option that is named."""

from __future__ import annotations

import time

import pytest

from pipeline.answers.phrases import filling, named_option, sole_phrase

ARMS = ("red bell", "blue bell", "bell", "old red bell")
LABELS = ("entailment", "neutral", "contradiction")


@pytest.mark.parametrize(
    "text",
    [
        "at the park", "at the park.", '"at the park"', "**at the park**", "`at the park.`", "- at the park",
        "1. at the park", "Blank: at the park", "**Blank:** at the park", "xWant: at the park.", "```\nat the park\n```",
        "\n at  the park \n\n", "<think>the river?</think>\nat the park", "“at the park”",
    ],
)  # fmt: skip
def test_the_phrase_alone(text: str) -> None:
    assert sole_phrase(text) == "at the park"


@pytest.mark.parametrize("text", ["", " \n", "...", "red\nblue", "1. red\n2. blue", "word " * 21, "[]", "x" * 3000])
def test_no_phrase(text: str) -> None:
    assert sole_phrase(text) is None


def test_a_phrase_keeps_its_inside() -> None:
    assert sole_phrase("the bell's sound - at 9.30 o'clock") == "the bell's sound - at 9.30 o'clock"
    assert sole_phrase("a b c", most_words=2) is None


@pytest.mark.parametrize(
    ("text", "blanked", "found"),
    [
        ("red", "Tom has the [blank] hat.", "red"),
        ("Tom has the red hat.", "Tom has the [blank] hat.", "red"),
        ("Premise: Tom has the red hat", "Tom has the [blank] hat.", "red"),
        ("at noon", "Tom sings [blank].", "at noon"),
        ("Tom sings at noon.", "Tom sings [blank].", "at noon"),
        ("Tom has the [blank] hat.", "Tom has the [blank] hat.", None),
        ("Tom has the  hat.", "Tom has the [blank] hat.", None),
        ("red\nblue", "Tom has the [blank] hat.", None),
        ("red", "Tom has a hat.", None),
        ("w " * 21, "Tom has the [blank] hat.", None),
    ],
)
def test_filling(text: str, blanked: str, found: str | None) -> None:
    assert filling(text, blanked) == found


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("I choose red bell.", "red bell"), ("I choose **red bell**", "red bell"), ("Red Bell", "red bell"),
        ("The red bell paid. I choose blue bell.", "blue bell"), ("I choose old red bell.", "old red bell"),
        ("I choose bell.", "bell"), ("My choice is: blue bell", "blue bell"),
        ("It did not pay. I pick blue bell.", "blue bell"),
        ("<think>I choose red bell</think>I choose blue bell.", "blue bell"), ("```\nI choose red bell.\n```", "red bell"),
        ("I choose red bell or blue bell.", None), ("I do not choose red bell.", None), ("I choose the lamp.", None),
        ("", None), ("red bell, not blue bell", None), ("I choose redbell.", None), ("I choose red bell. " * 200, None),
    ],
)  # fmt: skip
def test_the_arm_that_is_chosen(text: str, option: str | None) -> None:
    assert named_option(text, ARMS) == option


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("neutral", "neutral"), ("Neutral.", "neutral"), ("Label: contradiction", "contradiction"), ("not neutral", None),
        ("The label is entailment.", "entailment"), ("entailment or neutral", None), ("It isn't entailment", None), ("?", None),
    ],
)  # fmt: skip
def test_the_label(text: str, label: str | None) -> None:
    assert named_option(text, LABELS) == label


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("answer", "answer"), ('"retrieve"', "retrieve"), ("Retrieve.", "retrieve"),
        ("I would answer: retrieve", None), ("I would retrieve", "retrieve"),
        ("answer or retrieve", None), ("I cannot answer", None), ("yes", None),
    ],
)  # fmt: skip
def test_whether_to_look_up(text: str, way: str | None) -> None:
    assert named_option(text, ("answer", "retrieve")) == way


def test_options_are_no_patterns_and_replies_take_no_time() -> None:
    assert named_option("I choose a.c", ("a.c", "abc")) == "a.c" and named_option("I choose c++", ("c++", "c")) == "c++"
    start = time.perf_counter()
    assert named_option("choose " * 100_000, ARMS) is None and sole_phrase("*" * 100_000) is None
    assert sole_phrase("> " * 900) is None and named_option("choose***" * 200, ARMS) is None
    assert time.perf_counter() - start < 1

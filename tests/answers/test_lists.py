"""Lists that go on: which lines are items, and which items are left out since they are cut or torn."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.lists import numbered_items

TWO = ["Name a river.", "Sort the words."]


@pytest.mark.parametrize(
    "reply",
    [
        "9. Name a river.\n10. Sort the words.",
        "9. Name a river.\n\n10. Sort the words.\n",
        "9) Name a river.\n10) Sort the words.",
        "**9.** Name a river.\n**10.** Sort the words.",
        "9. **Name a river.**\n10. **Sort the words.**",
        "Task 9: Name a river.\nTask 10: Sort the words.",
        "### 9. Name a river.\n### 10. Sort the words.",
        "```\n9. Name a river.\n10. Sort the words.\n```",
        "Sure! Here are two more:\n\n9. Name a river.\n10. Sort the words.\n\nTell me if you want more.",
        "1. Name a river.\n2. Sort the words.",
        "1. Old one.\n2. Older.\n9. Name a river.\n10. Sort the words.",
        "9. Name a\n   river.\n10. Sort  the words.",
        "9. Name a river.\n10. Sort the words.\n11. Too many.\n12. More.",
    ],
)
def test_ways_to_number(reply: str) -> None:
    assert numbered_items(reply, 9, 10) == TWO


def test_a_cut_list_loses_its_last_item() -> None:
    assert numbered_items("9. Name a river.\n10. Sort the", 9, 16, cut=True) == TWO[:1]
    assert numbered_items("9. Name a river.\n10. Sort the words.\n11. Too", 9, 10, cut=True) == TWO
    assert numbered_items("9. Name", 9, 16, cut=True) == []


def test_an_item_with_a_part_behind_a_blank_line_is_left_out() -> None:
    assert numbered_items("9. Sum up this:\n\nThe sun rose.\n10. Sort the words.", 9, 16) == TWO[1:]


def test_a_list_in_an_item_is_part_of_it() -> None:
    assert numbered_items("9. Rank these:\n1. tea\n2. milk\n10. Sort the words.", 9, 16) == [
        "Rank these: 1. tea 2. milk",
        TWO[1],
    ]


def test_empty_items_and_gaps() -> None:
    assert numbered_items("9.\n10. Sort the words.\n12. Name a river.", 9, 16) == [TWO[1], TWO[0]]


@pytest.mark.parametrize(
    "reply", ["", "Name a river.\nSort the words.", "- Name a river.", "3.5 litres\n7. Seven", "9.5 is a number"]
)
def test_no_list(reply: str) -> None:
    assert numbered_items(reply, 9, 16) == []


@given(st.lists(st.from_regex(r"[A-Za-z][a-z ,.']{0,30}", fullmatch=True), min_size=1, max_size=8))
def test_a_list_as_it_was_asked_for_comes_back(items: list[str]) -> None:
    reply = "\n".join(f"{number}. {item}" for number, item in enumerate(items, 9))
    assert numbered_items(reply, 9, 16) == [" ".join(item.split()) for item in items]


@pytest.mark.parametrize(
    "hostile", ["9. a\n" * 50_000, "9. " + "a" * 500_000, " " * 300_000, "#" * 300_000, "9." * 100_000, "*" * 300_000 + "9."]
)
def test_long_replies_are_read_at_once(hostile: str) -> None:
    begun = time.perf_counter()
    numbered_items(hostile, 9, 16)
    assert time.perf_counter() - begun < 2

"""Another number in a rationale: where it goes, and what the model is left to say."""

from __future__ import annotations

import re

import pytest

from pipeline.records import Item
from pipeline.stages.swapping import is_swappable, swap
from tests.stages.contests import story


def item(**fields: object) -> Item:
    return Item(**{**story(0).__dict__, "benchmark": "mini:test"} | fields)


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("36+4=40. The answer is 40.", "36+4={}. The answer is"),
        ("36+4=40. So there are 40. The answer is 40.", "36+4={0}. So there are {0}. The answer is"),
        ("30+6=36. Then 36+4=40. The answer is 40.", "30+6=36. Then 36+4={}. The answer is"),
        ("36+4 = $40. The answer is $40.", "36+4 = ${}. The answer is $"),
        ("He has 36+4=<<36+4=40>>40 apples.\n#### 40", "He has 36+4=<<36+4={0}>>{0} apples.\n####"),
        (r"36+4=40, so \boxed{40}", r"36+4={}, so \boxed{{"),
        ("36+4=40. The answer is forty, that is 40.", None),
        ("36+4=40. The answer is 41.", None),
        ("36+4=40.", None),
        ("The answer is 40.", None),
        ("The answer is 36+4=40.", None),
        ("", None),
    ],
)
def test_the_last_result_is_changed_wherever_it_stands(text: str, begun: str | None) -> None:
    changed = swap(item(), text)
    if begun is None:
        assert changed is None
    else:
        assert changed is not None and changed.begun == begun.format(changed.number)
        assert changed.number != "40" and re.fullmatch(r"[1-9]\d", changed.number)
        assert abs(int(changed.number) - 40) <= 9


def test_the_new_number_stands_nowhere_else_and_stays_the_same() -> None:
    prompt = "31 32 33 34 35 36 37 38 39 41 42 43 44 45 46 47 48"
    numbers = {swap(item(prompt=prompt), "36+4=40. The answer is 40.") for _ in range(2)}
    assert [each.number for each in numbers if each] == ["49"]
    assert swap(item(prompt=f"{prompt} 49"), "36+4=40. The answer is 40.") is None


@pytest.mark.parametrize(("result", "digits"), [("1,240", 5), ("12.5", 4), ("-7", 2)])
def test_it_is_written_as_the_old_one(result: str, digits: int) -> None:
    left = {"1,240": "1,200+40", "12.5": "10+2.5", "-7": "3-10"}[result]
    changed = swap(item(), f"{left}={result}. The answer is {result}.")
    assert changed is not None and len(changed.number) == digits
    assert changed.number[0] == result[0] or result == "12.5"


def test_the_whole_reply_has_the_blank_that_was_cut_off() -> None:
    changed = swap(item(), "36+4=40. The answer is 40.")
    assert changed is not None
    assert changed.completed(" 44.") == changed.completed("44.") == f"36+4={changed.number}. The answer is 44."


@pytest.mark.parametrize(
    ("fields", "possible"),
    [
        ({}, True), ({"answer": None}, False), ({"choices": ["40", "44"]}, False),
        ({"original": "x", "change": "typos"}, False), ({"constraints": [{"kind": "punctuation:no_comma"}]}, False),
    ],
)  # fmt: skip
def test_only_an_answer_that_a_number_decides(fields: dict[str, object], possible: bool) -> None:
    assert is_swappable(item(**fields)) is possible

"""Balance between tasks and between kinds: who goes, who stays, and that order alone decides."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from pipeline.filters.balanced import Balanced
from pipeline.filters.verdicts import Word
from tests.filters.survivors import Rows
from tests.rows import make_sample, make_task

COUNTS = some.dictionaries(some.sampled_from("abc"), some.lists(some.integers(1, 6), min_size=1, max_size=5), max_size=3)
"""For each kind, how many samples its tasks have."""


def judged(counts: dict[str, list[int]], **fields: Any) -> list[tuple[str, Word]]:
    """The words, each with its task's name: kind and number."""
    names = [
        f"{kind}{number}" for kind, of_tasks in counts.items() for number, count in enumerate(of_tasks) for _ in range(count)
    ]
    rows = [(make_task(id=name, kind=name[0]), make_sample("x", id=f"s{n}", task_id=name)) for n, name in enumerate(names)]
    return list(zip(names, Balanced(filter="balanced", **fields).judge_all(Rows(rows)), strict=True))


def kept(counts: dict[str, list[int]], **fields: Any) -> Counter[str]:
    return Counter(name for name, word in judged(counts, **fields) if word.decision == "keep")


@pytest.mark.parametrize(
    ("counts", "fields", "left"),
    [
        ({"a": [6, 1, 4]}, {}, {"a0": 4, "a1": 1, "a2": 4}),
        ({"a": [6, 1, 4]}, {"per_task": 2}, {"a0": 2, "a1": 1, "a2": 2}),
        ({"a": [6, 1, 3]}, {"level": "task"}, {"a0": 3, "a1": 1, "a2": 3}),
        ({"a": [6, 1, 3]}, {"level": "task", "per_task": 2}, {"a0": 2, "a1": 1, "a2": 2}),
        ({"a": [9, 2, 3, 8]}, {"level": "task", "per_task": None}, {"a0": 3, "a1": 2, "a2": 3, "a3": 3}),
        ({"a": [3, 3, 3], "b": [1, 1], "c": [4]}, {"level": "kind"}, {"a0": 2, "a1": 1, "a2": 1, "b0": 1, "b1": 1, "c0": 4}),
        ({"a": [1, 1, 1], "b": [2]}, {"level": "kind"}, {"a0": 1, "a1": 1, "b0": 2}),
        ({"a": [5, 5], "b": [5]}, {"level": "kind", "per_task": 2}, {"a0": 1, "a1": 1, "b0": 2}),
        ({"a": [5]}, {"level": "kind", "per_task": None}, {"a0": 5}),
        ({}, {"level": "kind"}, {}),
        ({}, {"level": "task"}, {}),
    ],
)  # fmt: skip
def test_who_stays(counts: dict[str, list[int]], fields: dict[str, Any], left: dict[str, int]) -> None:
    assert kept(counts, **fields) == left


def test_words_say_which_share_was_used_up() -> None:
    words = [word for _, word in judged({"a": [3, 1], "b": [2]}, per_task=2, level="kind")]
    assert [(word.reason, word.score) for word in words] == [
        ("within its share", 1), ("more than its kind may have", 2), ("more than its task may have", 3),
        ("within its share", 1), ("within its share", 1), ("within its share", 2),
    ]  # fmt: skip
    assert words[1].detail == "number 2 of its task, of kind a" and words[2].detail == "number 3 of its task, at most 2"


@given(COUNTS, some.one_of(some.none(), some.integers(1, 4)))
def test_kinds_are_level(counts: dict[str, list[int]], per_task: int | None) -> None:
    """None has more than the median kind, and it loses only as much as that takes, second samples before first."""
    capped = {kind: [min(each, per_task or each) for each in of_tasks] for kind, of_tasks in counts.items()}
    totals = sorted(sum(each) for each in capped.values())
    left = kept(counts, per_task=per_task, level="kind")
    for kind, of_tasks in capped.items():
        ours = [left[f"{kind}{number}"] for number in range(len(of_tasks))]
        assert sum(ours) == min(sum(of_tasks), totals[(len(totals) - 1) // 2])
        lost = [mine for mine, had in zip(ours, of_tasks, strict=True) if mine < had]
        assert not lost or max(ours) <= min(lost) + 1


@given(COUNTS)
def test_the_first_of_a_task_stay(counts: dict[str, list[int]]) -> None:
    for level in ("task", "kind"):
        seen: dict[str, list[bool]] = {}
        for name, word in judged(counts, per_task=3, level=level):
            seen.setdefault(name, []).append(word.decision == "keep")
        assert all(each == sorted(each, reverse=True) for each in seen.values())


@pytest.mark.parametrize("fields", [{"per_task": 0}, {"per_task": None}, {"level": "view"}])
def test_nonsense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Balanced(filter="balanced", **fields)

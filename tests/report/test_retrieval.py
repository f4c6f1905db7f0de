"""The share of look-ups, and how often a student is right with and without."""

from __future__ import annotations

from pathlib import Path

from pipeline.report.retrieval import LOOKED_UP, RIGHT_BY_HEART, RIGHT_LOOKED_UP, read_retrieval
from tests.report.grades import counts, make_grade, written

SAID = [("retrieve\nThe answer is 1.", True), ("retrieve\nThe answer is 2.", False), ("answer\nThe answer is 1.", True)]


def test_the_share_of_look_ups_beside_the_accuracy(tmp_path: Path) -> None:
    grades = [make_grade(f"i{number}", "distilled", right, text=text) for number, (text, right) in enumerate(SAID)]
    grades += [
        make_grade("i3", "distilled", True, text="I answer\nwithout a decision"),
        make_grade("i0", "base", True, text="retrieve"),
    ]
    grades += [make_grade("i0", "distilled", True, text="answer\n1", mode="sampled")]
    written(tmp_path, grades)
    assert counts(read_retrieval(tmp_path)) == {
        (LOOKED_UP, "distilled"): (2, 3), (RIGHT_LOOKED_UP, "distilled"): (1, 2), (RIGHT_BY_HEART, "distilled"): (1, 1),
    }  # fmt: skip


def test_nothing_where_nobody_decides(tmp_path: Path) -> None:
    written(tmp_path, [make_grade("i0", "distilled", True)])
    assert read_retrieval(tmp_path) == []

"""Typed spans compared by F1, the whole list even where the sample is a turn about one type."""

from __future__ import annotations

import pytest

from pipeline.answers.entities import as_objects
from pipeline.filters.entities_match import EntitiesMatch
from tests.rows import make_sample, make_task

TASK = make_task(answer=as_objects([("Tom", "person"), ("market", "place"), ("Ann", "person")]))


def judged(target: str, answer: str | None = None, min_f1: float = 0.8) -> tuple[str, float | None]:
    word = EntitiesMatch(filter="entities_match", min_f1=min_f1).judge(TASK, make_sample(target, answer=answer))
    return word.decision, word.score


def test_f1_by_hand() -> None:
    """Two of two right, of three: precision 1, recall 2/3, F1 0.8."""
    assert judged('[("Tom", "person"), ("Ann", "person")]') == ("keep", pytest.approx(0.8))
    assert judged('[("Tom", "person"), ("Ann", "place")]') == ("drop", pytest.approx(0.4))
    assert judged('[("Tom", "person"), ("Ann", "person")]', min_f1=0.81)[0] == "drop"
    assert judged("[]") == ("drop", 0.0) and judged(TASK.answer or "") == ("keep", 1.0)


def test_a_turn_is_judged_by_the_whole_list() -> None:
    assert judged('["Tom", "Ann"]', answer=TASK.answer) == ("keep", 1.0)
    assert judged("[]", answer='[{"entity": "Tom", "type": "place"}]')[0] == "drop"


def test_what_is_no_list() -> None:
    assert judged("Tom is a person.") == ("drop", None)
    word = EntitiesMatch(filter="entities_match").judge(make_task(answer="7"), make_sample("[]"))
    assert word.decision == "unverifiable"

"""A judge over HTTP that compares replies: both orders are asked, and only what they agree on wins."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.filters.preferred import Preferred, pairs
from tests.filters.asked import OWED, REFUSED, judged, says
from tests.rows import make_task
from tests.servers import ChatServer, Trouble, times


def preferred(**fields: Any) -> Preferred:
    return Preferred(filter="preferred", **fields)


def first(text: str) -> str:
    """What the prompt holds where a reply stands first."""
    return f"[reply A begins]\\n{text}"


def second(text: str) -> str:
    return f"[reply B begins]\\n{text}"


A_IS_BETTER, B_IS_BETTER, NEITHER = "[[A]]", "[[B]]", "[[C]]"
LIKES_GOOD = (says("So [[A]]", where=first("good")), says("So [[B]]", where=second("good")), says(NEITHER))


def test_the_better_one_wins_in_either_place(tmp_path: Path) -> None:
    with ChatServer(*LIKES_GOOD) as server:
        words = judged(preferred(), tmp_path, ["bad one", "good", "bad two"], url=server.url)
        assert server.hits == 6
    assert [(word.decision, word.score) for word in words] == [("drop", 0.25), ("keep", 1.0), ("drop", 0.25)]
    assert words[0].detail == "0 wins, 1 ties, 1 losses; orders disagreed in 0"
    assert words[1].detail == "2 wins, 0 ties, 0 losses; orders disagreed in 0"


@pytest.mark.parametrize("verdict", [A_IS_BETTER, B_IS_BETTER])
def test_a_judge_that_likes_a_place_says_nothing(tmp_path: Path, verdict: str) -> None:
    with ChatServer(says(verdict)) as server:
        words = judged(preferred(), tmp_path, ["one", "two"], url=server.url)
    assert [(word.decision, word.score) for word in words] == [("keep", 0.5)] * 2
    assert words[0].detail == "0 wins, 1 ties, 0 losses; orders disagreed in 1"


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (says("Both are nice."), "the judgement is unreadable"),
        (says("A is better, score [A]"), "the judgement is unreadable"),
        (says("", where=second("one")), "the judgement is unreadable"),
        (says(A_IS_BETTER, finish="length"), "the reply was cut off"),
        (OWED, "a call is owed"),
        (Trouble(418, "{}", where=first("one")), "a call is owed"),
        (REFUSED, "the model refused"),
    ],
)
def test_what_is_no_verdict_decides_nothing(tmp_path: Path, trouble: Trouble, reason: str) -> None:
    with ChatServer(trouble, says(A_IS_BETTER)) as server:
        words = judged(preferred(), tmp_path, ["one", "two"], url=server.url)
    assert [(word.decision, word.reason, word.score) for word in words] == [("unverifiable", reason, None)] * 2


def test_a_few_unreadable_verdicts_do_no_harm(tmp_path: Path) -> None:
    with ChatServer(says("Hm.", where=first("bad one")), *LIKES_GOOD) as server:
        words = judged(preferred(), tmp_path, ["good", "bad one", "bad two", "bad 3"], url=server.url)
    assert (words[0].decision, words[0].score) == ("keep", 1.0) and words[0].detail.endswith("; 1 unreadable")
    assert (words[1].decision, words[1].reason) == ("unverifiable", "the judgement is unreadable")


def test_against_the_reference(tmp_path: Path) -> None:
    task = make_task(answer="the reference")
    with ChatServer(*LIKES_GOOD) as server:
        condition = preferred(against="reference", min_share=0.6)
        words = judged(condition, tmp_path, ["good", "bad", "the reference "], task, server.url)
        assert server.hits == 4, "nobody is asked about equal ones"
    assert [(word.decision, word.score) for word in words] == [("keep", 1.0), ("drop", 0.5), ("drop", 0.5)]


def test_where_nothing_is_there_to_compare_with(tmp_path: Path) -> None:
    with ChatServer() as server:
        [alone] = judged(preferred(), tmp_path, ["one"], url=server.url)
        [task] = judged(preferred(against="reference"), tmp_path, ["one"], make_task(answer=" "), server.url)
        assert server.hits == 0
    assert (alone.decision, alone.reason) == ("unverifiable", "there is no other reply to compare with")
    assert (task.decision, task.reason) == ("unverifiable", "the task has no answer")


def test_what_is_owed_is_asked_again_and_nothing_else(tmp_path: Path) -> None:
    with ChatServer(times(Trouble(418, "{}", where=first("bad one")), 1), *LIKES_GOOD) as server:
        judged(preferred(), tmp_path, ["good", "bad one"], url=server.url)
        words = judged(preferred(), tmp_path, ["good", "bad one"], url=server.url)
        assert server.hits == 3
    assert [word.score for word in words] == [1.0, 0.0]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 7, 30])
@pytest.mark.parametrize("rivals", [2, 4, 5, 10])
def test_everybody_meets_as_many(count: int, rivals: int) -> None:
    met = list(pairs(count, rivals))
    assert len({frozenset(each) for each in met}) == len(met) and all(a != b for a, b in met)
    expected = count - 1 if count - 1 <= rivals else rivals // 2 * 2
    assert Counter(each for pair in met for each in pair) == dict.fromkeys(range(count), expected) if count > 1 else met == []

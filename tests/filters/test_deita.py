"""Complexity and quality: the level a model expects where it tells, the one it says where not, and none out of thin air."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from pipeline.filters.complexity import Complexity
from pipeline.filters.quality import Quality
from pipeline.filters.verdicts import AskingFilter
from tests.filters.asked import OWED, REFUSED, asked_of, judged, says
from tests.rows import make_task
from tests.servers import ChatServer, Trouble

COMPLEXITY, QUALITY = Complexity(filter="complexity"), Quality(filter="quality")


def told(*tokens: tuple[str, dict[str, float]]) -> dict[str, Any]:
    """Log-probabilities as the protocol has them: each token with the probabilities of its rivals."""
    return {
        "content": [
            {
                "token": token,
                "logprob": math.log(top.get(token, 0.5)),
                "top_logprobs": [{"token": each, "logprob": math.log(share)} for each, share in top.items()],
            }
            for token, top in tokens
        ]
    }


WAVERS = {"4": 0.5, "3": 0.3, "5": 0.1, "2": 0.05, "six": 0.02, "1": 0.01, "6": 0.01}
EXPECTED = (1 * 0.01 + 2 * 0.05 + 3 * 0.3 + 4 * 0.5 + 5 * 0.1 + 6 * 0.01) / 0.97


@pytest.mark.parametrize(
    ("trouble", "score"),
    [
        (says("4", logprobs=told(("4", WAVERS))), EXPECTED),
        (says(" 4", logprobs=told((" ", {" ": 0.9}), ("4", WAVERS))), EXPECTED),
        (says("4", logprobs=told(("4", WAVERS)), finish="length"), EXPECTED),
        (says("4.\n\nIt has parts.", logprobs=told(("4", WAVERS))), EXPECTED),
        (says("4", logprobs=told(("4", {" 4": 0.5, "4": 0.4, "5": 0.099, "x": 0.0001, "y": 0.0001}))), (3.6 + 0.495) / 0.999),
        (says("4", logprobs=told(("4", {"4": 0.4, "5": 0.3}))), 4.0),
        (says("4", logprobs=told(("4", {}))), 4.0),
        (says("4"), 4.0),
        (says("Score: 5", logprobs=told(("Score", WAVERS), (":", WAVERS), (" 5", WAVERS))), 5.0),
        (says("<think>Hm.</think>4", logprobs=told(("<think>", WAVERS), ("4", WAVERS))), 4.0),
    ],
    ids=[
        "expected",
        "after a space",
        "cut off",
        "explained",
        "spelled twice",
        "too few digits",
        "no rivals",
        "said",
        "in words",
        "thought",
    ],
)
@pytest.mark.parametrize("condition", [COMPLEXITY, QUALITY], ids=lambda each: each.filter)
def test_a_level(tmp_path: Path, condition: AskingFilter, trouble: Trouble, score: float) -> None:
    with ChatServer(trouble) as server:
        [word] = judged(condition, tmp_path, ["Four."], url=server.url)
        assert server.bodies[0]["top_logprobs"] == 10
    assert word.decision == "keep" and word.score == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize(
    "trouble",
    [
        says(""), says("I cannot say."), says("0"), says("7"), says("10/10"), says("4", finish="length"), OWED, REFUSED,
        says("12", logprobs=told(("1", WAVERS), ("2", WAVERS))),
        says("4 out of 10", logprobs=told(("4", WAVERS))), says("4 out", logprobs=told(("4", WAVERS)), finish="length"),
        says("1. The instruction is trivial", logprobs=told(("1", WAVERS))), says("2 reasons:", logprobs=told(("2", WAVERS))),
        says("3-4", logprobs=told(("3", WAVERS))), says("3 or 4", logprobs=told(("3", WAVERS))),
        says("4%", logprobs=told(("4", WAVERS))), says("6th grade level", logprobs=told(("6", WAVERS))),
    ],
)  # fmt: skip
@pytest.mark.parametrize("condition", [COMPLEXITY, QUALITY], ids=lambda each: each.filter)
def test_no_level_is_no_score(tmp_path: Path, condition: AskingFilter, trouble: Trouble) -> None:
    with ChatServer(trouble) as server:
        words = judged(condition, tmp_path, ["Four.", "Five."], url=server.url)
    assert [(word.decision, word.score) for word in words] == [("unverifiable", None)] * 2


def test_complexity_is_asked_once_a_task_and_quality_once_a_reply(tmp_path: Path) -> None:
    task = make_task(prompt="How many pens?", context="Mia has 4 pens.")
    with ChatServer(says("2", where="Four."), says("5")) as server:
        complexity = judged(Complexity(filter="complexity", min_score=5.5), tmp_path, ["Four.", "Five."], task, server.url)
        assert server.hits == 1 and "Mia has 4 pens." in asked_of(server.bodies[0])
        quality = judged(Quality(filter="quality", min_score=3), tmp_path, ["Four.", "Five."], task, server.url)
        assert server.hits == 3
    assert [(word.decision, word.score) for word in complexity] == [("drop", 5.0)] * 2
    assert [(word.decision, word.score) for word in quality] == [("drop", 2.0), ("keep", 5.0)]

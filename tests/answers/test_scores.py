"""The two scores of a referee: on the first line or the last, on the scale, in the right order; anything else is none."""

from __future__ import annotations

import pytest

from pipeline.answers.scores import score_pair


@pytest.mark.parametrize(
    ("reply", "scores"),
    [
        ("8 6\nThe first is better.", (8, 6)),
        ("\n\n8 6", (8, 6)),
        ("**8 6**\nWell.", (8, 6)),
        ("8, 6", (8, 6)),
        ("8 and 6.", (8, 6)),
        ("Scores: 8 6", (8, 6)),
        ("Answer 1: 8, Answer 2: 6", (8, 6)),
        ("Assistant 1: 8\tAssistant 2: 6", (8, 6)),
        ("8/10 6/10", (8, 6)),
        ("[8, 6]", (8, 6)),
        ("8.5 6", (8.5, 6)),
        ("10 1", (10, 1)),
        ("The first says more.\n\n8 6", (8, 6)),
        ("```\n8 6\n```", (8, 6)),
        ("8", None),
        ("8 6 7", None),
        ("0 6", None),
        ("11 6", None),
        ("4/5 3/5", None),
        ("86", None),
        ("Answer 2: 6, Answer 1: 8", None),
        ("The first has 8 points and the second 6.", None),
        ("-8 6", None),
        ("", None),
        ("8 " * 100_000, None),
        ("1" * 100_000, None),
    ],
)
def test_score_pair(reply: str, scores: tuple[float, float] | None) -> None:
    assert score_pair(reply) == scores


def test_another_scale() -> None:
    assert score_pair("5 0", 0, 5) == (5, 0)
    assert score_pair("5/5 0/5", 0, 5) == (5, 0)

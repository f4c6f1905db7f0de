"""A critic over HTTP: yes keeps a triple, no drops it, whatever is neither decides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.filters.plausible import Plausible
from pipeline.records import Sample
from tests.filters.asked import OWED, asked_of, judged, says
from tests.rows import make_sample, make_task
from tests.servers import ChatServer, Trouble

TASK = make_task(prompt="PersonX naps\nxNeed:", extra={"head": "PersonX naps", "relation": "xNeed"})


def triple(view: str = "xNeed", target: str = "a bed") -> Sample:
    return make_sample(target, view=view)


@pytest.mark.parametrize(
    ("trouble", "decision", "reason", "score"),
    [
        (says("Yes."), "keep", "plausible to the critic", 1.0),
        (says("no"), "drop", "implausible to the critic", 0.0),
        (says("yes or no"), "unverifiable", "the judgement is unreadable", None),
        (says("yes", finish="length"), "unverifiable", "the reply was cut off", None),
        (OWED, "unverifiable", "a call is owed", None),
    ],
    ids=["yes", "no", "both", "cut", "owed"],
)
def test_the_critics_word(tmp_path: Path, trouble: Trouble, decision: str, reason: str, score: float | None) -> None:
    with ChatServer(trouble) as server:
        [word] = judged(Plausible(filter="plausible"), tmp_path, [triple()], TASK, server.url)
    assert (word.decision, word.reason, word.score) == (decision, reason, score)


def test_a_triple_and_its_sentence_are_one_question(tmp_path: Path) -> None:
    with ChatServer(says("yes")) as server:
        both = [triple(), triple("xNeed in words", "a bed.")]
        words = judged(Plausible(filter="plausible"), tmp_path, both, TASK, server.url)
        assert server.hits == 1 and [word.decision for word in words] == ["keep", "keep"]
    asked = asked_of(server.bodies[0])
    assert "Event: PersonX naps" in asked and "What does PersonX need before this?" in asked and 'Answer: a bed"' in asked

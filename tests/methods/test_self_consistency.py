"""Self-consistency: enough votes for each question, whoever is right, and the filter that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.filters.self_consistency import SelfConsistency as Vote
from pipeline.llm.request import Sampling
from pipeline.methods.self_consistency import SelfConsistency
from pipeline.recipe import parse_recipe
from tests.methods.scripted import Scripted, distilled, harvested
from tests.rows import make_task
from tests.servers import ChatServer, Trouble

UNLABELLED = make_task(prompt="How much is 2 + 3?")
METHOD = SelfConsistency(method="self_consistency")


def answers(number: int) -> str:
    """Eleven of sixteen say 5."""
    return f"By way {number}. The answer is {'5' if number < 11 else '6'}."


def test_sixteen_votes_at_the_papers_temperature() -> None:
    ask = Scripted(lambda prompt, number: answers(number))
    samples = distilled(METHOD, UNLABELLED, ask)
    assert len(ask.asked) == 16 and set(map(str, ask.samplings)) == {str(Sampling(temperature=0.7))}
    assert [each.answer for each in samples] == ["5"] * 11 + ["6"] * 5, "without a right answer, too"


@pytest.mark.parametrize("gold", [None, "5", "6"])
@pytest.mark.parametrize(("min_share", "kept"), [(0.6, 11), (0.7, 0)])
def test_the_majority_decides_and_the_right_answer_is_not_looked_at(gold: str | None, min_share: float, kept: int) -> None:
    task = UNLABELLED.model_copy(update={"answer": gold})
    samples = distilled(METHOD, task, Scripted(lambda prompt, number: answers(number)))
    words = Vote(filter="self_consistency", min_share=min_share).judge_group(task, samples)
    taken = [each.target for each, word in zip(samples, words, strict=True) if word.decision == "keep"]
    assert taken == [answers(number) for number in range(kept)]


@pytest.mark.parametrize("samples", [{"accept": 2, "at_most": 16}, 0])
def test_the_number_of_votes_is_fixed(samples: Any) -> None:
    parts = {"source": {"kind": "mini"}, "teacher": {"backend": "local", "model": "x"}}
    with pytest.raises(UserError, match=r"methods\.0\.samples"):
        parse_recipe(parts | {"methods": [{"method": "self_consistency", "samples": samples}]}, "x", "x.yaml")


def test_lost_calls_cast_no_vote() -> None:
    for lost in ("", "missing", "error"):
        samples = distilled(METHOD, UNLABELLED, Scripted(lambda prompt, number, lost=lost: lost if number else "5"))
        assert [each.answer for each in samples] == ["5"]


def test_what_was_owed_alone_is_asked_again(tmp_path: Path) -> None:
    with ChatServer(Trouble(418, "{}", calls={2, 5})) as server:
        assert len(harvested(tmp_path, server.url, UNLABELLED, method="self_consistency", samples=8).samples) == 6
        server.troubles.clear()
        assert len(harvested(tmp_path, server.url, UNLABELLED, method="self_consistency", samples=8).samples) == 8
        assert server.hits == 10

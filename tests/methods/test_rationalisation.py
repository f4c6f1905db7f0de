"""Rationalisation: only where the teacher has nothing right it is told the answer, and what it then says is marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.methods.rationalisation import Rationalisation
from pipeline.records import Sample
from tests.filters.asked import says
from tests.methods.scripted import Scripted, distilled, harvested
from tests.rows import make_task
from tests.servers import ChatServer, Trouble

TASK = make_task(prompt="How much is 2 + 3?", answer="2 + 3 = 5, as told.\n#### 5")
HINT = "Given answer: 5\n"
RIGHT, WRONG, TOLD = "2 + 3 = 5. The answer is 5.", "2 + 3 = 6. The answer is 6.", "Two and three: 5. The answer is 5."


def method(**fields: Any) -> Rationalisation:
    return Rationalisation(method="rationalisation", **fields)


def run(*unaided: str, told: str = TOLD, passes: Any = None, **fields: Any) -> tuple[list[str], list[Sample]]:
    """What was asked, h for a hinted call, and the samples; `unaided` are the replies without a hint."""
    ask = Scripted(lambda prompt, number: told if HINT in prompt else unaided[number])
    samples = distilled(method(samples=max(1, len(unaided)), **fields), TASK, ask, passes=passes)
    return ["h" if HINT in prompt else "u" for prompt in ask.asked], samples


def test_where_none_is_right_the_answer_is_hinted() -> None:
    asked, samples = run(WRONG, WRONG, WRONG)
    assert asked == ["u", "u", "u", "h"]
    assert [(each.target, each.hinted) for each in samples] == [*[(WRONG, False)] * 3, (TOLD, True)]


def test_where_one_is_right_it_is_not() -> None:
    asked, samples = run(WRONG, RIGHT, WRONG)
    assert asked == ["u", "u", "u"] and not any(each.hinted for each in samples)


def test_always_is_at_once() -> None:
    asked, samples = run(RIGHT, when="always", hinted_samples=2)
    assert asked == ["h", "h"] and [each.hinted for each in samples] == [True, True]


def test_a_right_one_that_filters_drop_is_none() -> None:
    asked, _ = run(RIGHT, passes=lambda sample: sample.hinted)
    assert asked == ["u", "h"]


def test_filters_without_a_word_on_answers_do_not_make_it_right() -> None:
    asked, _ = run(WRONG, passes=lambda sample: True)
    assert asked == ["u", "h"]


@pytest.mark.parametrize(("lost", "asked"), [("", ["u", "u"]), ("error", ["u", "u", "h"]), ("missing", ["u", "u", "h"])])
def test_a_call_that_is_owed_may_yet_come_right(lost: str, asked: list[str]) -> None:
    assert run(WRONG, lost)[0] == asked


def test_a_hinted_call_without_a_reply_makes_no_sample() -> None:
    assert [each.hinted for each in run(WRONG, told="")[1]] == [False]


def test_the_student_reads_no_hint() -> None:
    _, samples = run(WRONG)
    assert {message.content for each in samples for message in each.messages} == {"How much is 2 + 3?"}
    assert method().student_prompt(TASK, ()).messages == tuple(samples[-1].messages)
    assert HINT not in method().teacher_prompt(TASK, ()).messages[-1].content, "which is what evaluation asks a teacher"


def test_the_hint_is_the_bare_answer() -> None:
    ask = Scripted(lambda prompt, number: WRONG)
    distilled(method(), TASK, ask)
    assert "as told" not in ask.asked[-1] and '"The answer is 5."' in ask.asked[-1]


def test_it_needs_an_answer() -> None:
    assert method().covers(TASK) and not method().covers(make_task())


def test_what_was_owed_alone_is_asked_again(tmp_path: Path) -> None:
    own = {"method": "rationalisation", "samples": 2, "hinted_samples": 2}
    owing = Trouble(418, "{}", where="Given answer", calls={3})
    with ChatServer(owing, says(TOLD, where="Given answer"), says(WRONG)) as server:
        first = harvested(tmp_path, server.url, TASK, "finished", "answer_matches", **own)
        assert server.hits == 4 and [each.hinted for each in first.samples] == [False, False, True]
        server.troubles.remove(owing)
        again = harvested(tmp_path, server.url, TASK, "finished", "answer_matches", **own)
        assert server.hits == 5 and [each.hinted for each in again.samples] == [False, False, True, True]
        assert again.passed == 2


def test_an_owed_answer_that_comes_right_needs_no_hint(tmp_path: Path) -> None:
    owing = Trouble(418, "{}", calls={0})
    with ChatServer(owing, says(RIGHT)) as server:
        assert not harvested(tmp_path, server.url, TASK, method="rationalisation").samples and server.hits == 1
        server.troubles.remove(owing)
        [sample] = harvested(tmp_path, server.url, TASK, method="rationalisation").samples
        assert server.hits == 2 and sample.target == RIGHT and not sample.hinted

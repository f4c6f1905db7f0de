"""KARD: passages found by the rationale in training and by the question afterwards, and a student that says which help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.methods.kard import Kard
from pipeline.methods.passages import read_passages
from pipeline.prompts import Prompt
from pipeline.records import Response, Task
from tests.methods.scripted import Scripted, distilled, harvested
from tests.rows import make_task
from tests.servers import OVERLOADED, ChatServer, Trouble

PASSAGES = ["The red boat belongs to Tom.", "Tom bakes bread at the market.", "The red kite belongs to Ann.", "A boat is red."]
TASK = make_task(prompt="Is the owner of the red boat a cook?", answer="yes")
RATIONALE = "The red boat belongs to Tom. Tom bakes bread at the market. The answer is yes."


@pytest.fixture
def method(tmp_path: Path) -> Kard:
    (tmp_path / "passages.txt").write_text("\n".join(PASSAGES))
    return Kard(method="kard", passages=tmp_path / "passages.txt", passages_shown=2, candidates=4)


def shown(text: str) -> list[str]:
    """The passages of a prompt."""
    return text.partition("[passages begin]\n")[2].partition("\n[passages end]")[0].splitlines()


def test_the_rationale_finds_what_the_question_does_not(method: Kard) -> None:
    by_rationale, by_question, *judged = distilled(method, TASK, Scripted(lambda content, sample: RATIONALE))
    assert sorted(shown(by_rationale.messages[-1].content)) == sorted(PASSAGES[:2])
    assert shown(by_question.messages[-1].content) == read_passages(method.passages).nearest(TASK.prompt, 2)
    assert PASSAGES[0] in shown(by_question.messages[-1].content) and by_question.weight == 0.5
    assert PASSAGES[1] not in shown(by_question.messages[-1].content)
    assert by_rationale.target == by_question.target == RATIONALE
    assert {sample.target: any(each in sample.messages[-1].content for each in PASSAGES[:2]) for sample in judged} == {
        "yes": True, "no": False,
    }  # fmt: skip
    assert all(sample.answer == "yes" and not sample.hinted for sample in (by_rationale, by_question, *judged))


def test_the_student_is_asked_in_words_it_was_taught(method: Kard) -> None:
    samples = distilled(method, TASK, Scripted(lambda content, sample: RATIONALE))
    assert list(method.student_prompt(TASK, ()).messages) in [sample.messages for sample in samples]
    assert all(RATIONALE not in message.content for sample in samples for message in sample.messages)


def test_a_hint_is_told_of(method: Kard) -> None:
    teacher = Scripted(lambda content, sample: RATIONALE)
    samples = distilled(method.model_copy(update={"hint": True}), TASK, teacher)
    assert "Right answer: yes" in teacher.asked[0] and all(sample.hinted for sample in samples)
    assert "Right answer" not in "".join(message.content for sample in samples for message in sample.messages)
    assert "Right answer" not in method.teacher_prompt(TASK, ()).messages[-1].content


@pytest.mark.parametrize("lost", ["", "missing", "error"])
def test_no_reply_makes_no_sample(method: Kard, lost: str) -> None:
    assert distilled(method, TASK, Scripted(lambda content, sample: lost)) == []


def replied(method: Kard, task: Task, says: Callable[[str, int], str]) -> tuple[Response, list[str]]:
    student = Scripted(says)

    async def put(prompt: Prompt) -> Response:
        return await student(prompt, task=task)

    return asyncio.run(method.reply(task, method.student_prompt(task, ()), (), put)), student.asked


def test_the_student_answers_behind_what_it_says_helps(method: Kard) -> None:
    def says(content: str, sample: int) -> str:
        if "Does the passage help" not in content:
            return RATIONALE
        return "yes" if "Passage: Tom bakes" in content else "no"

    reply, asked = replied(method, TASK, says)
    assert reply.text == RATIONALE and len(asked) == 5
    nearest = read_passages(method.passages).nearest(TASK.prompt, 4)
    rest = [each for each in nearest if each != PASSAGES[1]]
    assert shown(asked[-1]) == [PASSAGES[1], rest[0]]
    silent, _ = replied(method, TASK, lambda content, sample: "" if "help" in content else RATIONALE)
    assert silent.finish == "owed"


def test_where_all_are_shown_nobody_is_asked_which(method: Kard) -> None:
    reply, asked = replied(method.model_copy(update={"candidates": 2}), TASK, lambda content, sample: RATIONALE)
    assert len(asked) == 1 and reply.text == RATIONALE


def test_fewer_candidates_than_are_shown_are_refused(method: Kard) -> None:
    with pytest.raises(ValidationError, match="candidates is 1, below passages_shown, which is 2"):
        Kard(method="kard", passages=method.passages, passages_shown=2, candidates=1)


def test_what_is_owed_is_asked_again_and_nothing_else(method: Kard, tmp_path: Path) -> None:
    fields = {"method": "kard", "passages": str(method.passages), "samples": 3}
    with ChatServer(Trouble(**{**OVERLOADED.__dict__, "calls": range(1, 99)})) as server:
        first = harvested(tmp_path, server.url, TASK, **fields)
        assert sum(each.finish == "owed" for each in first.responses) == 2
        server.troubles.clear()
        before = server.hits
        whole = harvested(tmp_path, server.url, TASK, **fields)
        assert server.hits - before == 2 and len({sample.response_keys[0] for sample in whole.samples}) == 3
        assert whole == harvested(tmp_path, server.url, TASK, **fields) and server.hits - before == 2

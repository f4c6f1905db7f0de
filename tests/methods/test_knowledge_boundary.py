"""The knowledge boundary: mastery and certainty to the digit, decisions, soft labels, and a student that looks things up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pipeline.answers.final import same_answer
from pipeline.methods.knowledge_boundary import KnowledgeBoundary, how_well_known, said_decision
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample
from tests.methods.scripted import Scripted, distilled, harvested
from tests.rows import make_response, make_task
from tests.servers import OVERLOADED, ChatServer, Trouble

METHOD = KnowledgeBoundary(method="knowledge_boundary", samples=10)
TASK = make_task(prompt="Where does Tom live?", answer="Oakton")


def known(*texts: str, answer: str | None = "Oakton") -> tuple[float | None, float, str | None]:
    found = how_well_known(make_task(answer=answer), [make_response(text) for text in texts])
    return found.mastery, found.certainty, found.majority.text


def test_mastery_and_certainty_by_hand() -> None:
    assert known(*["Oakton"] * 10) == (1.0, 1.0, "Oakton")
    mastery, certainty, majority = known(*["Oakton"] * 9, "Ashby")
    entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert (mastery, majority) == (0.9, "Oakton") and certainty == pytest.approx(1 - entropy / math.log(10))
    assert known("a", "b", "c", "d")[1] == pytest.approx(0.0)
    assert known("Oakton.", "oakton")[:2] == (1.0, 1.0), "spellings of one answer are one"
    assert known("Ashby", "Ashby", "Oakton", answer=None)[0] is None
    assert known("Ashby") == (0.0, 1.0, "Ashby")


def test_thirty_samples_at_temperature_one() -> None:
    teacher = Scripted(lambda content, sample: "Oakton")
    distilled(KnowledgeBoundary(method="knowledge_boundary"), TASK, teacher)
    assert len(teacher.asked) == 30 and {each.temperature for each in teacher.samplings if each} == {1.0}


def of(method: KnowledgeBoundary, right: int, answer: str | None = "Oakton") -> list[Sample]:
    """Samples where so many of ten replies are right and the others say one wrong thing."""
    task = TASK.model_copy(update={"answer": answer})
    return distilled(method, task, Scripted(lambda content, sample: "Oakton" if sample < right else "Ashby"))


def words(samples: Sequence[Sample]) -> list[tuple[str, str, float]]:
    return [(sample.view, sample.target, round(sample.weight, 6)) for sample in samples]


def test_hard_labels() -> None:
    assert words(of(METHOD, 9)) == [("router", "answer", 1.0), ("from_memory", "Oakton", 1.0)]
    assert words(of(METHOD, 8)) == [("router", "retrieve", 1.0)]


def test_soft_labels_are_weights() -> None:
    soft = METHOD.model_copy(update={"labels": "soft"})
    assert words(of(soft, 3)) == [("router", "answer", 0.3), ("router", "retrieve", 0.7)]
    assert words(of(soft, 10))[0] == ("router", "answer", 1.0) and len(of(soft, 10)) == 2
    assert len({sample.id for sample in of(soft, 3)}) == 2


def test_certainty_where_chosen_and_where_no_answer_is_known() -> None:
    assert words(of(METHOD, 0)) == [("router", "retrieve", 1.0)]
    sure = [("router", "answer", 1.0), ("from_memory", "Ashby", 1.0)]
    assert words(of(METHOD.model_copy(update={"by": "certainty"}), 0)) == sure
    assert words(of(METHOD, 0, answer=None)) == sure
    assert words(of(METHOD, 5, answer=None)) == [("router", "retrieve", 1.0)], "1 - 1 bit of 3.3 is 0.7"


def with_passages(folder: Path) -> KnowledgeBoundary:
    (folder / "p.txt").write_text("Ann lives in Ashby.\nTom lives in Oakton.\n")
    return METHOD.model_copy(update={"passages": folder / "p.txt", "passages_shown": 1})


def test_what_is_not_known_is_read(tmp_path: Path) -> None:
    teacher = Scripted(
        lambda content, sample: "Tom lives in Oakton. The answer is Oakton." if "[passages" in content else "Ashby"
    )
    router, read = distilled(with_passages(tmp_path), TASK, teacher)
    assert (router.target, read.view, read.answer) == ("retrieve", "from_passages", "Oakton")
    assert "Tom lives in Oakton." in read.messages[-1].content and "Ann" not in read.messages[-1].content
    assert router.answer == "Oakton" and not any(sample.hinted for sample in (router, read))


def replied(method: KnowledgeBoundary, says: Callable[[str, int], str]) -> tuple[Response, list[str]]:
    student = Scripted(says)

    async def put(prompt: Prompt) -> Response:
        return await student(prompt, task=TASK)

    return asyncio.run(method.reply(TASK, method.student_prompt(TASK, ()), (), put)), student.asked


def test_the_student_looks_up_or_answers(tmp_path: Path) -> None:
    method = with_passages(tmp_path)

    def student(decision: str) -> Callable[[str, int], str]:
        def says(content: str, sample: int) -> str:
            if "Can you answer" in content:
                return decision
            return "Tom lives in Oakton. The answer is Oakton." if "[passages" in content else "Ashby."

        return says

    looked_up, asked = replied(method, student("retrieve"))
    assert looked_up.text == "retrieve\nTom lives in Oakton. The answer is Oakton." and "Tom lives" in asked[-1]
    answered, asked = replied(method, student('"Answer."'))
    assert answered.text == "answer\nThe answer is Ashby." and "[passages" not in asked[-1] and len(asked) == 2
    assert same_answer("Ashby", answered.text) and same_answer("Oakton", looked_up.text or "")
    neither, asked = replied(method, student("Oakton"))
    assert neither.text == "Oakton" and len(asked) == 1
    nowhere, asked = replied(METHOD, student("retrieve"))
    assert nowhere.text == "retrieve" and len(asked) == 1


def test_decisions() -> None:
    assert said_decision(" Retrieve.\n") == "retrieve" and said_decision("answer") == "answer"
    assert said_decision("I would answer") is None and said_decision("") is None


def test_nothing_follows_from_a_part_and_the_next_start_asks_for_the_rest(tmp_path: Path) -> None:
    fields = {"method": "knowledge_boundary", "samples": 6}
    with ChatServer(Trouble(**{**OVERLOADED.__dict__, "calls": range(4, 99)})) as server:
        first = harvested(tmp_path, server.url, TASK, **fields)
        assert first.samples == [] and sum(each.finish == "owed" for each in first.responses) == 2
        server.troubles.clear()
        before = server.hits
        assert [sample.view for sample in harvested(tmp_path, server.url, TASK, **fields).samples] == ["router"]
        assert server.hits - before == 2

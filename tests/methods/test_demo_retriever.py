"""The retriever of demonstrations: candidates tried one by one, the best taken, and learned as yes and no."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pipeline.methods.demo_retriever import DemoRetriever
from pipeline.prompts import Prompt
from pipeline.records import Response, Task
from tests.methods.scripted import Scripted, distilled, harvested
from tests.rows import make_response, make_task
from tests.servers import OVERLOADED, ChatServer, Trouble

METHOD = DemoRetriever(method="demo_retriever", demonstrations=1, candidates=3, rounds=1, tries=2)
TASK = make_task(id="q", prompt="Tom has red boats. How many?", answer="7")
BANK = [
    make_task(id="d0", prompt="Ann has red boats. How many?", answer="1"),
    make_task(id="d1", prompt="Ann has red kites. How many?", answer="2"),
    make_task(id="d2", prompt="Ann has two kites.", answer="3"),
    make_task(id="d3", prompt="Kites and kites of two.", answer="4"),
    TASK,
]


def good_behind(*helpful: str) -> Scripted:
    """A teacher that is right only where one of these demonstrations stands before it."""
    return Scripted(lambda content, sample: f"The answer is {7 if any(each in content for each in helpful) else 5}.")


def of(teacher: Scripted, method: DemoRetriever = METHOD, task: Task = TASK) -> dict[str, list[str]]:
    """What the student reads last, by view and target."""
    found: dict[str, list[str]] = {}
    for sample in distilled(method, task, teacher, BANK):
        found.setdefault(f"{sample.view} {sample.target}", []).append(sample.messages[-1].content)
    return found


def test_the_best_is_taken_not_the_nearest() -> None:
    found = of(teacher := good_behind("red kites"))
    assert len(teacher.asked) == 3 * 2 + 1, "three candidates twice, and the answer"
    [best] = found["best_demonstrations The answer is 7."]
    assert "red kites" in best and "Ann has red boats" not in best
    [near] = found["nearest_demonstrations The answer is 7."]
    assert near == METHOD.student_prompt(TASK, BANK).messages[-1].content and "Ann has red boats" in near
    [useful], [useless] = found["reranker yes"], found["reranker no"]
    assert "red kites" in useful and "red kites" not in useless


def test_no_demonstration_is_the_question_or_holds_its_answer() -> None:
    teacher = good_behind("red kites")
    samples = distilled(METHOD, TASK, teacher, BANK)
    for text in [*teacher.asked, *(sample.messages[-1].content for sample in samples)]:
        assert text.count(TASK.prompt) == 1 and "Answer: 7" not in text
    assert all(sample.answer == "7" for sample in samples)


def test_what_a_question_is_about_stands_with_it() -> None:
    """Pairs of premise and hypothesis, say: without its context, a demonstration says nothing, and no two would differ."""
    task, *bank = (
        make_task(id=f"c{n}", kind="pair", context=f"Ann feeds {n} hens.", prompt=f"It is about {n}.", answer=f"label {n}")
        for n in range(5)
    )
    teacher = Scripted(lambda content, sample: f"The answer is label {0 if 'feeds 3' in content else 9}.")
    samples = distilled(METHOD.model_copy(update={"candidates": 4}), task, teacher, bank)
    shown = [content.partition("Question: Ann feeds 0 hens.\nIt is about 0.")[0] for content in teacher.asked]
    assert sorted({text.count("hens.\nIt is about") for text in shown}) == [1] and len(set(shown)) == 4
    [useful] = [sample for sample in samples if (sample.view, sample.target) == ("reranker", "yes")]
    assert "Ann feeds 3 hens.\nIt is about 3." in useful.messages[-1].content


def test_candidates_that_are_as_good_teach_no_difference() -> None:
    assert not any(each.startswith("reranker") for each in of(good_behind("Ann")))


def test_the_second_round_looks_for_what_is_like_the_winner() -> None:
    """`d3` shares no word with the question; it is like `d2`, which won the first round."""
    two = METHOD.model_copy(update={"rounds": 2})
    teacher = good_behind("two")
    [useful] = of(teacher, two)["reranker yes"]
    assert any("of two" in each for each in teacher.asked) and "two" in useful
    assert len(teacher.asked) == 4 * 2 + 1, "each candidate is tried once"
    of(once := good_behind("two"))
    assert not any("of two" in each for each in once.asked)


def test_the_likelihood_of_the_right_answer_as_the_score() -> None:
    asked: list[Prompt] = []

    async def teacher(prompt: Prompt, *, response_format: dict[str, str] | None = None, **others: object) -> Response:
        asked.append(prompt)
        if response_format is None:
            return make_response("The answer is 7.", key=f"k{len(asked)}")
        assert prompt.messages[-1].role == "assistant" and prompt.messages[-1].content == "7"
        good = "red kites" in prompt.messages[-2].content
        return make_response("", key=f"k{len(asked)}", logprobs=[{"logprob": -0.1 if good else -2.0}, {"logprob": -0.3}])

    method = METHOD.model_copy(update={"scored_by": "likelihood"})
    samples = distilled(method, TASK, teacher, BANK)  # type: ignore[arg-type]
    best = next(sample for sample in samples if sample.view == "best_demonstrations")
    assert len(asked) == 4 and "red kites" in best.messages[-1].content


def test_what_nobody_can_grade_is_not_tried() -> None:
    assert METHOD.covers(TASK) and not METHOD.covers(make_task(id="q"))


def test_the_student_chooses_for_itself() -> None:
    def says(content: str, sample: int) -> str:
        return "The answer is 7." if "help to answer" not in content else "yes" if "two kites" in content else "no"

    student = Scripted(says)

    async def put(prompt: Prompt) -> Response:
        return await student(prompt, task=TASK)

    reply = asyncio.run(METHOD.reply(TASK, METHOD.student_prompt(TASK, BANK), BANK, put))
    assert reply.text == "The answer is 7." and len(student.asked) == 5
    assert "two kites" in student.asked[-1] and "red" not in student.asked[-1].partition(TASK.prompt)[0]


def test_nothing_follows_from_what_is_owed_and_the_next_start_asks_for_that_alone(tmp_path: Path) -> None:
    task, *bank = (make_task(id=f"t{n}", prompt=f"How much is {n} + 1?", answer=str(n + 1)) for n in range(4))
    fields = {**METHOD.model_dump(mode="json"), "tries": 1}
    with ChatServer(Trouble(**{**OVERLOADED.__dict__, "where": "2 + 1"})) as server:
        first = harvested(tmp_path, server.url, task, bank=bank, **fields)
        assert first.samples == [] and sorted(each.finish for each in first.responses) == ["owed", "stop", "stop"]
        server.troubles.clear()
        before = server.hits
        whole = harvested(tmp_path, server.url, task, bank=bank, **fields)
        assert server.hits - before == 1, "with one demonstration its try is the answer"
        assert whole.samples and whole == harvested(tmp_path, server.url, task, bank=bank, **fields)

"""In-context distillation: two views with their weights, and demonstrations that are others' and stay the same."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.methods.in_context import InContext
from pipeline.prompts import Prompt
from pipeline.records import Response, Task
from pipeline.stages.generate import demonstration_bank
from tests.methods.asking import Teacher, samples_of
from tests.methods.scripted import Scripted
from tests.rows import make_task

METHOD = InContext(method="in_context", demonstrations=3)


def tasks(count: int) -> list[Task]:
    return [make_task(id=f"t{n}", prompt=f"[question {n}]", answer=f"[answer {n}]") for n in range(count)]


def user_prompt(task: Task, given_tasks: list[Task], method: InContext = METHOD) -> str:
    return method.teacher_prompt(task, demonstration_bank(given_tasks)).messages[-1].content


def test_two_views_with_their_weights() -> None:
    task, *bank = tasks(10)
    teacher = Teacher()
    first, second = asyncio.run(samples_of(METHOD, task, teacher, bank))
    assert [(first.view, first.weight), (second.view, second.weight)] == [
        ("with_demonstrations", 1.0),
        ("without_demonstrations", 0.5),
    ]
    assert first.target == second.target and first.response_keys == second.response_keys and first.id != second.id
    assert first.messages[-1].content.count("[answer ") == 3
    assert [message.content for message in second.messages] == ["[question 0]"]
    assert len(teacher.prompts) == 1


def test_beta_and_samples() -> None:
    task, *bank = tasks(10)
    none = InContext(method="in_context", beta=0, samples=2)
    assert [each.view for each in asyncio.run(samples_of(none, task, Teacher(), bank))] == ["with_demonstrations"] * 2
    more = InContext(method="in_context", beta=2, samples=2)
    assert [each.weight for each in asyncio.run(samples_of(more, task, Teacher(), bank))] == [1.0, 2.0, 1.0, 2.0]


def test_a_task_with_demonstrations_of_its_own_uses_those() -> None:
    task = make_task(prompt="c d ->", context="a b -> b a\ne f -> f e\ng h -> h g\ni j -> j i")
    [sample] = asyncio.run(samples_of(METHOD, task, Teacher(), tasks(10)))
    content = sample.messages[-1].content
    assert "g h -> h g" in content and "i j" not in content and "[question" not in content


def test_a_tag_stands_beside_the_question_and_not_beside_demonstrations() -> None:
    task, *bank = tasks(10)
    tagged = METHOD.model_copy(update={"tag": "[answer alone]", "tag_place": "after"})
    with_them, without = asyncio.run(samples_of(tagged, task, Teacher(), bank))
    assert with_them.messages[-1].content.endswith("Question: [question 0]\n[answer alone]\nAnswer:")
    assert with_them.messages[-1].content.count("[answer alone]") == 1
    assert [message.content for message in without.messages] == ["[question 0]\n[answer alone]"]
    assert tagged.teacher_prompt(task, bank) == METHOD.teacher_prompt(task, bank)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(1, 20))
def test_demonstrations_never_hold_the_asked_task(number: int, count: int) -> None:
    many = tasks(100)
    method = InContext(method="in_context", demonstrations=count)
    prompt = user_prompt(many[number], many, method)
    assert f"[answer {number}]" not in prompt and prompt.count(f"[question {number}]") == 1
    assert prompt.count("[answer ") == count


def test_demonstrations_do_not_change_when_rows_are_added() -> None:
    few, many = tasks(70), tasks(700)
    assert [user_prompt(task, few) for task in few] == [user_prompt(task, many) for task in few]


def test_demonstrations_differ_from_task_to_task() -> None:
    many = tasks(70)
    shown = {user_prompt(task, many).rpartition("[question")[0] for task in many[:10]}
    assert len(shown) == 10


def test_only_solved_training_tasks_of_the_kind_are_shown() -> None:
    others = [
        make_task(id="a", prompt="unsolved"),
        make_task(id="b", prompt="another kind", kind="other", answer="1"),
        make_task(id="c", prompt="held out", split="test", answer="1"),
        make_task(id="d", prompt="worked", answer="1", extra={"solution": "Since one is one: 1"}),
    ]
    prompt = user_prompt(make_task(), others)
    assert "Since one is one: 1" in prompt
    assert not any(word in prompt for word in ("unsolved", "another kind", "held out"))


def voted(method: InContext, task: Task, bank: list[Task], *replies: str) -> tuple[Response, Scripted]:
    """What a student comes to that gives these replies, in turn."""
    said = iter(replies)
    student = Scripted(lambda content, sample: next(said))

    async def put(prompt: Prompt) -> Response:
        return await student(prompt, task=task)

    return asyncio.run(method.reply(task, method.student_prompt(task, bank), bank, put)), student


def test_several_draws_of_demonstrations_vote() -> None:
    task, *bank = tasks(30)
    method = METHOD.model_copy(update={"draws": 3})
    reply, student = voted(method, task, bank, "The answer is 7.", "So 4 it is. The answer is 4.", "The answer is 4.0.")
    assert reply.text == "So 4 it is. The answer is 4."
    assert len(set(student.asked)) == 3 and student.asked[0] == user_student_prompt(method, task, bank)
    assert not any("[answer 0]" in content or content.count("[question 0]") != 1 for content in student.asked)
    tied, _ = voted(method, task, bank, "The answer is 7.", "The answer is 4.", "I do not know")
    assert tied.text == "The answer is 7.", "of answers with as many votes the first"


def test_one_draw_is_one_reply_and_a_lost_one_decides_nothing() -> None:
    task, *bank = tasks(30)
    reply, student = voted(METHOD, task, bank, "The answer is 7.")
    assert reply.text == "The answer is 7." and len(student.asked) == 1
    lost, _ = voted(METHOD.model_copy(update={"draws": 3}), task, bank, "The answer is 7.", "", "The answer is 7.")
    assert lost.finish == "owed" and lost.text is None


def test_draws_of_the_demonstrations_a_task_brings() -> None:
    task = make_task(prompt="c d ->", context="\n".join(f"a{n} b -> b a{n}" for n in range(6)))
    method = METHOD.model_copy(update={"draws": 4})
    _, student = voted(method, task, [], *["d c"] * 4)
    assert len(set(student.asked)) == len(student.asked) > 1
    assert all(content.count(" -> b a") == 3 for content in student.asked)


def user_student_prompt(method: InContext, task: Task, bank: list[Task]) -> str:
    return method.student_prompt(task, bank).messages[-1].content

"""Chain of thought and instruction following: one prompt, so many samples, the student's view apart from the teacher's."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from pipeline.identity import short_id
from pipeline.llm.request import Sampling
from pipeline.methods.chain_of_thought import ChainOfThought
from pipeline.methods.distillation import Distillation
from pipeline.methods.instruction_following import InstructionFollowing
from pipeline.prompts import render
from tests.methods.asking import Teacher, samples_of
from tests.rows import make_task

METHODS = [
    (ChainOfThought(method="chain_of_thought", samples=3), "rationale"),
    (InstructionFollowing(method="instruction_following", samples=3), "response"),
]
TASK = make_task(prompt="How many eggs?", answer="2", context="There are eggs.")


@pytest.mark.parametrize(("method", "view"), METHODS)
def test_samples(method: Distillation, view: str) -> None:
    teacher = Teacher()
    samples = asyncio.run(samples_of(method, TASK, teacher))
    assert [sample.target for sample in samples] == ["Answer 0.", "Answer 1.", "Answer 2."]
    assert {(sample.view, sample.weight, sample.task_id) for sample in samples} == {(view, 1.0, "t1")}
    assert [sample.answer for sample in samples] == ["0", "1", "2"]
    assert len({sample.id for sample in samples}) == len({key for sample in samples for key in sample.response_keys}) == 3


@pytest.mark.parametrize(("method", "view"), METHODS)
def test_the_student_reads_its_own_prompt(method: Distillation, view: str) -> None:
    teacher = Teacher()
    [sample, *_] = asyncio.run(samples_of(method, TASK, teacher))
    assert sample.messages == list(method.student_prompt(TASK, ()).messages)
    assert {prompt.messages for prompt in teacher.prompts} == {method.teacher_prompt(TASK, ()).messages}
    assert [message.role for message in sample.messages] == ["user"]
    assert all("How many eggs?" in prompt.messages[-1].content for prompt in teacher.prompts)
    assert "There are eggs." in sample.messages[-1].content


@pytest.mark.parametrize(("method", "view"), METHODS)
def test_replies_that_did_not_come_make_no_sample(method: Distillation, view: str) -> None:
    owed = Teacher(answer=lambda sample: None if sample == 1 else "Yes")
    assert len(asyncio.run(samples_of(method, TASK, owed))) == 2
    assert asyncio.run(samples_of(method, TASK, Teacher(finish="missing"))) == []
    cut = asyncio.run(samples_of(method, TASK, Teacher(finish="length")))
    assert [sample.finish for sample in cut] == ["length"] * 3


@pytest.mark.parametrize(("method", "view"), METHODS)
@pytest.mark.parametrize(("place", "lines"), [("before", "[explain]\nHow many eggs?"), ("after", "How many eggs?\n[explain]")])
def test_a_tag_beside_the_question_is_for_the_student_alone(
    method: Distillation, view: str, place: Literal["before", "after"], lines: str
) -> None:
    tagged = method.model_copy(update={"tag": "[explain]", "tag_place": place})
    plain, shown = method.student_prompt(TASK, ()), tagged.student_prompt(TASK, ())
    assert shown.messages[-1].content == plain.messages[-1].content.replace("How many eggs?", lines)
    assert tagged.teacher_prompt(TASK, ()) == method.teacher_prompt(TASK, ())
    assert [each.messages[-1] for each in asyncio.run(samples_of(tagged, TASK, Teacher()))] == [shown.messages[-1]] * 3


def test_two_tags_are_two_samples_of_one_reply() -> None:
    made = [
        asyncio.run(samples_of(ChainOfThought(method="chain_of_thought", samples=1, tag=tag, tag_place=place), TASK, Teacher()))
        for tag, place in ((None, "before"), ("a", "before"), ("a", "after"), ("b", "after"))
    ]
    assert len({sample.id for [sample] in made}) == 4
    assert len({sample.response_keys[0] for [sample] in made}) == 1


def test_a_method_without_a_tag_names_its_samples_as_ever() -> None:
    [sample] = asyncio.run(samples_of(ChainOfThought(method="chain_of_thought", samples=1), TASK, Teacher()))
    shown = render("chain_of_thought/student", TASK)
    assert list(shown.messages) == sample.messages
    assert sample.id == short_id("sample", "t1", "chain_of_thought", "rationale", shown.template_hash, sample.response_keys)


def test_the_methods_sampling_is_passed_on() -> None:
    teacher, hot = Teacher(), Sampling(temperature=1.5)
    asyncio.run(samples_of(ChainOfThought(method="chain_of_thought", samples=2, sampling=hot), TASK, teacher))
    assert teacher.samplings == [hot, hot]


def test_defaults_are_those_of_the_papers() -> None:
    assert ChainOfThought(method="chain_of_thought").samples == 8
    assert InstructionFollowing(method="instruction_following").samples == 1


def test_a_task_without_an_answer_has_none() -> None:
    [sample] = asyncio.run(
        samples_of(InstructionFollowing(method="instruction_following"), make_task(prompt="Write 5 words."), Teacher())
    )
    assert sample.answer is None


def test_kinds() -> None:
    method = ChainOfThought(method="chain_of_thought", kinds=("question",))
    assert method.covers(make_task()) and not method.covers(make_task(kind="other"))
    assert ChainOfThought(method="chain_of_thought").covers(make_task(kind="other"))

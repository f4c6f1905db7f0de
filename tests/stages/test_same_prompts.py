"""A template that was edited after the corpus was made is noticed before anybody is trained or asked by it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.publication import write_table
from pipeline.records import Message, Sample, Task
from pipeline.run import Run
from pipeline.stages.evaluate import check_items, evaluate
from pipeline.stages.items import evaluation_items
from pipeline.stages.same_prompts import LOOKED_AT, check_prompts
from tests.rows import make_sample, make_task
from tests.stages.contests import make_run, story

CHAIN = {"method": "chain_of_thought", "kinds": ["word_problem"]}


def asked(number: int, kind: str = "word_problem") -> Task:
    return make_task(id=f"{number:016x}", kind=kind, prompt=f"How much is {number} + 1?")


def taught(run: Run, tasks: list[Task], said: str = "{}", method: int = 0, **fields: Any) -> list[Sample]:
    """A sample of each task whose student reads what the method's template makes of it, put into other words."""
    chosen = run.recipe.methods[method]
    samples = []
    for task in tasks:
        messages = [
            Message(role=each.role, content=said.format(each.content)) for each in chosen.student_prompt(task, []).messages
        ]
        given = {"id": f"{task.id}{method}{said}", "task_id": task.id, "method": chosen.method, "messages": messages}
        samples.append(make_sample("The answer is 1.", **given | fields))
    return samples


def check(run: Run) -> None:
    check_prompts(run, *evaluation_items(run))


def test_the_words_of_training_are_those_of_evaluation(tmp_path: Path) -> None:
    tasks = [asked(number) for number in range(20, 24)]
    run = make_run(tmp_path, [*tasks, story(0)])
    write_table(run.folder, "3_samples", taught(run, tasks))
    check(run)
    write_table(run.folder, "3_samples", taught(run, tasks, "Think well. {}"))
    with pytest.raises(
        UserError, match=r"prompts/chain_of_thought/student\.jinja: .*'user: Think well\..*'user: How much is"
    ) as raised:
        check(run)
    assert "make generate train RECIPE=contest" in raised.value.remedy


def test_neither_training_nor_evaluation_begins_then(tmp_path: Path) -> None:
    run = make_run(tmp_path, [asked(20), story(0)])
    write_table(run.folder, "3_samples", taught(run, [asked(20)], "Think well. {}"))
    for stage in (check_items, evaluate):
        with pytest.raises(UserError, match="taught to read something else"):
            asyncio.run(stage(run))


def test_another_view_of_the_same_answer_is_no_edit(tmp_path: Path) -> None:
    tasks = [asked(number) for number in range(20, 22)]
    run = make_run(tmp_path, [*tasks, story(0)])
    views = zip(taught(run, tasks, "{} Say it alone."), taught(run, tasks), strict=True)
    write_table(run.folder, "3_samples", [each for both in views for each in both])
    check(run)


def test_each_kind_and_method_is_looked_at(tmp_path: Path) -> None:
    """The second method's samples begin after more of the first than are looked at; what puts no item is nobody's concern."""
    methods = [CHAIN, {"method": "instruction_following", "kinds": ["chore"]}]
    first, second = [asked(number) for number in range(20, 20 + 3 * LOOKED_AT)], [asked(99, "chore")]
    for items, refused in (([story(0)], False), ([story(0), story(1, kind="chore")], True)):
        run = make_run(tmp_path, [*first, *second, *items], methods=methods)
        write_table(run.folder, "3_samples", [*taught(run, first), *taught(run, second, "Please: {}", method=1)])
        if refused:
            with pytest.raises(UserError, match=r"instruction_following/student\.jinja"):
                check(run)
        else:
            check(run)


def test_of_two_methods_for_a_kind_the_first_puts_the_items(tmp_path: Path) -> None:
    methods = [CHAIN, {"method": "instruction_following"}]
    run = make_run(tmp_path, [asked(20), story(0)], methods=methods)
    write_table(run.folder, "3_samples", [*taught(run, [asked(20)]), *taught(run, [asked(20)], "Please: {}", method=1)])
    check(run)
    write_table(run.folder, "3_samples", taught(run, [asked(20)], "Please: {}", method=1))
    check(run)  # the first method brought nothing that could be compared


def test_an_edit_is_nothing_to_items_that_a_benchmarks_own_template_puts(tmp_path: Path) -> None:
    """The second method covers the benchmark's kind, but puts its items only where it names that kind."""
    path = tmp_path / "dev.json"
    path.write_text('[{"qid": "1", "question": "Do hens swim?", "answer": false}]', encoding="utf-8")
    evaluation = {"benchmarks": [{"benchmark": "strategyqa", "path": str(path)}]}
    chores = [asked(20, "chore")]
    for second, refused in (({}, False), ({"kinds": ["chore", "question"]}, True)):
        methods = [CHAIN, {"method": "instruction_following", **second}]
        run = make_run(tmp_path, [*chores, story(0)], methods=methods, evaluation=evaluation)
        write_table(run.folder, "3_samples", taught(run, chores, "Please: {}", method=1))
        if refused:
            with pytest.raises(UserError, match=r"instruction_following/student\.jinja"):
                check(run)
        else:
            check(run)

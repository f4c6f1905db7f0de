"""Methods that make tasks in a whole run: what is kept of them, what tables and commands say of them, and where they end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.records import Example, Response, Sample, Task
from pipeline.report.fate import fate
from pipeline.report.funnel import read_funnel
from pipeline.report.page import write_page
from pipeline.report.status import as_text
from pipeline.run import Run
from pipeline.stages.estimate import estimate
from pipeline.stages.filter import filter_samples
from pipeline.stages.generate import Bank, generate
from pipeline.stages.growing import grow
from pipeline.stages.preview import preview
from pipeline.stages.select import select
from pipeline.tables import read_rows
from tests.methods.growing import grown, open_run, scripted, shown_in
from tests.methods.test_evol_instruct import operation_of
from tests.servers import closed_url

ROWS = [{"prompt": f"Explain thing {number} to me."} for number in range(6)]
EVOL: dict[str, Any] = {"method": "evol_instruct", "rounds": 1}
PLAIN: dict[str, Any] = {"method": "instruction_following"}


def teacher(prompt: str) -> str | None:
    """Things 0 and 1 evolve into the same; thing 2 into thing 3, which is there."""
    if operation_of(prompt):
        number = int(shown_in(prompt).split()[2])
        return {0: "Explain it all again.", 1: "Explain it all again.", 2: ROWS[3]["prompt"]}.get(number, f"More on {number}.")
    return "Not equal" if "Are these two" in prompt else f"Answer to {prompt}"


def whole(run: Run) -> None:
    async def scene() -> None:
        for stage in (generate, filter_samples, select):
            await stage(run)

    asyncio.run(scene())


def test_what_is_there_or_was_made_before_is_not_made_again(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        run = open_run(tmp_path, server.url, ROWS, EVOL)

        async def scene() -> Any:
            async with run.door:
                return await grow(run, list(run.recipe.source.tasks(("dev",), None)))

        crop = asyncio.run(scene())
    assert [task.prompt for task in crop.tasks.values()] == [
        "Explain it all again.", "More on 3.", "More on 4.", "More on 5.",
    ]  # fmt: skip
    assert crop.repeated == 2
    outcomes = list(crop.notes["evol_instruct"].values())
    assert sum(each["there was such a one"] for each in outcomes) == 2 and sum(each["survived"] for each in outcomes) == 4


def test_items_of_the_evaluation_are_not_made(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        run = open_run(tmp_path, server.url, ROWS, EVOL)
        source = run.recipe.source.model_copy(update={"test_share": 0.5})
        run.recipe = run.recipe.model_copy(update={"source": source})
        made, _ = grown(run)
        tasks = list(read_rows(run.folder, "1_tasks", Task))
    held = {task.prompt for task in tasks if task.split == "test"}
    assert held and not held & {task.prompt for task in made}
    assert not held & {parent.prompt for parent in tasks for task in made if parent.id in task.extra["parents"]}


def test_made_tasks_and_their_samples_are_in_the_tables_and_in_the_corpus(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        run = open_run(tmp_path, server.url, ROWS, EVOL, PLAIN)
        whole(run)
    tasks = list(read_rows(run.folder, "1_tasks", Task))
    samples = list(read_rows(run.folder, "3_samples", Sample))
    corpus = list(read_rows(run.folder, "5_corpus", Example))
    keys = {response.key for response in read_rows(run.folder, "2_responses", Response)}
    assert len(tasks) == 10 and [task.source.startswith("made:") for task in tasks] == [False] * 6 + [True] * 4
    assert sum(sample.method == "instruction_following" for sample in samples) == 6, "made tasks are not for it"
    assert len(corpus) == len(samples) == 16 and all(set(sample.response_keys) <= keys for sample in samples)


def test_what_is_asked_again_in_another_round_is_one_call(tmp_path: Path) -> None:
    """Each round rewrites into the same words, so whether they say the same is one question."""
    with scripted(lambda prompt: "Equal" if "Are these two" in prompt else "The same thing.") as server:
        run = open_run(tmp_path, server.url, ROWS, EVOL | {"rounds": 3})
        source = run.recipe.source.model_copy(update={"dev_share": 0.5})
        run.recipe = run.recipe.model_copy(update={"source": source})
        asyncio.run(generate(run))
        asked = server.hits
    keys = [response.key for response in read_rows(run.folder, "2_responses", Response)]
    assert len(keys) == len(set(keys)) == asked < 6 + 3 * 6 * 2


def test_what_became_of_all_that_was_tried_is_told(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        run = open_run(tmp_path, server.url, ROWS, EVOL, PLAIN)
        whole(run)
        run.log_start("generate", 1.0, "done")
        tried = read_funnel(run.folder).attempts
        words = as_text(run.folder)
        write_page(run.folder)
        plain = open_run(tmp_path, server.url, ROWS, PLAIN)
        asyncio.run(generate(plain))
    assert sum(ends.get("survived", 0) for ends in tried.values()) == 4
    assert sum(ends.get("there was such a one", 0) for ends in tried.values()) == 2
    assert all(name.startswith("evol_instruct: ") for name in tried)
    assert all(f"    {name}: {sum(ends.values())} (" in words for name, ends in tried.items())
    assert "there was such a one" in (run.folder / "report.html").read_text()
    assert plain.folder == run.folder and read_funnel(run.folder).attempts == {}, "of these tables none was tried"


def test_methods_that_want_made_tasks_get_them(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        run = open_run(tmp_path, server.url, ROWS, EVOL, PLAIN | {"made": True})
        _, samples = grown(run)
    assert sum(sample.method == "instruction_following" for sample in samples) == 10


def test_it_stops_when_enough_is_made_and_the_last_task_has_its_sample(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        tasks, samples = grown(open_run(tmp_path, server.url, ROWS, EVOL | {"tasks": 2}))
    assert len(tasks) == 2 and {task.id for task in tasks} <= {sample.task_id for sample in samples}


def test_it_says_when_it_ends_with_fewer_than_it_was_to_make(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(teacher) as server:
        grown(open_run(tmp_path / "few", server.url, ROWS, EVOL | {"tasks": 9}))
        few = capsys.readouterr().err
        grown(open_run(tmp_path / "enough", server.url, ROWS, EVOL | {"tasks": 2}))
    assert "note: evol_instruct ended with 4 of 9 tasks: its rounds are over, or brought nothing new" in few
    assert "ended with" not in capsys.readouterr().err


def test_two_entries_that_ask_the_same_give_each_sample_once(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        run = open_run(tmp_path, server.url, ROWS, EVOL, EVOL)
        whole(run)
    samples = list(read_rows(run.folder, "3_samples", Sample))
    assert len({sample.id for sample in samples}) == len(samples) == 10


def test_why_a_made_task_is_there(tmp_path: Path) -> None:
    with scripted(teacher) as server:
        run = open_run(tmp_path, server.url, ROWS, EVOL)
        tasks, _ = grown(run)
    child = next(task for task in tasks if task.prompt == "More on 4.")
    [parent] = child.extra["parents"]
    told = [str(each) for each in fate(run.folder, child.id)]
    assert f"  made by evol_instruct of {parent}, operation {child.extra['operation']}, round 1" in told
    assert "asked 1 times" in told and "  prompt: More on 4." in told, "its answer, though asked before it was known to survive"
    assert f"of it were made {child.id}" in map(str, fate(run.folder, parent))
    assert not any("made" in str(line) for line in fate(run.folder, parent) if child.id not in str(line))


def test_preview_shows_what_a_growing_method_asks_first(tmp_path: Path) -> None:
    rows = [row | {"answer": "Yes."} for row in ROWS]
    run = open_run(tmp_path, closed_url(), rows, {"method": "alpaca"}, {"method": "self_instruct"}, EVOL)
    lines = "\n".join(map(str, preview(run)))
    assert lines.count("to make tasks, the teacher reads (prompts/alpaca/teacher.jinja, about ") == 2
    assert lines.count("to make tasks, the teacher reads (prompts/self_instruct/instructions.jinja, about ") == 2
    assert "Continue it with 8 new ones, numbered from 7 to 14" in lines
    assert lines.count("student reads") == 6
    assert not list((tmp_path / "data").rglob("*.sqlite"))


def test_estimate_says_what_it_cannot_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with scripted(teacher) as server:
        alone = asyncio.run(estimate(open_run(tmp_path, server.url, ROWS, EVOL, max_calls=1000)))
        assert server.hits == 0
        both = asyncio.run(estimate(open_run(tmp_path, server.url, ROWS, EVOL, PLAIN)))
    note = "note: not counted are the calls of methods that make tasks, and of what asks about these: evol_instruct"
    assert note in alone and note in both
    assert "DISTILL_MAX_CALLS=1000: may stop the run before its end" in alone
    said = capsys.readouterr().out
    assert "run: nothing can be counted without an answer\n" in said and "run: 6 calls" in said
    assert "$0" not in said, "nobody shall read that it costs nothing"


def test_a_method_without_tasks_to_begin_with_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="evol_instruct has no task to begin with"):
        grown(open_run(tmp_path, closed_url(), ROWS, EVOL | {"kinds": ["other"]}, PLAIN))


def test_made_tasks_are_no_demonstrations() -> None:
    """The bank of the evaluation is read from the tables, and must be that of the source."""
    bank = Bank()
    task = Task(id="a", source="jsonl:x", split="train", kind="k", prompt="p")
    bank.show(task)
    bank.show(task.model_copy(update={"id": "b", "source": "made:disco"}))
    assert [each.id for each in bank.tasks()] == ["a"]

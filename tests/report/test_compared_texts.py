"""Texts of two runs: templates beside their counterparts, and tasks that one of the runs forgot."""

from __future__ import annotations

from pathlib import Path

from pipeline.publication import write_table
from pipeline.records import Message
from pipeline.report.compare import compare
from pipeline.report.compare_lines import as_lines
from tests.report.test_compare import make_run
from tests.rows import make_response, make_task


def asked(folder: Path, *templates: str) -> Path:
    """A run whose two tasks were asked by each template, in their order."""
    run = make_run(folder, [("x", [True]), ("y", [True])])
    replies = [
        make_response(
            "x", key=f"{template}{task}", task_id=task, template=template, messages=[Message(role="user", content=template)]
        )
        for template in templates
        for task in "xy"
    ]  # fmt: skip
    write_table(run, "2_responses", replies)
    return run


def test_a_template_of_one_run_has_the_next_of_the_other_beside_it(tmp_path: Path) -> None:
    first = asked(tmp_path / "a", "same", "old/one", "old/two", "old/three")
    second = asked(tmp_path / "b", "new/one", "same", "new/two")
    found = [each for each in compare(first, second).prompts if each.reader == "teacher"]
    assert [(each.first, each.second, each.same, each.differing) for each in found] == [
        ("same", "same", 2, 0), ("old/one", "new/one", 0, 2), ("old/two", "new/two", 0, 2), ("old/three", "", 0, 0),
    ]  # fmt: skip
    lines = "\n".join(map(str, as_lines(compare(first, second))))
    assert "(old/one → new/one): 2 of 2 prompts differ" in lines and "user: [-old-]{+new+}/one" in lines
    back = [(each.first, each.second) for each in compare(second, first).prompts if each.reader == "teacher"]
    assert back == [("new/one", "old/one"), ("same", "same"), ("new/two", "old/two"), ("", "old/three")]


def test_a_task_that_is_not_among_the_tasks_is_left_out(tmp_path: Path) -> None:
    """As after `limit` was lowered: the table of tasks was made anew, and the others were not yet."""
    first, second = (make_run(tmp_path / name, [("x", [name == "a"]), ("y", [name == "a"])]) for name in "ab")
    write_table(first, "1_tasks", [make_task(id="x")])
    outputs = compare(first, second).outputs
    assert outputs.only_first == 2 and [pair.task_id for pair in outputs.pairs] == ["x"]
    assert [pair.task_id for pair in compare(second, first).outputs.pairs] == ["x", "y"]

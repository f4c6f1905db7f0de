"""Evaluation items changed on purpose: the same for everybody, and known by ids of their own."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from pipeline.evaluation import Change
from pipeline.records import Item
from pipeline.settings import REPOSITORY
from pipeline.sources.mini import MiniSource
from pipeline.stages.changes import CHANGES, changed

TASKS = [task for task in MiniSource(kind="mini", limit=1).tasks(("test",), 100) if task.split == "test"]
PROGRAM = """
from pipeline.sources.mini import MiniSource
from pipeline.stages.changes import CHANGES, changed
for task in MiniSource(kind="mini", limit=1).tasks(("test",), 20):
    print(*[(new := changed(task, change)) and new.id for change in CHANGES])
"""


def test_every_change_a_recipe_can_name_is_there() -> None:
    assert tuple(CHANGES) == get_args(Change)


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_and_what_stays(change: str) -> None:
    made = [(task, new) for task in TASKS if (new := changed(task, change))]
    assert made
    for task, new in made:
        assert new.prompt != task.prompt and new.id != task.id
        same = ("source", "split", "kind", "context", "choices", "constraints")
        assert all(getattr(new, field) == getattr(task, field) for field in same)
        assert new.answer == task.answer or change == "numbers"
    assert len({new.id for _, new in made}) == len(made)


def test_an_item_of_an_evaluation_is_changed_as_the_task_it_is() -> None:
    item = Item(**TASKS[0].__dict__, benchmark="mini:test")
    new = changed(item, "numbers")
    assert isinstance(new, Item) and new.id == getattr(changed(TASKS[0], "numbers"), "id")  # noqa: B009


def test_another_process_makes_the_same() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=REPOSITORY, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True,
            timeout=120, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1] and len(runs[0].splitlines()) == 21

"""Methods that make tasks, offline as they ship: the mini teacher writes, and the mini student learns or chooses in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.recipe import load_recipe
from pipeline.records import Sample, Task
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.generate import generate
from pipeline.tables import read_rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SMALL = {
    "alpaca_mini": ("methods.0.tasks=20", "methods.0.at_once=8"),
    "evol_instruct_mini": ("source.limit=16",),
    "lion_mini": ("source.limit=12", "methods.0.added=6", "student.epochs=1"),
    "selective_reflection_mini": ("source.limit=12",),
    "self_instruct_mini": ("methods.0.tasks=20", "methods.0.at_once=8"),
}


def generated(name: str, data: Path) -> tuple[Run, list[Task], list[Sample]]:
    run = Run(load_recipe(name, SMALL[name]), load_settings(data=str(data), device="cpu"))
    run.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(generate(run))
    return run, list(read_rows(run.folder, "1_tasks", Task)), list(read_rows(run.folder, "3_samples", Sample))


@pytest.mark.parametrize("name", SMALL)
def test_the_mini_teacher_makes_tasks_and_a_second_start_asks_nothing(name: str, tmp_path: Path) -> None:
    run, tasks, samples = generated(name, tmp_path)
    made = [task for task in tasks if task.source == f"made:{run.recipe.methods[0].method}"]
    assert made and {task.id for task in made} & {sample.task_id for sample in samples}
    assert run.door.tally.asked > 0
    again, *tables = generated(name, tmp_path)
    assert tables == [tasks, samples]
    assert again.door.tally.asked == 0


def test_the_student_of_lion_learns_in_between(tmp_path: Path) -> None:
    run, _, _ = generated("lion_mini", tmp_path)
    trained = sorted(path.parent.name for path in (run.folder / "growth").rglob("model.safetensors"))
    assert trained and trained[0] == "lion-1"

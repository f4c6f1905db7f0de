"""The student while tasks are made: what it is told to learn, from where it goes on, and that it learns nothing twice."""

from __future__ import annotations

import asyncio
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.identity import model_hash
from pipeline.publication import write_table
from pipeline.records import Example, Message, Sample
from pipeline.run import Run
from pipeline.settings import REPOSITORY
from pipeline.stages.school import STUDENT, TrainingSchool
from pipeline.stages.select import examples
from pipeline.student.job import Job, mark_trained
from pipeline.tables import read_rows
from tests.methods.growing import open_run
from tests.rows import make_sample
from tests.servers import closed_url

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="training asks for it first")
METHOD = {"method": "instruction_following"}
SPLITS = {"a": "train", "b": "dev"}


def lesson(task: str) -> Sample:
    return make_sample(
        f"It is {task}.", id=f"s{task}", task_id=task, messages=[Message(role="user", content=f"Which, {task}?")]
    )


def school_in(folder: Path) -> tuple[Run, TrainingSchool]:
    run = open_run(folder, closed_url(), [{"prompt": "p"}], METHOD, student={"epochs": 2, "seed": 5})
    return run, TrainingSchool(run, SPLITS.__getitem__)


def pretend(school: TrainingSchool, name: str, after: str | None, learned: float) -> Job:
    """Puts a student where one would be, as if it had been trained on what was written down."""
    job = school._job(name, after)
    shutil.copytree(REPOSITORY / "data/mini/student", job.output, dirs_exist_ok=True)
    (job.output / "generation_config.json").write_text(json.dumps({"temperature": learned}))  # so that no two are the same
    mark_trained(job.output, job.fingerprint)
    return job


def learn(school: TrainingSchool, samples: list[Sample], name: str, after: str | None = None) -> str:
    return asyncio.run(school.train(samples, name, after))


def prepared(folder: Path) -> tuple[Run, TrainingSchool, Job, Job]:
    """A school where two trainings are over, one after the other."""
    run, school = school_in(folder)
    jobs = []
    for number, (name, after) in enumerate((("lion-1", None), ("lion-2", "lion-1"))):
        place = run.folder / "growth" / name
        place.mkdir(parents=True)
        write_table(place, "5_corpus", examples([(lesson(task), SPLITS[task]) for task in "ab"], run.recipe.student.model))
        jobs.append(pretend(school, name, after, 0.5 + number))
    return run, school, *jobs


def test_a_student_that_learned_the_same_is_not_trained_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, school, first, second = prepared(tmp_path)
    assert learn(school, [lesson("a"), lesson("b")], "lion-1") == "lion-1"
    assert learn(school, [lesson("a"), lesson("b")], "lion-2", "lion-1") == "lion-2"
    assert capsys.readouterr().err.count("trained before on the same corpus, nothing to do") == 2
    assert run.model("lion-1").identity["model"] == model_hash(first.output)
    assert run.model("lion-2").identity["model"] == model_hash(second.output) != model_hash(first.output)


def test_it_learns_by_the_recipe_what_it_was_given(tmp_path: Path) -> None:
    run, school, first, _ = prepared(tmp_path)
    learn(school, [lesson("a"), lesson("b")], "lion-1")
    rows = list(read_rows(first.folder, "5_corpus", Example))
    assert [(row.task_id, row.split, row.messages[-1].content) for row in rows] == [
        ("a", "train", "It is a."), ("b", "dev", "It is b."),
    ]  # fmt: skip
    assert (first.student.epochs, first.student.seed) == (2, 5) and first.model.endswith("data/mini/student")
    assert first.folder == run.folder / "growth/lion-1" and "growth/lion-1" in str(first.output)


def test_it_goes_on_with_the_weights_of_the_one_before(tmp_path: Path) -> None:
    _, school, first, second = prepared(tmp_path)
    assert second.model == str(first.output) and second.model_revision == model_hash(first.output)
    assert school._job("lion-2", None).fingerprint != second.fingerprint


def test_two_entries_of_a_recipe_do_not_share_a_folder(tmp_path: Path) -> None:
    run, _, _, _ = prepared(tmp_path)
    other = TrainingSchool(run, SPLITS.__getitem__, "2.")
    shutil.copytree(run.folder / "growth/lion-1", run.folder / "growth/2.lion-1")
    pretend(other, "2.lion-1", None, 0.9)
    assert learn(other, [lesson("a"), lesson("b")], "lion-1") == "2.lion-1"


def test_the_untrained_student_is_the_recipes(tmp_path: Path) -> None:
    run, school = school_in(tmp_path)
    assert school.untrained() == school.untrained() == STUDENT
    assert run.model(STUDENT).identity["model"] == model_hash(REPOSITORY / "data/mini/student")
    assert run.model(STUDENT).computes

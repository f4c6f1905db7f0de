"""What is decided about trainings before any begins, and what becomes of their students: no model is trained here."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.publication import write_table
from pipeline.run import Run
from pipeline.stages.train import _copy, _end_line, is_trained, train, training_job
from pipeline.student.job import curve_lines, curve_path, mark_trained
from pipeline.training import Student
from tests.stages.contests import MINI, example, make_run

BASE = {"model": str(MINI / "student"), "baselines": ["control"]}


def run_of(folder: Path, splits: str = "train dev", **student: Any) -> Run:
    """A run whose control has train rows only, and whose corpus has these splits."""
    run = make_run(folder, [], student=BASE | student)
    write_table(run.folder, "5_corpus", [example(f"{number:016x}", split) for number, split in enumerate(splits.split())])
    write_table(run.folder, "5_control", [example("c" * 16)])
    return run


def test_a_baseline_without_dev_examples_is_trained_for_all_epochs(tmp_path: Path) -> None:
    run = run_of(tmp_path, early_stop=2)
    assert {each.name: training_job(run, each).student.early_stop for each in run.pupils()} == {"control": None, "distilled": 2}


@pytest.mark.parametrize(
    ("splits", "student", "what", "remedy"),
    [
        ("train", {"early_stop": 2}, "early_stop: 5_corpus has no dev examples", "source.dev_share above 0"),
        ("train dev", {"curve": [1e-9]}, "student.curve: a share of 1e-09 holds none of the 1 tasks", "larger share"),
    ],
    ids=["nothing to watch", "an empty share"],
)
def test_what_would_stop_a_later_training_stops_the_first(
    tmp_path: Path, splits: str, student: dict[str, Any], what: str, remedy: str
) -> None:
    pytest.importorskip("torch", reason="training asks for it first")
    run = run_of(tmp_path, splits, **student)
    with pytest.raises(UserError, match=what) as raised:
        asyncio.run(train(run))
    assert remedy in raised.value.remedy and not (run.folder / "student").exists()


def test_a_student_is_trained_whatever_was_tried_since(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    control, distilled = run.pupils()
    place = distilled.folder(run.folder)
    place.mkdir(parents=True)
    assert not is_trained(run, distilled)
    mark_trained(place, training_job(run, distilled).fingerprint)
    curve_path(run.folder, "distilled").write_text(json.dumps({"fingerprint": "of a try that failed"}) + "\n")
    assert is_trained(run, distilled) and not is_trained(run, control)
    mark_trained(place, "another")
    assert not is_trained(run, distilled)


def test_a_training_that_was_killed_after_saving_is_done(tmp_path: Path) -> None:
    """Between the weights and the last line of the curve: another start adds the line, once, and asks for no training."""
    pytest.importorskip("torch", reason="training asks for it first")
    run = run_of(tmp_path, baselines=[])
    (distilled,) = run.pupils()
    job, curve = training_job(run, distilled), curve_path(run.folder, "distilled")
    job.output.mkdir(parents=True)
    mark_trained(job.output, job.fingerprint, steps=9, seconds=1.5)
    first, step = {"fingerprint": job.fingerprint}, {"step": 9, "of": 9, "loss": 0.5}
    for _ in range(2):
        curve.write_text("\n".join(map(json.dumps, (first, step))))  # the last line is torn off its end
        asyncio.run(train(run))
        asyncio.run(train(run))
        assert curve_lines(curve) == [first, step, {"done": True, "steps": 9, "seconds": 1.5, **first}]
    tried_since = json.dumps({"fingerprint": "of a try that failed"}) + "\n"
    curve.write_text(tried_since)
    asyncio.run(train(run))
    assert curve.read_text() == tried_since


def test_students_are_named_before_they_are_trained(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training asks for it first")
    run = run_of(tmp_path, baselines=[])
    run.write_recipe()
    more = run_of(tmp_path, baselines=[], seeds=2, model=str(tmp_path / "no model"))
    with pytest.raises(UserError):
        asyncio.run(train(more))
    made = run.table_recipe()
    assert made and made.student.seeds == 2


def test_a_copy_is_whole(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    control, distilled = run.pupils()
    for pupil, weights in ((control, "new"), (distilled, "old")):
        pupil.folder(run.folder).mkdir(parents=True)
        (pupil.folder(run.folder) / weights).write_text(weights)
    mark_trained(control.folder(run.folder), training_job(run, distilled).fingerprint)
    curve_path(run.folder, "control").write_text("{}\n")
    _copy(run, control, distilled)
    assert {path.name for path in distilled.folder(run.folder).iterdir()} == {"new", ".trained.json"}
    assert is_trained(run, distilled) and curve_lines(curve_path(run.folder, "distilled")) == [{}]
    assert {path.name for path in (run.folder / "student").iterdir() if path.is_dir()} == {"control", "distilled"}


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    curve = tmp_path / "curve.jsonl"
    for before, after in (("", ""), ("1\n", "1\n"), ('{"a": 1}\n{"b', '{"a": 1}\n{"b\n')):
        curve.write_text(before)
        _end_line(curve)
        assert curve.read_text() == after
    with curve.open("a") as file:
        file.write('{"c": 2}\n3\n')
    assert curve_lines(curve) == [{"a": 1}, {"c": 2}]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"adapter": {"targets": []}}, "at least 1 item"),
        ({"seed": 2**32 - 2, "seeds": 3}, "go beyond"),
        ({"curve": [0.1, 0.1 + 1e-9]}, "stands there twice"),
        ({"warmup_share": 1.1}, "less than or equal to 1"),
    ],
    ids=["targets", "seeds", "curve", "warmup"],
)
def test_settings_that_do_not_fit(given: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Student.model_validate(given)
    assert Student(seed=2**32 - 2, seeds=2).seeds == 2

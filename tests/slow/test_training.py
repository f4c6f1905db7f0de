"""Trainings that are killed, run out of disk, lose who started them, or are shared by two processes.

What is promised: the same job goes on from its last checkpoint to the very same student, and no mishap costs
what was there.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from pipeline.stages.train import training_command
from pipeline.student.job import Job, LowRank
from tests.slow.test_disks import small_disk
from tests.student.corpora import example, losses, said, start, write_job

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ADAPTER = LowRank(rank=4, alpha=8.0, dropout=0.1, targets=("all-linear",), quantized=False)
ROWS = [example(number) for number in range(40)] + [example(number, "dev") for number in range(100, 111)]
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "adapters": {"adapter": ADAPTER},
    "packed in parts": {"packing": True, "accumulate": 2},
    "early stop": {"early_stop": 8, "learning_rate": 3e-3},
}


def ended(job: Job, **environment: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, what it said, and its errors."""
    process = start(job, **environment)
    out, errors = process.communicate(timeout=300)
    return process.returncode, said(out), errors


def weights(job: Job) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = load_file(job.output / "model.safetensors")
    return loaded


def wait_for(found: Any, seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while not found() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found()


@pytest.mark.parametrize("way", WAYS)
def test_a_training_that_is_killed_goes_on_to_the_same_student(tmp_path: Path, way: str) -> None:
    given = {"epochs": 30} | WAYS[way]
    whole, killed = (write_job(tmp_path, ROWS, name, **given) for name in ("whole", "killed"))
    code, lines, errors = ended(whole)
    assert code == 0 and lines[-1]["done"], errors

    first = start(killed)
    wait_for(lambda: list((tmp_path / ".killed.checkpoints").glob("checkpoint-*/trainer_state.json")))
    first.kill()
    first.communicate()
    assert not killed.output.exists(), "it was killed too late for this test to say anything"
    code, resumed, errors = ended(killed)
    assert code == 0, errors
    assert resumed[0]["step"] > lines[0]["step"], "it began anew"
    for name in ("loss", "eval_loss"):
        curve = {each["step"]: each[name] for each in lines if name in each}
        assert all(curve[each["step"]] == each[name] for each in resumed if name in each)
    assert resumed[-1]["tokens"] == lines[-1]["tokens"], "those read before it was killed count"
    assert losses(resumed)[-1] == pytest.approx(losses(lines)[-1], abs=1e-4)
    assert all(torch.equal(each, weights(killed)[name]) for name, each in weights(whole).items())


def test_a_full_disk_costs_no_more_than_the_last_checkpoint(tmp_path: Path) -> None:
    whole = write_job(tmp_path, ROWS, "whole", epochs=30)
    code, _, errors = ended(whole)
    assert code == 0, errors
    with small_disk(tmp_path / "disk", 8 * 1024):  # room for one checkpoint of 5 MB, not for two
        job = write_job(tmp_path / "disk", ROWS, epochs=30)
        code, stopped, errors = ended(job)
        assert code == 2 and "Traceback" not in errors, errors
        assert "disk takes no more" in stopped[-1]["error"] and "goes on from the checkpoint before" in stopped[-1]["remedy"]
        (kept,) = (tmp_path / "disk/.student.checkpoints").glob("checkpoint-*")
        subprocess.run(["mount", "-o", "remount,size=64m", tmp_path / "disk"], check=True)
        code, resumed, errors = ended(job)
        assert code == 0, errors
        assert resumed[0]["step"] > int(kept.name.split("-")[1]) > 0
        assert all(torch.equal(each, weights(job)[name]) for name, each in weights(whole).items())


def test_a_disk_too_small_for_the_student_leaves_the_checkpoint(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 6 * 1024):
        job = write_job(tmp_path / "disk", ROWS[:40], epochs=3)  # its only checkpoint is that of the end
        code, stopped, errors = ended(job)
        assert code == 2 and "Traceback" not in errors, errors
        assert "then only has to save it" in stopped[-1]["remedy"] and not job.output.exists()
        subprocess.run(["mount", "-o", "remount,size=64m", tmp_path / "disk"], check=True)
        code, resumed, errors = ended(job)
        assert code == 0 and job.output.exists(), errors
        assert not losses(resumed), "it trained again"


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    alone, together = (write_job(tmp_path, ROWS, name, epochs=6) for name in ("alone", "together"))
    code, lines, errors = ended(alone)
    assert code == 0, errors
    process = start(together, training_command(tmp_path / "together.json", 2), OMP_NUM_THREADS="1")
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    both = said(out)
    assert [each.get("step") for each in both] == [each.get("step") for each in lines]  # one of them speaks
    for name in ("loss", "eval_loss"):
        assert losses(both, name) == pytest.approx(losses(lines, name), abs=1e-4)
    assert both[-1]["tokens"] == lines[-1]["tokens"]
    assert all(torch.allclose(each, weights(together)[name], atol=1e-4) for name, each in weights(alone).items())


@pytest.mark.parametrize("processes", [1, 2])
def test_a_training_ends_with_whoever_started_it(tmp_path: Path, processes: int) -> None:
    job = write_job(tmp_path, ROWS, epochs=2000)
    process = start(job, training_command(tmp_path / "student.json", processes), OMP_NUM_THREADS="1")
    assert process.stdout is not None and process.stderr is not None
    while not process.stdout.readline().startswith("{"):
        pass
    process.stdout.close()  # as it is once its reader is gone
    process.stderr.close()
    assert process.wait(timeout=60) != 0
    wait_for(lambda: not running(str(tmp_path / "student.json")), 30)


def running(word: str) -> list[str]:
    """Processes with a word in their command line."""
    lines = [path.read_bytes().decode(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return [line for line in lines if word in line]


def test_a_hub_that_cannot_be_reached(tmp_path: Path) -> None:
    job = write_job(tmp_path, ROWS).model_copy(update={"model": "nobody/no-such-student", "revision": "v2"})
    code, lines, errors = ended(job, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "hub"))
    assert code == 2 and "Traceback" not in errors, errors
    assert "student.model: nobody/no-such-student (revision v2) cannot be loaded" in lines[-1]["error"]

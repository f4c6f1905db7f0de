"""The training loss by hand-computed numbers, and a training that is killed and goes on."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pipeline.publication import write_table
from pipeline.recipe import load_recipe
from pipeline.records import Example, Message
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.train import is_trained, training_job
from pipeline.student.job import Job, Schooling, curve_path
from pipeline.student.train import Collator, weighted_loss

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_loss_is_the_weighted_mean_over_trained_tokens() -> None:
    # two examples, vocabulary of two; a logit of log(3) for a token against 0 gives it probability 3/4
    right, wrong = math.log(3.0), 0.0
    logits = torch.tensor([[[right, wrong]] * 3, [[wrong, right]] * 3])
    labels = torch.tensor([[-100, 0, 0], [-100, -100, 0]])
    weight = torch.tensor([1.0, 0.5])
    # first: two tokens at -log(3/4); second: one token at -log(1/4), at half the weight
    expected = (1.0 * 2 * -math.log(0.75) + 0.5 * 1 * -math.log(0.25)) / (1.0 * 2 + 0.5 * 1)
    assert weighted_loss(logits, labels, weight).item() == pytest.approx(expected, rel=1e-6)


def test_an_example_of_weight_nothing_changes_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 5, generator=generator)
    labels = torch.tensor([[-100, 1, 2, 3], [-100, 4, 0, 1]])
    alone = weighted_loss(logits[:1], labels[:1], torch.tensor([0.7]))
    both = weighted_loss(logits, labels, torch.tensor([0.7, 0.0]))
    assert both.item() == pytest.approx(alone.item(), rel=1e-6)


def test_the_collator_pads_on_the_right_and_trains_no_padding() -> None:
    rows = [
        {"input_ids": [5, 6, 7], "labels": [-100, 6, 7], "weight": 1.0},
        {"input_ids": [8], "labels": [8], "weight": 0.5},
    ]
    batch = Collator(pad=0)(rows)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 6, 7], [8, -100, -100]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["weight"].tolist() == [1.0, 0.5]


def job(folder: Path, output: str) -> Path:
    """A job of forty examples and five epochs, and where it is written."""
    spec = Job(
        model=str(REPOSITORY / "data/mini/student"),
        model_revision="r",
        folder=folder,
        table="5_corpus",
        corpus_hash="h",
        has_dev=False,
        student=Schooling(
            epochs=30, learning_rate=1e-3, batch_size=8, warmup_share=0.1, weight_decay=0.0, max_tokens=200, seed=3
        ),
        device="cpu",
        output=folder / output,
    )
    path = folder / f"{output}.json"
    path.write_text(spec.model_dump_json())
    return path


def corpus(folder: Path) -> None:
    def example(number: int) -> Example:
        messages = [
            Message(role="user", content=f"What is {number}+1?"),
            Message(role="assistant", content=f"{number}+1={number + 1}."),
        ]
        return Example(
            id=str(number),
            sample_id="s",
            task_id="t",
            method="m",
            view="v",
            split="train",
            messages=messages,
            weight=1,
            tokens=9,
        )

    write_table(folder, "5_corpus", [example(number) for number in range(40)])


def start(spec: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline.student.train", str(spec)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=REPOSITORY, env={**os.environ}
    )


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_to_the_same_student(tmp_path: Path) -> None:
    corpus(tmp_path)
    whole = start(job(tmp_path, "whole"))
    losses = [json.loads(line) for line in whole.communicate(timeout=300)[0].splitlines() if line.startswith("{")]
    assert whole.returncode == 0 and losses[-1]["done"]

    spec = job(tmp_path, "killed")
    first = start(spec)
    checkpoints = tmp_path / ".killed.checkpoints"
    deadline = time.monotonic() + 200
    while not list(checkpoints.glob("checkpoint-*/trainer_state.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not (tmp_path / "killed").exists(), "it was killed too late for this test to say anything"
    second = start(spec)
    resumed = [json.loads(line) for line in second.communicate(timeout=300)[0].splitlines() if line.startswith("{")]
    assert second.returncode == 0
    assert resumed[0]["step"] > losses[0]["step"], "it began anew"
    curve = {each["step"]: each["loss"] for each in losses if "loss" in each}
    assert all(curve[each["step"]] == each["loss"] for each in resumed if "loss" in each)
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_student_of_another_corpus_is_not_taken_for_this_one(tmp_path: Path) -> None:
    settings = load_settings(data=str(tmp_path))
    run = Run(load_recipe("mini"), settings)
    run.folder.mkdir(parents=True)
    corpus(run.folder)
    (run.folder / "student/distilled").mkdir(parents=True)
    assert not is_trained(run, "distilled")
    said = {"done": True, "fingerprint": training_job(run, "distilled", "5_corpus").fingerprint}
    curve_path(run.folder, "distilled").write_text(json.dumps(said) + "\n")
    assert is_trained(run, "distilled")
    write_table(run.folder, "5_corpus", [])
    assert not is_trained(run, "distilled")

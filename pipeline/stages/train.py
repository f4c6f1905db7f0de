"""Corpus to students: fine-tunes the distilled student, and the control on unfiltered samples, each in a child process.

A student whose corpus, settings and base are those of the last time is not trained again. The curve lies beside the model.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from pipeline.errors import DistillError, UserError
from pipeline.identity import file_hash, model_hash
from pipeline.llm.backends.local import model_folder
from pipeline.progress import Progress
from pipeline.run import Run
from pipeline.student.job import Job, Schooling, curve_lines, curve_path
from pipeline.tables import read_frame, table_path

STUDENTS = {"distilled": "5_corpus", "control": "5_control"}
"""Every student of a run and the table it learns from."""


async def train(run: Run) -> None:
    """Makes `student/distilled` and, where asked for, `student/control`.

    Raises:
        UserError: there is no corpus, no such student, or an example does not fit it.
    """
    for package in ("torch", "trl"):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"{package} is not installed, and training needs it", "pip install -e '.[train]'")
    for name, table in STUDENTS.items():
        if name == "distilled" or run.recipe.student.control:
            await _train_one(run, name, table)


async def _train_one(run: Run, name: str, table: str) -> None:
    job = training_job(run, name, table)
    curve = curve_path(run.folder, name)
    done = _finished(curve)
    if is_trained(run, name):
        print(f"{name}: trained before on the same corpus, nothing to do", file=sys.stderr)
        return
    if not (done is None and _started_with(curve, job.fingerprint)):
        curve.unlink(missing_ok=True)
        shutil.rmtree(job.output.with_name(f".{name}.checkpoints"), ignore_errors=True)
        shutil.rmtree(job.output, ignore_errors=True)
    job.output.parent.mkdir(parents=True, exist_ok=True)
    await _run_child(job, name, curve)


def is_trained(run: Run, name: str) -> bool:
    """Whether a student is there that was trained on the corpus, the base and with the settings of now."""
    job = training_job(run, name, STUDENTS[name])
    done = _finished(curve_path(run.folder, name))
    return done is not None and done.get("fingerprint") == job.fingerprint and job.output.is_dir()


def training_job(run: Run, name: str, table: str) -> Job:
    """What the training of a student is told."""
    corpus = read_frame(run.folder, table, ["split"])
    student = run.recipe.student
    folder = model_folder(student.model)
    return Job(
        model=str(folder) if folder else student.model,
        model_revision=model_hash(folder) if folder else student.model,
        folder=run.folder,
        table=table,
        corpus_hash=file_hash(table_path(run.folder, table)),
        has_dev=bool((corpus["split"] == "dev").any()),
        student=Schooling(**{field: getattr(student, field) for field in Schooling.model_fields}),
        device=run.settings.device,
        output=(run.folder / "student" / name).absolute(),
    )


def _finished(curve: Path) -> dict[str, Any] | None:
    """What the last line says, if the training came to its end."""
    lines = curve_lines(curve)
    return lines[-1] if lines and lines[-1].get("done") else None


def _started_with(curve: Path, fingerprint: str) -> bool:
    lines = curve_lines(curve)
    return bool(lines) and lines[0].get("fingerprint") == fingerprint


async def _run_child(job: Job, name: str, curve: Path) -> None:
    """Runs the training process, writes down what it says, and shows its progress."""
    spec = curve.with_name(f".{name}.job.json")
    spec.write_text(job.model_dump_json())
    log = curve.with_suffix(".log")
    with log.open("wb") as errors, curve.open("a") as written:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pipeline.student.train", str(spec),
            stdout=asyncio.subprocess.PIPE, stderr=errors, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        if not written.tell():
            print(json.dumps({"fingerprint": job.fingerprint}), file=written, flush=True)
        try:
            last = await _listen(child, name, job, written)
            code = await child.wait()
        finally:
            if child.returncode is None:
                child.terminate()
                await child.wait()
    spec.unlink(missing_ok=True)
    if "error" in last:
        raise UserError(last["error"], last["remedy"])
    if code != 0:
        raise DistillError(f"training {name} ended with code {code}; its last words are in {log}:\n{_tail(log)}")


async def _listen(child: asyncio.subprocess.Process, name: str, job: Job, written: Any) -> dict[str, Any]:
    """Follows the child line by line; returns the last thing it said."""
    said: dict[str, Any] = {}
    assert child.stdout is not None
    with Progress(f"training {name}", None, lambda: f"loss {said['loss']:.3f}" if "loss" in said else "") as progress:
        async for line in child.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue  # some library prints to standard output
            if said.get("done"):
                said["fingerprint"] = job.fingerprint
            if "error" not in said:
                print(json.dumps(said), file=written, flush=True)
            progress.total = said.get("of", progress.total)
            progress.advance(max(0, said.get("step", 0) - progress.done))
    return said


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

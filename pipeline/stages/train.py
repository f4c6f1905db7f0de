"""Corpus to students: fine-tunes the distilled student and those it is compared with, each in a child process.

A student whose corpus, settings and base are those of the last time, or of another student, is not trained again. The curve
lies beside the model.
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
from pipeline.settings import REPOSITORY, project_path
from pipeline.stages.students import Pupil, pupils
from pipeline.student.job import Job, Schooling, curve_lines, curve_path
from pipeline.tables import read_frame, table_path

SHARDING = REPOSITORY / "pipeline/student/fsdp.yaml"
"""How several GPUs share a model; several processes on a CPU each have all of it."""


async def train(run: Run) -> None:
    """Makes a folder in `student/` for each of the run's pupils.

    Raises:
        UserError: there is no corpus, no such student, or an example does not fit it.
    """
    for package in ("torch", "trl"):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"{package} is not installed, and training needs it", "pip install -e '.[train]'")
    trained: dict[str, Pupil] = {}
    for pupil in pupils(run):
        twin = trained.setdefault(training_job(run, pupil).fingerprint, pupil)
        if twin is pupil or is_trained(run, pupil):
            await _train_one(run, pupil)
        else:
            _copy(run, twin, pupil)


def _copy(run: Run, twin: Pupil, pupil: Pupil) -> None:
    """Gives a pupil the student of another that learned from the very same examples with the same seed."""
    print(f"{pupil.name}: its examples are those of {twin.name}, and so is the student", file=sys.stderr)
    shutil.rmtree(pupil.folder(run.folder), ignore_errors=True)
    shutil.copytree(twin.folder(run.folder), pupil.folder(run.folder))
    shutil.copyfile(curve_path(run.folder, twin.name), curve_path(run.folder, pupil.name))


async def _train_one(run: Run, pupil: Pupil) -> None:
    job = training_job(run, pupil)
    curve = curve_path(run.folder, pupil.name)
    done = _finished(curve)
    if is_trained(run, pupil):
        print(f"{pupil.name}: trained before on the same corpus, nothing to do", file=sys.stderr)
        return
    if not (done is None and _started_with(curve, job.fingerprint)):
        curve.unlink(missing_ok=True)
        shutil.rmtree(job.output.with_name(f".{job.output.name}.checkpoints"), ignore_errors=True)
    job.output.parent.mkdir(parents=True, exist_ok=True)
    await _run_child(job, pupil.name, curve, run.settings.processes)


def is_trained(run: Run, pupil: Pupil) -> bool:
    """Whether a student is there that was trained on the corpus, the base and with the settings of now."""
    job = training_job(run, pupil)
    done = _finished(curve_path(run.folder, pupil.name))
    return done is not None and done.get("fingerprint") == job.fingerprint and job.output.is_dir()


def training_job(run: Run, pupil: Pupil) -> Job:
    """What the training of a student is told."""
    corpus = read_frame(run.folder, pupil.table, ["split"])
    student = run.recipe.student
    folder = model_folder(student.model)
    schooling = student.model_dump(include=set(Schooling.model_fields)) | {"seed": pupil.seed}
    return Job(
        model=str(folder) if folder else student.model,
        revision=student.revision,
        model_revision=model_hash(folder) if folder else f"{student.model}@{student.revision}",
        chat_template=chat_template(student.chat_template),
        folder=run.folder,
        table=pupil.table,
        corpus_hash=file_hash(table_path(run.folder, pupil.table)),
        share=pupil.share,
        has_dev=bool((corpus["split"] == "dev").any()),
        student=Schooling(**schooling),
        device=run.settings.device,
        trackers=run.settings.trackers,
        output=pupil.folder(run.folder).absolute(),
    )


def chat_template(path: Path | None) -> str | None:
    """The text of a file that holds a chat template.

    Raises:
        UserError: there is no such file, or it is no text.
    """
    if path is None:
        return None
    try:
        return project_path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"student.chat_template: {path} cannot be read: {error}", "Name a file with a Jinja template."
        ) from None


def _finished(curve: Path) -> dict[str, Any] | None:
    """What the last line says, if the training came to its end."""
    lines = curve_lines(curve)
    return lines[-1] if lines and lines[-1].get("done") else None


def _started_with(curve: Path, fingerprint: str) -> bool:
    lines = curve_lines(curve)
    return bool(lines) and lines[0].get("fingerprint") == fingerprint


async def _run_child(job: Job, name: str, curve: Path, processes: int) -> None:
    """Runs the training process, writes down what it says, and shows its progress."""
    spec = curve.with_name(f".{name}.job.json")
    spec.write_text(job.model_dump_json())
    log = curve.with_suffix(".log")
    with log.open("wb") as errors, curve.open("a") as written:
        child = await asyncio.create_subprocess_exec(
            *training_command(spec, processes), stdout=asyncio.subprocess.PIPE, stderr=errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        if not written.tell():
            print(json.dumps({"fingerprint": job.fingerprint}), file=written, flush=True)
        try:
            failure = await _listen(child, name, job, written)
            code = await child.wait()
        finally:
            if child.returncode is None:
                child.terminate()
                await child.wait()
    spec.unlink(missing_ok=True)
    if failure:
        raise UserError(failure["error"], failure["remedy"])
    if code != 0:
        raise DistillError(f"training {name} ended with code {code}; its last words are in {log}:\n{_tail(log)}")


def training_command(spec: Path, processes: int) -> list[str]:
    """The command that trains what a job's file says, in one process or in several that share each step's work."""
    module = ["-m", "pipeline.student.train", str(spec)]
    if processes == 1:
        return [sys.executable, *module]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(SHARDING)]
    return [*launcher, "--num_processes", str(processes), "--main_process_port", "0", *module]


async def _listen(child: asyncio.subprocess.Process, name: str, job: Job, written: Any) -> dict[str, Any]:
    """Follows the child line by line; returns what it says went wrong, if anything."""
    said: dict[str, Any] = {}
    failure: dict[str, Any] = {}
    assert child.stdout is not None
    with Progress(f"training {name}", None, lambda: f"loss {said['loss']:.3f}" if "loss" in said else "") as progress:
        async for line in child.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue  # some library prints to standard output
            if said.get("done"):
                said["fingerprint"] = job.fingerprint
            if "error" in said:
                failure = said
            else:
                print(json.dumps(said), file=written, flush=True)
            progress.total = said.get("of", progress.total)
            progress.advance(max(0, said.get("step", 0) - progress.done))
    return failure


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

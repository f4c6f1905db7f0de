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
from pipeline.identity import model_hash
from pipeline.llm.backends.local import model_folder
from pipeline.progress import Progress
from pipeline.pupils import Pupil
from pipeline.run import Run
from pipeline.settings import REPOSITORY, project_path
from pipeline.student.job import Job, Schooling, curve_lines, curve_path, in_share, json_object, trained_by, training_of
from pipeline.tables import read_frame, rows_hash
from pipeline.terminal import complain

SHARDING = REPOSITORY / "pipeline/student/fsdp.yaml"
"""How several GPUs share a model; several processes on a CPU each have all of it."""
LONGEST_LINE = 2**24
"""Bytes of a line that a training may print; asyncio's own 64 KiB are fewer than some library's warning."""


async def train(run: Run) -> None:
    """Makes a folder in `student/` for each of the run's pupils.

    Raises:
        UserError: there is no corpus, no such student, an example does not fit it, or the corpus has nothing to watch or too
            little for a share.
    """
    check_installed()
    _check_corpus(run)
    run.write_recipe("student")  # first, so that a report made meanwhile shows these students and no others
    trained: dict[str, Pupil] = {}
    for pupil in run.pupils():
        twin = trained.setdefault(training_job(run, pupil).fingerprint, pupil)
        if twin is pupil or is_trained(run, pupil):
            await train_one(training_job(run, pupil), pupil.name, run.settings.processes)
        else:
            _copy(run, twin, pupil)


def check_installed() -> None:
    """Looks whether the libraries are there that training needs.

    Raises:
        UserError: one is not.
    """
    for package in ("torch", "trl"):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"{package} is not installed, and training needs it", "pip install -e '.[train]'")


def _check_corpus(run: Run) -> None:
    """Refuses before the first training what would stop a later one.

    Raises:
        UserError: early stopping has no dev examples to watch, or a share of the curve has no task.
    """
    corpus = read_frame(run.folder, "5_corpus", ["split", "task_id"])
    if run.recipe.student.early_stop and not (corpus["split"] == "dev").any():
        raise UserError(
            "student.early_stop: 5_corpus has no dev examples to watch",
            "Set source.dev_share above 0 and generate again, or leave early_stop out.",
        )
    tasks = corpus.filter(corpus["split"] == "train")["task_id"].unique()
    for share in run.recipe.student.curve:
        if not any(in_share(task, share) for task in tasks):
            raise UserError(
                f"student.curve: a share of {share:g} holds none of the {len(tasks)} tasks of 5_corpus",
                "Choose a larger share, or give more tasks.",
            )


def _copy(run: Run, twin: Pupil, pupil: Pupil) -> None:
    """Gives a pupil the student of another that learned from the very same examples with the same seed."""
    complain(f"{pupil.name}: its examples are those of {twin.name}, and so is the student")
    place = pupil.folder(run.folder)
    unfinished = place.with_name(f".{place.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(twin.folder(run.folder), unfinished)
    shutil.copyfile(curve_path(run.folder, twin.name), curve_path(run.folder, pupil.name))
    shutil.rmtree(place, ignore_errors=True)
    os.replace(unfinished, place)


async def train_one(job: Job, name: str, processes: int) -> None:
    """Runs a training, unless its student is there already; its curve lies beside the student."""
    curve = curve_path(job.folder, name)
    if trained_by(job.output) == job.fingerprint:
        complain(f"{name}: trained before on the same corpus, nothing to do")
        _end_curve(curve, job)
        return
    if _finished(curve) or not _started_with(curve, job.fingerprint):
        curve.unlink(missing_ok=True)
        shutil.rmtree(job.output.with_name(f".{job.output.name}.checkpoints"), ignore_errors=True)
    job.output.parent.mkdir(parents=True, exist_ok=True)
    await _run_child(job, name, curve, processes)


def is_trained(run: Run, pupil: Pupil) -> bool:
    """Whether a student is there that was trained on the corpus, the base and with the settings of now."""
    fingerprint = trained_by(pupil.folder(run.folder))
    return fingerprint is not None and fingerprint == training_job(run, pupil).fingerprint


def training_job(run: Run, pupil: Pupil) -> Job:
    """What the training of a student is told."""
    job = job_of(run, run.folder, pupil.table, pupil.folder(run.folder))
    schooling = job.student.model_copy(update={"seed": pupil.seed})
    return job.model_copy(update={"share": pupil.share, "student": schooling})


def job_of(run: Run, place: Path, table: str, output: Path) -> Job:
    """What the training of the recipe's student is told.

    Args:
        place: the folder in which the table lies.
    """
    corpus = read_frame(place, table, ["split"])
    student = run.recipe.student
    folder = model_folder(student.model)
    schooling = student.model_dump(include=set(Schooling.model_fields))
    if not (corpus["split"] == "dev").any():
        schooling["early_stop"] = None  # there is nothing to watch
    return Job(
        model=str(folder) if folder else student.model,
        revision=student.revision,
        model_revision=model_hash(folder) if folder else f"{student.model}@{student.revision}",
        chat_template=chat_template(student.chat_template),
        folder=place,
        table=table,
        corpus_hash=rows_hash(place, table),
        student=Schooling(**schooling),
        device=run.settings.device,
        trackers=run.settings.trackers,
        output=output.absolute(),
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


def _end_curve(curve: Path, job: Job) -> None:
    """Lets the curve of a trained student say so where its training was killed between saving it and telling."""
    if _started_with(curve, job.fingerprint) and not _finished(curve):
        _end_line(curve)
        with curve.open("a") as file:
            print(json.dumps({"done": True, **training_of(job.output)}), file=file)


def _finished(curve: Path) -> bool:
    """Whether the last line says that the training came to its end."""
    lines = curve_lines(curve)
    return bool(lines and lines[-1].get("done"))


def _started_with(curve: Path, fingerprint: str) -> bool:
    lines = curve_lines(curve)
    return bool(lines) and lines[0].get("fingerprint") == fingerprint


async def _run_child(job: Job, name: str, curve: Path, processes: int) -> None:
    """Runs the training process, writes down what it says, and shows its progress."""
    spec = curve.with_name(f".{name}.job.json")
    spec.write_text(job.model_dump_json())
    log = curve.with_suffix(".log")
    with log.open("wb") as errors, curve.open("a") as written:
        _end_line(curve)
        child = await asyncio.create_subprocess_exec(
            *training_command(spec, processes), stdout=asyncio.subprocess.PIPE, stderr=errors, limit=LONGEST_LINE,
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


def _end_line(curve: Path) -> None:
    """Ends a last line that was torn, so that the next one is a line of its own."""
    with curve.open("rb+") as file:
        if file.seek(0, os.SEEK_END) and file.seek(-1, os.SEEK_END) >= 0 and file.read() != b"\n":
            file.write(b"\n")


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
            found = json_object(line)
            if found is None:
                continue  # some library prints to standard output
            said = found
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

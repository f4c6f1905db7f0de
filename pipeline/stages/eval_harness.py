"""Students to grades by lm-evaluation-harness, for its thousands of tasks and for a second opinion on ours.

In: names of its tasks, in its own collection or in a folder of task files. Out: its words on every item, as rows of
`6_evaluation` whose benchmark is `harness:<task>`, which stay until the weights are others; what it wrote itself stays in
`harness/<student>/`. It runs in an environment of its own, which `make eval-harness` makes, and offline unless
`HF_HUB_OFFLINE=0` is set.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.identity import content_hash, model_hash, short_id
from pipeline.llm.backends.local import model_folder
from pipeline.progress import Progress
from pipeline.publication import Publication
from pipeline.pupils import Pupil
from pipeline.records import Grade
from pipeline.run import Run
from pipeline.settings import project_path
from pipeline.stages.train import is_trained
from pipeline.tables import read_rows, table_path

PREFIX = "harness:"
BATCH = 16
"""Prompts decoded together."""
KEY_HALF = 32
"""Hex digits of a key that name the weights; as many name what was asked."""
WORDS = 12
"""Last lines of its log that are shown when it fails."""


@dataclass(frozen=True)
class Examinee:
    """One model to be evaluated."""

    model: str
    name: str
    """What its folder in `harness/` is called."""
    seed: int
    place: str
    """Its folder, or its name on a hub."""
    revision: str
    """Its revision on the hub, or the hash of its weights."""
    local: bool

    @property
    def weights(self) -> str:
        """Names its weights: what the key of each of its rows begins with."""
        return content_hash("harness", "" if self.local else self.place, self.revision)[:KEY_HALF]


async def eval_harness(run: Run, tasks: Sequence[str], include: Path | None, models: Sequence[str]) -> None:
    """Adds the rows of these tasks to `6_evaluation`, model by model, in place of those of the same that are there.

    Raises:
        UserError: there is no such student or task, the harness is not installed or fails, or a metric is not right or wrong.
    """
    python = interpreter()
    examinees = [_examinees(run, model) for model in dict.fromkeys(models)]
    rows: list[Grade] = []
    with Progress("lm-evaluation-harness", sum(map(len, examinees)), lambda: f"{len(rows)} items") as progress:
        for trainings in examinees:
            rows = []
            for examinee in trainings:
                written = await _ask(run, python, tasks, include, examinee)
                rows += read_samples(written, examinee)
                progress.advance()
            _add(run, rows)


def interpreter() -> Path:
    """The Python that has the harness installed.

    Raises:
        UserError: it is not there.
    """
    python = Path(os.environ.get("HARNESS_PYTHON") or project_path(".venv-harness/bin/python"))
    if not python.is_file():
        raise UserError(
            f"{python}: lm-evaluation-harness is not installed there",
            "`make eval-harness` installs it; or HARNESS_PYTHON names a Python that has lm-eval[hf].",
        )
    return python.absolute()  # not resolved: a link tells Python which environment it is


def _examinees(run: Run, model: str) -> list[Examinee]:
    """The untouched student, or every training of one of the run's students.

    Raises:
        UserError: there is no such model, it was not trained on this corpus, or the harness cannot put it as it is trained.
    """
    student, known = run.recipe.student, run.pupils()
    if model == "base":
        if student.chat_template:
            raise UserError(
                f"--model base: the harness knows only a model's own chat template, not {student.chat_template}",
                "Evaluate trained students by it; `make train` asks the base by student.chat_template.",
            )
        return [_base(run)]
    chosen = [each for each in known if each.model == model]
    if not chosen:
        there = ", ".join(["base", *dict.fromkeys(each.model for each in known)])
        raise UserError(f"--model {model}: there is no such student in this run", f"There are {there}.")
    for each in chosen:
        if not is_trained(run, each):
            raise UserError(
                f"{each.folder(run.folder)}: there is no student trained on this corpus with these settings",
                f"Run `make train RECIPE={run.recipe.name}`.",
            )
    return [_student(run, each) for each in chosen]


def _base(run: Run) -> Examinee:
    student = run.recipe.student
    folder = model_folder(student.model)
    if folder is None:
        return Examinee("base", "base", 0, student.model, student.revision, False)
    return Examinee("base", "base", 0, str(folder.absolute()), model_hash(folder), True)


def _student(run: Run, pupil: Pupil) -> Examinee:
    place = pupil.folder(run.folder)
    return Examinee(pupil.model, pupil.name, pupil.seed, str(place.absolute()), model_hash(place), True)


def kept_rows(run: Run) -> list[Grade]:
    """The harness's rows in `6_evaluation` that still hold: those of the weights that the run's models have now."""
    known = {(each.model, each.seed): each.weights for each in (_base(run), *(_student(run, each) for each in run.pupils()))}
    try:
        there = [row for row in read_rows(run.folder, "6_evaluation", Grade) if row.benchmark.startswith(PREFIX)]
    except UserError:  # there is no such table, or none that can be read: it is about to be made anew
        return []
    return [row for row in there if row.key[:KEY_HALF] == known.get((row.model, row.seed))]


async def _ask(run: Run, python: Path, tasks: Sequence[str], include: Path | None, examinee: Examinee) -> Path:
    """Lets the harness evaluate one model; returns the folder it wrote to.

    Raises:
        UserError: it failed.
    """
    output = run.folder / "harness" / examinee.name
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    log = output / "log.txt"
    online = {"HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1"), "TOKENIZERS_PARALLELISM": "false"}
    with log.open("wb") as words:
        child = await asyncio.create_subprocess_exec(
            str(python), "-m", "lm_eval", *_flags(run, tasks, include, examinee, output),
            stdout=words, stderr=words, env={**os.environ, **online},
        )  # fmt: skip
        try:
            code = await child.wait()
        finally:
            if child.returncode is None:
                child.terminate()
                await child.wait()
    if code != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-WORDS:])
        raise UserError(
            f"lm-evaluation-harness ended with code {code}; its last words are in {log}:\n{last}",
            "Is the task's name right, its folder given with --include, its data here? HF_HUB_OFFLINE=0 lets it fetch them.",
        )
    return output


def _flags(run: Run, tasks: Sequence[str], include: Path | None, examinee: Examinee, output: Path) -> list[str]:
    model = {"pretrained": examinee.place} | ({} if examinee.local else {"revision": examinee.revision})
    device = [] if run.settings.device == "auto" else ["--device", run.settings.device]
    folder = ["--include_path", str(include)] if include else []
    return [
        "run", "--model", "hf", "--model_args", json.dumps(model), "--tasks", *tasks, *folder, *device,
        "--batch_size", str(BATCH), "--apply_chat_template", "--output_path", str(output), "--log_samples",
    ]  # fmt: skip


def read_samples(folder: Path, examinee: Examinee) -> Iterator[Grade]:
    """The rows of all tasks the harness wrote samples of; where a task reads replies in several ways, by the first of them.

    Raises:
        UserError: a task's main metric does not say right or wrong, or there are no samples.
    """
    files = sorted(folder.rglob("samples_*.jsonl"))
    if not files:
        raise UserError(f"{folder}: lm-evaluation-harness wrote no samples", f"See {folder / 'log.txt'}.")
    for path in files:
        task = path.stem.removeprefix("samples_").rpartition("_")[0]
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            if line["filter"] == lines[0]["filter"]:
                yield _grade(task, line, examinee)


def _grade(task: str, line: dict[str, Any], examinee: Examinee) -> Grade:
    """One item as the harness saw it; its first metric is its main one."""
    metric = line["metrics"][0]
    if line[metric] not in (0, 1):
        raise UserError(
            f"{task}: its main metric {metric} is {line[metric]!r} for an item, which is neither right nor wrong",
            "Name tasks whose first metric is a share of right answers, such as exact_match or acc.",
        )
    item, written = (task, line["doc_id"], line["doc_hash"]), line["resps"][0][0]
    return Grade(
        benchmark=f"{PREFIX}{task}", task_id=short_id(*item), kind=task, model=examinee.model, seed=examinee.seed,
        key=examinee.weights + content_hash(*item, line["prompt_hash"])[:KEY_HALF], mode="greedy", expected=line["target"],
        text=written if isinstance(written, str) else "", prediction=_prediction(line["filtered_resps"]),
        correct=line[metric] == 1, seconds=0.0,
    )  # fmt: skip


def _prediction(read: list[Any]) -> str:
    """What was read in the reply, or the number of the likeliest option."""
    if isinstance(read[0], list):
        likelihoods = [float(option[0]) for option in read]
        return str(likelihoods.index(max(likelihoods)))
    return str(read[0])


def _add(run: Run, rows: list[Grade]) -> None:
    """Writes the table anew, whole or not at all, with these rows in place of those of the same tasks and models."""
    new = {(row.benchmark, row.model) for row in rows}
    there = table_path(run.folder, "6_evaluation").exists()
    old = read_rows(run.folder, "6_evaluation", Grade) if there else iter(())
    with Publication(run.folder, "6_evaluation") as publication:
        for row in old:
            if (row.benchmark, row.model) not in new:
                publication["6_evaluation"].append(row)
        for row in rows:
            publication["6_evaluation"].append(row)

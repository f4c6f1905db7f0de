"""A run: its folder, its recipe, its models, and the door to them. Everything a stage needs and nothing it decides.

In: a recipe and the settings. Out: a folder in which one program at a time works, with `recipe.yaml` (resolved, runnable as it
is) and `run.json` (versions, commit, one entry per start, what became of what methods tried).
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.errors import UserError
from pipeline.llm.ask import Door
from pipeline.llm.backends import CallFailed
from pipeline.llm.budget import Budget
from pipeline.llm.model import Model
from pipeline.llm.request import Reply, Request, Sampling, computed
from pipeline.llm.store import Store
from pipeline.llm.structured import without_format
from pipeline.logs import Question
from pipeline.prompts import Prompt
from pipeline.pupils import Pupil, pupils_of
from pipeline.recipe import Recipe, parse_recipe, read_yaml
from pipeline.records import Response, Task
from pipeline.settings import REPOSITORY, Settings

SAMPLINGS = 64
"""Ways of sampling that are kept at hand."""
DATA_PARTS = ("source", "teacher", "methods", "filters", "selection")
"""The parts of a recipe that decide the corpus."""
Attempts = Mapping[str, Mapping[str, Mapping[str, int]]]
"""By method and what was tried, how often it ended how."""
PACKAGES = ("openai", "polars", "pyarrow", "pydantic", "tokenizers", "torch", "transformers", "trl", "datasets")


@dataclass
class Run:
    """One recipe at work in its folder."""

    recipe: Recipe
    settings: Settings
    _door: Door | None = None
    _models: dict[str, Model] = field(default_factory=dict)
    _defaults: dict[str, Sampling] = field(default_factory=dict)
    _samplings: dict[tuple[str, int], tuple[Sampling | None, Sampling]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.settings.runs / self.recipe.name

    def pupils(self) -> list[Pupil]:
        """Everybody the recipe wants trained and whose table is there, the distilled ones last."""
        return pupils_of(self.recipe.student, self.folder)

    @property
    def door(self) -> Door:
        if self._door is None:
            budget = Budget(self.settings.max_tokens, self.settings.max_cost, self.settings.max_calls)
            self._door = Door(Store(self.settings.store_path), budget)
        return self._door

    def model(self, role: str) -> Model:
        """The model that plays a role; only the teacher is in the recipe, others are added by the stage that needs them."""
        if role not in self._models:
            if role != "teacher":
                raise KeyError(f"no model plays {role!r}")
            self._models[role] = self.recipe.teacher.open(self.settings)
        return self._models[role]

    def has_model(self, role: str) -> bool:
        """Whether somebody plays a role already."""
        return role in self._models

    def add_model(self, role: str, model: Model, sampling: Sampling | None = None) -> None:
        """Lets a model play a role, and sample so unless whoever asks says otherwise."""
        self._models[role] = model
        self._defaults[role] = sampling or Sampling()

    def sampling(self, role: str) -> Sampling:
        """How the model of a role samples unless whoever asks says otherwise."""
        return self.recipe.teacher.sampling if role == "teacher" else self._defaults[role]

    async def ask(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        """Puts a prompt to the model of a role; a call that failed for now comes back with finish `owed`.

        A model that cannot be held to a response format is told of it in the prompt.

        Raises:
            UserError: it is asked for what its backend cannot do: numbers, or to go on with a reply that has begun.
        """
        model = self.model(role)
        sampling = self._sampling_for(role, sampling)
        if kind := computed(response_format):
            model.check_computes(kind)
            sampling = sampling.for_computing()
        elif response_format is not None and not model.json_schema:
            prompt, response_format = without_format(prompt, response_format), None
        if prompt.messages[-1].role == "assistant" and not kind:
            model.check_continues()
        request = Request(
            messages=prompt.messages,
            sampling=sampling,
            response_format=response_format,
            sample=sample,
            question=Question(task.prompt, tuple(task.extra.get("history", ()))).key,
        )
        try:
            key, reply = await self.door.ask(model, request)
        except CallFailed as error:
            key, reply = request.key(model.identity), Reply(finish="owed", error=str(error))
        return Response(
            key=key, task_id=task.id, role=role, template=prompt.template, template_hash=prompt.template_hash,
            provider=model.identity["provider"], model=model.name, sample=sample, messages=list(prompt.messages),
            **reply.__dict__,
        )  # fmt: skip

    def _sampling_for(self, role: str, sampling: Sampling | None) -> Sampling:
        """How a model of a role samples: one object for all calls that ask alike, since its JSON is part of every key."""
        place = (role, id(sampling))
        if place not in self._samplings:
            if len(self._samplings) >= SAMPLINGS:
                self._samplings.clear()
            self._samplings[place] = (sampling, (sampling or Sampling()).over(self.sampling(role)))
        return self._samplings[place][1]

    def table_recipe(self) -> Recipe | None:
        """The recipe the tables of this folder were made with, or None before there are any."""
        path = self.folder / "recipe.yaml"
        if not path.is_file():
            return None
        return parse_recipe(read_yaml(path), self.recipe.name, str(path))

    def write_recipe(self, *parts: str) -> None:
        """Writes down what the tables were made with: this recipe, or the one before with these parts of this."""
        before = self.table_recipe() if parts else None
        changed = {part: getattr(self.recipe, part) for part in parts}
        _write(self.folder / "recipe.yaml", (before.model_copy(update=changed) if before else self.recipe).as_yaml())

    def write_attempts(self, attempts: Attempts) -> None:
        """Writes into `run.json` how often what methods tried ended how, most of which left no row."""
        path = self.folder / "run.json"
        _write(path, json.dumps(_read_log(path) | {"attempts": attempts}, indent=1) + "\n")

    def log_start(self, verb: str, seconds: float, outcome: str) -> None:
        """Adds this start to `run.json`: what was asked, what it cost, how it ended."""
        path = self.folder / "run.json"
        log = _read_log(path)
        tally = asdict(self._door.tally) if self._door else {}
        log |= {
            "recipe": self.recipe.name,
            "version": __version__,
            "commit": _commit(),
            "python": platform.python_version(),
        }
        log["packages"] = {name: _version(name) for name in PACKAGES}
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))
        log["starts"].append({"verb": verb, "began": began, "seconds": round(seconds, 1), "outcome": outcome, **tally})
        _write(path, json.dumps(log, indent=1) + "\n")


@contextmanager
def locked(run: Run) -> Iterator[Run]:
    """The run's folder, made if need be, in which nobody else works meanwhile.

    Raises:
        UserError: another program works there, or the folder cannot be written.
    """
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
        lock = (run.folder / ".lock").open("a+")
    except OSError as error:
        raise UserError(f"{run.folder}: cannot be written: {error.strerror}", "Name another with --data DIR.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise UserError(
                f"{run.folder}: another run works in this folder (process {lock.read().strip() or 'unknown'})",
                "Wait for it, or work elsewhere with --data DIR or another name in the recipe.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        for unfinished in (
            *run.folder.glob(".*.unfinished"),
            *run.folder.glob("*/*/.*.unfinished"),
        ):  # of a run that was killed
            unfinished.unlink()
        yield run


def _write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)


def _read_log(path: Path) -> dict[str, Any]:
    """What `run.json` says; one that cannot be read is put aside and begun anew."""
    if not path.is_file():
        return {"starts": []}
    with suppress(ValueError, KeyError, TypeError):
        log = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(log["starts"], list):
            return dict(log)
    path.replace(path.with_suffix(".json.broken"))
    return {"starts": []}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The project's commit, with a mark where files differ from it."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=REPOSITORY, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def changed_parts(now: Any, then: Any, prefix: str = "") -> list[str]:
    """The paths of the fields in which two plain recipes differ."""
    if isinstance(now, dict) and isinstance(then, dict):
        return [
            line
            for key in sorted(now.keys() | then.keys())
            for line in changed_parts(now.get(key), then.get(key), f"{prefix}.{key}" if prefix else key)
        ]
    return [] if now == then else [prefix]

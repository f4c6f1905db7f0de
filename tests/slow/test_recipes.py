"""Every recipe for the models that ship: generated, filtered, trained for a few steps, evaluated; and killed on the way.

The teacher answers once for each recipe. For the kills a server says its replies again, so that a start takes seconds and
every call that was paid for can be counted.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.cli import main
from pipeline.methods.distillation import MADE
from pipeline.methods.growth import Growth
from pipeline.recipe import Recipe, load_recipe
from pipeline.report.fate import fate
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from pipeline.stages.train import training_job
from pipeline.student.prove import lines
from pipeline.student.shown import Proven
from pipeline.tables import TABLES, table_path
from tests.replaying import Replaying
from tests.servers import wait_until
from tests.small_runs import environment, stop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
NAMES = sorted(path.stem for path in (REPOSITORY / "recipes").glob("*_mini.yaml"))
SEED = 5
"""Of the teacher's sampling: over HTTP it tells one sample from another."""
SMALL = (f"teacher.sampling.seed={SEED}", "student.epochs=1", "evaluation.limit=6", "source.limit=24")
FEWER = {
    "alpaca_mini": ("methods.0.tasks=20", "methods.0.at_once=8"),
    "lion_mini": ("methods.0.added=6", "source.limit=12"),
    "self_instruct_mini": ("methods.0.tasks=20", "methods.0.at_once=8"),
}
"""What makes a recipe small that `source.limit` does not."""


@dataclass(frozen=True)
class Made:
    """A recipe's run, as far as the corpus."""

    name: str
    data: Path

    @property
    def run(self) -> Run:
        return Run(load_recipe(self.name, changes(self.name)), load_settings(data=str(self.data), device="cpu"))

    @property
    def recipe(self) -> Recipe:
        return self.run.recipe

    @property
    def folder(self) -> Path:
        return self.run.folder

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(table_path(self.folder, name))

    @property
    def starts(self) -> list[dict[str, Any]]:
        return list(json.loads((self.folder / "run.json").read_text())["starts"])


def changes(name: str) -> list[str]:
    return [*SMALL, *FEWER.get(name, ())]


def words(verb: str, name: str, data: Path, *more: str) -> list[str]:
    """A command on a small run of a recipe."""
    sets = [word for change in changes(name) for word in ("--set", change)]
    return [verb, name, "--data", str(data), "--device", "cpu", *sets, *more]


@pytest.fixture(scope="module", params=NAMES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    data = tmp_path_factory.mktemp(request.param)
    assert main(words("generate", request.param, data)) == 0
    yield Made(request.param, data)
    shutil.rmtree(data)


def test_the_whole_way(made: Made) -> None:
    check_fates(made)
    corpus = made.table("5_corpus")
    assert set(corpus["method"]) == {each.method for each in made.recipe.methods}
    if growing := [each.method for each in made.recipe.methods if isinstance(each, Growth)]:
        learned = made.table("1_tasks").filter(pl.col("id").is_in(corpus["task_id"].implode()))
        assert {f"{MADE}{each}" for each in growing} <= set(learned["source"]), "nothing that was made is learned"

    before = {name: table_path(made.folder, name).read_bytes() for name in TABLES if table_path(made.folder, name).exists()}
    assert main(words("generate", made.name, made.data)) == 0
    assert made.starts[-1]["asked"] == 0
    assert before == {name: table_path(made.folder, name).read_bytes() for name in before}

    (pupil,) = (each for each in made.run.pupils() if each.model == "distilled")
    *_, proven = lines(training_job(made.run, pupil))
    assert isinstance(proven, Proven) and sum(proven.examples.values()) == corpus.height and proven.trained > 0
    assert main(words("train", made.name, made.data)) == 0
    grades = made.table("6_evaluation")
    assert set(grades["model"]) == {"base", "distilled", "teacher"}
    assert set(grades["kind"]) <= set(made.table("6_items")["kind"])


def check_fates(made: Made) -> None:
    """Every row of every table belongs to one before it, and the story of some is told."""
    tasks, responses, samples, verdicts = map(made.table, ("1_tasks", "2_responses", "3_samples", "4_verdicts"))
    corpus = made.table("5_corpus")
    assert set(responses["task_id"]) | set(samples["task_id"]) <= set(tasks["id"])
    assert {key for keys in samples["response_keys"] for key in keys} <= set(responses["key"])
    assert set(verdicts["sample_id"]) == set(samples["id"])
    dropped = set(verdicts.filter(pl.col("decision") == "drop")["sample_id"])
    assert set(corpus["sample_id"]) <= set(samples["id"]) - dropped
    for name, column in (("1_tasks", "id"), ("2_responses", "key"), ("3_samples", "id"), ("5_corpus", "id")):
        for key in made.table(name)[column].gather_every(max(1, made.table(name).height // 3)):
            assert len(fate(made.folder, key)) > 1


def test_killed_it_goes_on_and_pays_for_nothing_twice(made: Made, tmp_path: Path) -> None:
    draw = random.Random(made.name)
    with Replaying(made.folder, made.run.model("teacher").identity, SEED) as server:
        served = ["--backend", "openai", "--base-url", server.url, "--set", "teacher.json_schema=false"]
        whole, killed = tmp_path / "whole", tmp_path / "killed"
        assert main(words("generate", made.name, whole, *served)) == 0
        needed = server.hits
        server.seconds = 0.05
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *words("generate", made.name, killed, *served, "--concurrency", "8")],
            env=environment(server.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if needed:
            server.wait_for_hits(needed + draw.randint(1, needed), 300)
        else:
            wait_until((killed / "runs" / made.name / ".lock").exists)
        stop(process, signal.SIGKILL)
        landed = remembered(killed)
        assert len(landed) < needed or not needed, "it was killed too late for this test to say anything"
        before, server.seconds = server.hits, 0.0
        assert main(words("generate", made.name, killed, *served)) == 0
        assert server.hits - before == needed - len(landed)
    for path in sorted((whole / "runs" / made.name).glob("*.parquet")):
        assert rows(path) == rows(killed / "runs" / made.name / path.name), path.name


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a table, without the time calls took."""
    return pl.read_parquet(path).drop("seconds", strict=False).to_dicts()


def remembered(data: Path) -> set[str]:
    """Keys of the replies of a server that are in the store."""
    path = data / "responses.sqlite"
    if not path.exists():
        return set()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        try:
            return {key for (key,) in store.execute("SELECT key FROM replies WHERE provider = '127.0.0.1'")}
        except sqlite3.OperationalError:  # not made yet
            return set()

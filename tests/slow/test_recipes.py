"""Every recipe for the models that ship: generated, filtered, trained for a few steps, evaluated; and killed on the way.

The teacher answers once for each recipe. For the kills a server says its replies again, so that a start takes seconds and
every call that was paid for can be counted.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from pipeline.cli import main
from pipeline.methods.distillation import MADE
from pipeline.methods.growth import Growth
from pipeline.report.fate import fate
from pipeline.stages.train import training_job
from pipeline.student.prove import lines
from pipeline.student.shown import Proven
from tests.mini_recipes import NAMES, Small, check_a_kill
from tests.replaying import Replaying
from tests.servers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MAKES_NOTHING = {"evol_instruct_mini"}
"""Recipes the mini teacher cannot do a part of: it calls all that it rewrites equal to what was there, so nothing stays."""


@pytest.fixture(scope="module", params=NAMES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A recipe's run as far as the corpus."""
    small = Small(request.param, tmp_path_factory.mktemp(request.param))
    assert main(small.words("generate")) == 0
    yield small
    shutil.rmtree(small.data)


def test_the_whole_way(made: Small) -> None:
    check_fates(made)
    corpus = made.table("5_corpus")
    assert set(corpus["method"]) == {each.method for each in made.recipe.methods}
    if growing := [each.method for each in made.recipe.methods if isinstance(each, Growth)]:
        learned = made.table("1_tasks").filter(pl.col("id").is_in(corpus["task_id"].implode()))
        makes = {f"{MADE}{each}" for each in growing} <= set(learned["source"])
        assert makes != (made.name in MAKES_NOTHING), f"whether something that was made is learned: {makes}"

    before = {path: path.read_bytes() for path in made.folder.glob("*.parquet")}
    assert main(made.words("generate")) == 0
    assert made.starts[-1]["asked"] == 0
    assert before == {path: path.read_bytes() for path in made.folder.glob("*.parquet")}

    (pupil,) = (each for each in made.run.pupils() if each.model == "distilled")
    *_, proven = lines(training_job(made.run, pupil))
    assert isinstance(proven, Proven) and sum(proven.examples.values()) == corpus.height and proven.trained > 0
    assert main(made.words("train")) == 0
    assert set(made.table("6_evaluation")["model"]) == {"base", "distilled", "teacher"}


def check_fates(made: Small) -> None:
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


def test_killed_it_goes_on_and_pays_for_nothing_twice(made: Small, tmp_path: Path) -> None:
    share = random.Random(made.name).uniform(0.05, 0.9)

    def due(killed: Small, server: Replaying, needed: int) -> None:
        wait_until((killed.folder / ".lock").exists)
        server.wait_for_hits(needed + round(share * needed), 300)

    check_a_kill(made, tmp_path, due)

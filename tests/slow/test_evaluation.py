"""The main job from nothing to the report, with everything an evaluation can be asked for, over students really trained."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.answers.grading import grade
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.request import Sampling
from pipeline.recipe import load_recipe
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from pipeline.stages.items import evaluation_items, prompt_for
from pipeline.statistics import wilson
from tests.real_servers import NAME, vllm_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
TASKS, ITEMS = 100, 20
CHANGES = (
    "student.epochs=1", "student.seeds=2", "student.curve=[0.5]", f"evaluation.limit={ITEMS}",
    "evaluation.benchmarks=[mini:single]", "evaluation.changes=[typos, distractor]", "evaluation.faithfulness=true",
    "evaluation.by=steps", "evaluation.sampled={samples: 2, limit: 5}",
)  # fmt: skip
MODELS = {"base": 1, "distilled@50%": 1, "gold_labels": 2, "teacher_labels": 2, "control": 2, "distilled": 2, "teacher": 1}
"""How many of each there are: one a seed."""


def run(verb: str, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", verb, "mini", "--limit", str(TASKS), "--data", str(data)]
    changes = [word for change in CHANGES for word in ("--set", change)]
    done = subprocess.run([*command, *changes], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def table(data: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(data / f"runs/mini/{name}.parquet")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data folder, and what was printed."""
    data = tmp_path_factory.mktemp("evaluated")
    return data, run("train", data).stdout


@pytest.fixture
def evaluated(trained: tuple[Path, str]) -> Path:
    return trained[0]


def test_trained_again_nothing_is_done_twice(trained: tuple[Path, str]) -> None:
    data, printed = trained
    assert (data / "runs/mini/report.html").stat().st_size > 10_000
    assert table(data, "5_control").height == table(data, "5_corpus").filter(pl.col("split") == "train").height
    started = time.monotonic()
    again = run("train", data)
    assert again.stderr.count("trained before") == sum(MODELS.values()) - len({"base", "teacher"})
    assert "0 asked" in again.stderr
    assert "distilled is" in again.stdout and printed.endswith(again.stdout)
    assert time.monotonic() - started < 90
    starts = json.loads((data / "runs/mini/run.json").read_text())["starts"]
    assert [start["verb"] for start in starts] == ["generate", "train", "train"]


def test_everybody_answers_every_item_once_greedily(evaluated: Path) -> None:
    items, grades = table(evaluated, "6_items"), table(evaluated, "6_evaluation").filter(pl.col("mode") == "greedy")
    counts = dict(grades.group_by("model").len().iter_rows())
    assert counts == {model: seeds * items.height for model, seeds in MODELS.items()}
    assert grades.select("model", "seed", "benchmark", "task_id").is_duplicated().sum() == 0
    plain = {"mini:test": ITEMS, "mini:ood": ITEMS, "mini:single": ITEMS}
    assert {name: count for name, count in items.group_by("benchmark").len().iter_rows() if "+" not in name} == plain
    changed = items.filter(pl.col("change").is_not_null())
    assert set(changed["change"]) == {"typos", "distractor"}
    assert changed["original"].is_in(items.filter(pl.col("change").is_null())["id"].implode()).all()


def test_no_item_is_a_training_example(evaluated: Path) -> None:
    for name in ("5_corpus", "5_control", "5_gold_labels", "5_teacher_labels"):
        assert not set(table(evaluated, name)["task_id"]) & set(table(evaluated, "6_items")["id"])


def test_first_seeds_and_the_teacher_are_sampled(evaluated: Path) -> None:
    sampled = table(evaluated, "6_evaluation").filter(pl.col("mode") == "sampled")
    assert set(sampled["model"]) == MODELS.keys() - {"distilled@50%"}
    assert set(sampled["seed"]) == {0} and set(sampled["sample"]) == {0, 1}
    assert sampled.group_by("model", "benchmark").len()["len"].max() == 2 * 5


def test_levels_speed_and_faithfulness_are_there(evaluated: Path) -> None:
    grades = table(evaluated, "6_evaluation")
    stories = grades.filter((pl.col("kind") == "word_problem") & (pl.col("mode") == "greedy"))
    assert set(stories["level"]) == set("1234567")
    assert grades.filter(pl.col("mode") == "swapped")["model"].is_in(["base", "distilled", "teacher"]).all()
    assert grades.filter((pl.col("mode") == "swapped") & (pl.col("model") == "teacher")).height > ITEMS / 2
    assert table(evaluated, "6_speed")["model"].to_list() == ["base", "distilled", "teacher"]


def test_evaluated_again_it_is_the_same_and_nobody_is_asked(evaluated: Path) -> None:
    before = table(evaluated, "6_evaluation")
    assert "0 asked" in run("evaluate", evaluated).stderr
    assert_frame_equal(table(evaluated, "6_evaluation"), before)


@pytest.mark.skipif(not os.environ.get("VLLM_PYTHON"), reason="VLLM_PYTHON names no Python with vLLM")
def test_the_student_served_by_vllm_scores_the_same(evaluated: Path, tmp_path: Path) -> None:
    grades = table(evaluated, "6_evaluation").filter((pl.col("model") == "distilled") & (pl.col("seed") == 0))
    here = grades.filter((pl.col("benchmark") == "mini:test") & (pl.col("mode") == "greedy"))
    with vllm_server(os.environ["VLLM_PYTHON"], tmp_path / "server.log", evaluated / "runs/mini/student/distilled") as address:
        served = asyncio.run(answers(evaluated, address))
    assert served.keys() == set(here["task_id"])
    same = sum(served[row["task_id"]][0] == row["text"] for row in here.iter_rows(named=True))
    assert same >= 0.9 * ITEMS, "greedy replies differ by more than a rounding here and there"
    low, high = wilson(int(here["correct"].sum()), here.height)
    assert low <= sum(bool(right) for _, right in served.values()) / len(served) <= high


async def answers(data: Path, address: str) -> dict[str, tuple[str, bool | None]]:
    """What the server replies to the items of mini:test, asked as the student is, and whether it is right."""
    settings = load_settings(data=str(data), openai_base_url=address, openai_api_key="EMPTY")
    run = Run(load_recipe("mini", [f"source.limit={TASKS}", *CHANGES]), settings)
    run.add_model("served", OpenAIModel(backend="openai", model=NAME).open(settings))
    items, bank = evaluation_items(run)
    asked = [item for item in items if item.benchmark == "mini:test"]
    sampling = Sampling(temperature=0, max_tokens=run.recipe.evaluation.max_tokens)
    async with run.door:
        replies = await asyncio.gather(
            *(run.ask(prompt_for(run, item, bank, False), task=item, sampling=sampling, role="served") for item in asked)
        )
    texts = [reply.text or "" for reply in replies]
    return {item.id: (text, grade(item, text).correct) for item, text in zip(asked, texts, strict=True)}

"""Filters that ask: judged once and remembered, owed calls asked again, ceilings held, and every call kept for whoever asks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.request import Sampling
from pipeline.publication import write_table
from pipeline.recipe import parse_recipe
from pipeline.records import Response, Sample, Verdict
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.filter import filter_samples
from pipeline.stages.generate import generate
from pipeline.stages.select import select
from pipeline.tables import made_of, read_rows, table_path
from tests.filters.asked import OWED, says
from tests.rows import make_sample, make_task
from tests.servers import ChatServer, closed_url

TASKS = [make_task(id=f"t{n}", prompt=f"Question {n}?") for n in range(6)]
SAMPLES = [
    make_sample(f"Reply {place} to {n}.", id=f"s{n}{place}", task_id=f"t{n}", finish="stop" if place else "length")
    for n in range(6)
    for place in range(3)
]
JUDGED = len(SAMPLES) - 6
"""Those that were not cut off: the others are dropped before the judge is asked."""
GOOD, BAD = says("Score: 5"), says("Score: 2", where="Reply 2")


def open_run(folder: Path, url: str, judge: dict[str, Any] | None = None, **settings: Any) -> Run:
    asked = {"filter": "judge", "model": {"backend": "openai", "model": "wise"}} | (judge or {})
    recipe = parse_recipe(
        {
            "source": {"kind": "mini"}, "teacher": {"backend": "openai", "model": "teacher"},
            "methods": [{"method": "chain_of_thought"}], "filters": ["finished", asked], "decontaminate": False,
        },
        "run", "run",
    )  # fmt: skip
    run = Run(recipe, load_settings(data=str(folder), openai_base_url=url, patience_seconds=0.1, **settings))
    if not run.folder.exists():
        run.folder.mkdir(parents=True)
        write_table(run.folder, "1_tasks", TASKS)
        write_table(run.folder, "3_samples", SAMPLES)
    return run


def filtered(run: Run, shard_rows: int = 6) -> list[Verdict]:
    """The judge's verdicts."""
    asyncio.run(filter_samples(run, shard_rows))
    return [each for each in read_rows(run.folder, "4_verdicts", Verdict) if each.filter == "judge"]


def calls(run: Run) -> list[Response]:
    return list(read_rows(run.folder, "4_judgements", Response))


def test_survivors_are_judged_once_and_every_call_is_kept(tmp_path: Path) -> None:
    with ChatServer(BAD, GOOD) as server:
        run = open_run(tmp_path, server.url)
        words = filtered(run)
        assert server.hits == JUDGED == len(words) == len(calls(run))
        assert {body["model"] for body in server.bodies} == {"wise"}
    assert [each.sample_id for each in words] == [each.id for each in SAMPLES if each.finish == "stop"]
    assert {each.decision for each in words if each.sample_id.endswith("2")} == {"drop"}
    assert {each.decision for each in words if each.sample_id.endswith("1")} == {"keep"}
    assert {(each.role, each.model, each.text) for each in calls(run)} == {
        ("judge", "wise", "Score: 5"), ("judge", "wise", "Score: 2"),
    }  # fmt: skip
    table, asked = table_path(run.folder, "4_verdicts").read_bytes(), calls(run)
    for path in (table_path(run.folder, "4_verdicts"), *run.folder.glob("filtering/*/*")):
        path.unlink()
    again = open_run(tmp_path, closed_url())
    assert filtered(again) == words and calls(again) == asked
    assert table_path(run.folder, "4_verdicts").read_bytes() == table


def test_another_threshold_asks_nobody(tmp_path: Path) -> None:
    with ChatServer(BAD, GOOD) as server:
        filtered(open_run(tmp_path, server.url))
    words = filtered(open_run(tmp_path, closed_url(), {"min_score": 1}))
    assert {each.decision for each in words} == {"keep"}


def test_another_judge_is_asked_anew(tmp_path: Path) -> None:
    with ChatServer(BAD, GOOD) as server:
        filtered(open_run(tmp_path, server.url))
        filtered(open_run(tmp_path, server.url, {"model": {"backend": "openai", "model": "wiser"}}))
        assert server.hits == 2 * JUDGED


def test_the_teacher_judges_where_nobody_else_is_named(tmp_path: Path) -> None:
    with ChatServer(BAD, GOOD) as server:
        run = open_run(tmp_path, server.url, {"model": None})
        filtered(run)
        assert {body["model"] for body in server.bodies} == {"teacher"}
    assert {each.role for each in calls(run)} == {"judge"}


def test_owed_calls_are_unverifiable_now_and_asked_at_the_next_start(tmp_path: Path) -> None:
    with ChatServer(says("Score: 5", where="Question 0?"), OWED) as server:
        run = open_run(tmp_path, server.url)
        words = filtered(run)
        assert {each.decision for each in words if each.sample_id[1] != "0"} == {"unverifiable"}
        assert made_of(run.folder, "4_verdicts") is None, "it would stand for good"
        server.troubles = [BAD, GOOD]
        hits = server.hits
        words = filtered(open_run(tmp_path, server.url))
        assert server.hits - hits == JUDGED - 2
    assert {each.decision for each in words} == {"keep", "drop"}


def test_a_ceiling_stops_it_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with ChatServer(BAD, GOOD) as server:
        run = open_run(tmp_path, server.url, max_calls=5)
        with pytest.raises(BudgetReached):
            filtered(run)
        assert server.hits == 5 and not table_path(run.folder, "4_verdicts").exists()
        assert len(filtered(open_run(tmp_path, server.url))) == JUDGED == server.hits


def test_the_judges_own_way_of_sampling_counts(tmp_path: Path) -> None:
    with ChatServer(BAD, GOOD) as server:
        filtered(open_run(tmp_path, server.url, {"model": None}))
        warmer = open_run(tmp_path, server.url, {"model": None})
        teacher = warmer.recipe.teacher.model_copy(update={"sampling": Sampling(max_tokens=99)})
        filtered(replace(warmer, recipe=warmer.recipe.model_copy(update={"teacher": teacher})))
        assert server.hits == 2 * JUDGED


@pytest.mark.parametrize("lost", ["4_judgements", "4_verdicts", "calls"])
def test_what_is_lost_of_it_is_made_again(tmp_path: Path, lost: str) -> None:
    with ChatServer(BAD, GOOD) as server:
        run = open_run(tmp_path, server.url)
        words, asked = filtered(run), calls(run)
    if lost == "calls":
        next(iter(run.folder.glob("filtering/judge/*.calls.parquet"))).unlink()
        table_path(run.folder, "4_verdicts").unlink()
    else:
        table_path(run.folder, lost).unlink()
    again = open_run(tmp_path, closed_url())
    assert filtered(again) == words and calls(again) == asked


def test_two_judges_in_one_command_that_also_generates(tmp_path: Path) -> None:
    """The door is opened three times."""
    (tmp_path / "tasks.jsonl").write_text("".join(f'{{"question": "How much is {n} + 1?"}}\n' for n in range(12)))
    recipe = parse_recipe(
        {
            "source": {"kind": "jsonl", "path": str(tmp_path / "tasks.jsonl"), "fields": {"prompt": "question"}},
            "teacher": {"backend": "openai", "model": "teacher"}, "methods": [{"method": "instruction_following"}],
            "filters": ["judge", {"filter": "judge", "template": "judge/honesty"}], "student": {"model": "data/mini/student"},
        },
        "run", "run",
    )  # fmt: skip
    with ChatServer(says("Score: 5", where="rubric")) as server:
        run = Run(recipe, load_settings(data=str(tmp_path), openai_base_url=server.url))
        run.folder.mkdir(parents=True)

        async def stages() -> None:
            for stage in (generate, filter_samples, select):
                await stage(run)

        asyncio.run(stages())
        assert server.hits == 3 * len(list(read_rows(run.folder, "3_samples", Sample))) > 20
    assert {each.role for each in calls(run)} == {"judge", "judge_2"}


def test_without_a_judge_the_calls_of_an_earlier_one_are_gone(tmp_path: Path) -> None:
    with ChatServer(BAD, GOOD) as server:
        run = open_run(tmp_path, server.url)
        filtered(run)
    plain = Run(run.recipe.model_copy(update={"filters": run.recipe.filters[:1]}), run.settings)
    filtered(plain)
    assert not table_path(run.folder, "4_judgements").exists()


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    run = open_run(tmp_path, closed_url(), {"template": "judge/nowhere"})
    with pytest.raises(UserError, match=r"judge/nowhere\.jinja: this template does not exist"):
        filtered(run)

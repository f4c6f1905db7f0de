"""The funnel by source: what selection may take, a reply once, and dollars that nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.inspect.sources import Step, read_sources
from pipeline.publication import write_table
from pipeline.report.funnel import read_funnel
from tests.inspect.runs import SAMPLES, whole_run
from tests.rows import make_response, make_task


@pytest.mark.parametrize(("unverifiable", "passed"), [("drop", SAMPLES // 2 - 2), ("keep", SAMPLES // 2 - 1)])
def test_undecided_samples_pass_where_the_recipe_keeps_them(tmp_path: Path, unverifiable: str, passed: int) -> None:
    run = whole_run(tmp_path / "run")
    (run / "recipe.yaml").write_text(f"selection: {{unverifiable: {unverifiable}}}\n")
    assert sum(each.passed for each in read_sources(run) if not each.method) == passed
    assert sum(read_funnel(run).passed.values()) == passed, "as the report has it"


def sources(folder: Path, *replies: tuple[str, str, float | None, str]) -> dict[str, Step]:
    """Steps by source, of replies by key, task, dollars and end."""
    write_table(folder, "1_tasks", [make_task(id=name, source=f"jsonl:{name}") for name in ("one", "two", "three")])
    rows = [
        make_response("x", key=key, task_id=task, cost=cost, finish=finish, tokens_in=3, tokens_out=4)
        for key, task, cost, finish in replies
    ]
    write_table(folder, "2_responses", rows)
    return {each.source: each for each in read_sources(folder)}


def test_a_reply_in_two_rows_is_one_call(tmp_path: Path) -> None:
    found = sources(tmp_path, ("a", "one", 0.5, "stop"), ("a", "one", 0.5, "stop"), ("b", "one", 0.25, "stop"))
    assert (found["jsonl:one"].calls, found["jsonl:one"].tokens, found["jsonl:one"].cost) == (2, 14, 0.75)


def test_dollars_that_nobody_knows_are_none(tmp_path: Path) -> None:
    found = sources(
        tmp_path, ("a", "one", 0.5, "stop"), ("b", "one", None, "stop"), ("c", "two", 0.5, "stop"), ("d", "two", None, "error")
    )
    assert found["jsonl:one"].cost is None and found["jsonl:one"].calls == 2
    assert found["jsonl:two"].cost == 0.5, "nobody bills an error"
    assert (found["jsonl:three"].calls, found["jsonl:three"].cost) == (0, 0.0), "who was asked nothing costs nothing"


def test_owed_calls_are_none_yet(tmp_path: Path) -> None:
    found = sources(tmp_path, ("a", "one", None, "owed"), ("b", "one", 0.5, "stop"))
    assert (found["jsonl:one"].calls, found["jsonl:one"].cost) == (1, 0.5)

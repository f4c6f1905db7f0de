"""What teacher and student cost, and when the student has paid for itself: figures that follow by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.publication import write_table
from pipeline.records import Speed
from pipeline.report.costs import BreakEven, Costs, read_costs
from tests.report.grades import make_grade, written
from tests.rows import make_response


def speed(model: str, latency: float, parameters: int = 10) -> Speed:
    return Speed(model=model, device="cpu", parameters=parameters, items=8, latency=latency, tokens_per_second=5.0)


def costs(folder: Path, cost: float | None, **log: Any) -> Costs:
    """Of a run whose teacher answered two items, each at this cost, in 1 and 3 seconds."""
    rows = [make_grade(name, "teacher", True, cost=cost, seconds=seconds) for name, seconds in (("a", 1.0), ("b", 3.0))]
    return read_costs(folder, written(folder, rows), log)


def training(folder: Path, name: str, **end: Any) -> None:
    (folder / "student").mkdir(parents=True, exist_ok=True)
    lines = [{"step": 1, "of": 2, "loss": 1.0}, {"done": True} | end] if end else [{"step": 1, "of": 2, "loss": 1.0}]
    (folder / "student" / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_bills(tmp_path: Path) -> None:
    """A reply counts once; one that is owed does not; one that was refused and billed to nobody costs nothing."""
    replies = [
        make_response("x", key="a", tokens_in=10, tokens_out=5, cost=0.5),
        make_response("x", key="a", tokens_in=10, tokens_out=5, cost=0.5),
        make_response("x", key="b", tokens_in=1, tokens_out=2, cost=0.25),
        make_response(None, key="c", finish="owed"),
        make_response(None, key="d", finish="error"),
    ]
    written(tmp_path, [])
    write_table(tmp_path, "2_responses", replies)
    write_table(tmp_path, "4_judgements", [make_response("x", key="j", tokens_in=7, tokens_out=1, cost=None)])
    teacher, judge = costs(tmp_path, 0.0).bills
    assert (teacher.calls, teacher.tokens_in, teacher.tokens_out, teacher.cost) == (3, 11, 7, 0.75)
    assert (judge.who, judge.calls, judge.cost) == ("models that filters asked", 1, None)


def test_trainings(tmp_path: Path) -> None:
    training(tmp_path, "distilled", steps=2, tokens=900, seconds=12.5, peak_bytes=1 << 30)
    training(tmp_path, "control", steps=2)
    training(tmp_path, "gold_labels")
    old, new = costs(tmp_path, 0.0).trainings
    assert (old.name, old.steps, old.tokens, old.seconds, old.peak_bytes) == ("control", 2, None, None, None)
    assert (new.name, new.steps, new.tokens, new.seconds, new.peak_bytes) == ("distilled", 2, 900, 12.5, 1 << 30)


def test_trainings_of_students_that_the_recipe_has_no_longer_are_not_told(tmp_path: Path) -> None:
    for name in ("distilled", "distilled-seed1", "distilled@50%", "control"):
        training(tmp_path, name, seconds=1.0)
    (tmp_path / "recipe.yaml").write_text("student: {baselines: []}\n")
    assert [each.name for each in costs(tmp_path, 0.0).trainings] == ["distilled"]


def test_calls_of_the_teacher(tmp_path: Path) -> None:
    rows = [make_grade("c", "teacher", True, seconds=0.0), make_grade("a", "distilled", True, seconds=9.0)]
    assert read_costs(tmp_path, written(tmp_path, rows), {}).calls == 0  # one that took no time was asked by others
    found = costs(tmp_path, 0.25)
    assert (found.calls, found.call_cost, found.call_seconds) == (2, 0.25, 2.0)
    rows = [make_grade(name, "teacher", True, cost=cost) for name, cost in (("a", 0.5), ("b", None), ("c", 0.25))]
    assert read_costs(tmp_path, written(tmp_path, rows), {}).call_cost == 0.375  # of those whose cost is known
    assert (costs(tmp_path, None).call_cost, costs(tmp_path, None).calls) == (None, 2)


def test_break_even_in_dollars(tmp_path: Path) -> None:
    """10 dollars of replies and 0.1 of judgements, at 0.25 a call: 40.4, so 41 calls."""
    written(tmp_path, [])
    write_table(tmp_path, "2_responses", [make_response("x", key=str(number), cost=1.0) for number in range(10)])
    write_table(tmp_path, "4_judgements", [make_response("x", key="j", cost=0.1)])
    even = costs(tmp_path, 0.25).break_even
    assert even is not None and (even.unit, even.invested, even.calls) == ("dollars", pytest.approx(10.1), 41)


def test_break_even_in_seconds(tmp_path: Path) -> None:
    """Two starts of generate took 100 s, the training 20 s; a call spares 0.5 s: 240 calls."""
    training(tmp_path, "distilled", seconds=20.0)
    write_table(tmp_path, "6_speed", [speed("teacher", 0.75), speed("distilled", 0.25)])
    starts = [{"verb": "generate", "seconds": 70.0}, {"verb": "train", "seconds": 9.0}, {"verb": "generate", "seconds": 30.0}]
    found = costs(tmp_path, 0.0, starts=starts)
    even = found.break_even
    assert even is not None and (even.unit, even.invested, even.calls) == ("seconds", 120.0, 240)
    assert [each.model for each in found.speeds] == ["distilled", "teacher"]


def test_a_student_that_is_no_faster_never_pays() -> None:
    assert BreakEven("seconds", 100.0, 0.5, 0.5).calls is None
    assert BreakEven("seconds", 100.0, 0.5, 0.75).calls is None


def test_what_is_unknown(tmp_path: Path) -> None:
    assert (costs(tmp_path, None).break_even, costs(tmp_path, None).unknown) == (
        None,
        "what a call of the teacher costs is unknown",
    )
    write_table(tmp_path, "2_responses", [make_response("x", cost=None)])
    paid = costs(tmp_path, 0.25)
    assert (paid.break_even, paid.unknown) == (None, "what some of the calls for the corpus cost is unknown")
    free = costs(tmp_path, 0.0)
    assert free.break_even is None and free.unknown.startswith("how fast both answer here")


def test_an_empty_run(tmp_path: Path) -> None:
    found = read_costs(tmp_path, written(tmp_path, []), {})
    assert (found.bills, found.trainings, found.speeds, found.calls, found.call_seconds) == ([], [], [], 0, None)

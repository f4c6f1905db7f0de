"""The mini world's stories of one step: the same for everybody, in no split of its source, and graded right."""

from __future__ import annotations

from pipeline.answers.grading import grade
from pipeline.benchmarks.mini import ITEMS, Mini
from pipeline.sources.mini import MiniSource

SINGLE = list(Mini(benchmark="mini:single").tasks(None))


def test_the_same_stories_whoever_asks() -> None:
    assert len(SINGLE) == len({task.id for task in SINGLE}) == ITEMS
    assert SINGLE[:20] == list(Mini(benchmark="mini:single", limit=20).tasks(5))
    assert SINGLE[:5] == list(Mini(benchmark="mini:single").tasks(5))
    assert SINGLE[0].id == "fb452d22b7d5194b"


def test_they_have_one_step_and_a_right_answer() -> None:
    assert all(task.extra["steps"] == 1 and task.extra["solution"].count("=") == 1 for task in SINGLE)
    assert {task.kind for task in SINGLE} == {"word_problem"} and {task.split for task in SINGLE} == {"mini:single"}
    assert all(grade(task, task.extra["solution"]).correct is True for task in SINGLE)
    assert not any(grade(task, f"The answer is {int(task.answer or 0) + 1}.").correct for task in SINGLE)


def test_no_split_of_the_source_holds_one() -> None:
    there = {task.id for task in MiniSource(kind="mini", limit=1500).tasks(("test", "ood"), 500)}
    assert not there & {task.id for task in SINGLE}

"""The student beside its teacher, item by item: how often they give the same answer, and where only one of them is right.

In: greedy grades; texts and prompts are read for the few items that are shown. Items with constraints have no answer to be
compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.report.sampled import comparable
from pipeline.report.scores import CHANGED, Score, shares
from pipeline.tables import read_frame, table_path

SAME, SAME_WRONG = "the teacher’s answer", "the teacher’s answer, where that is wrong"
SHOWN = 8
"""Items that are shown with all replies."""
BESIDE = ("distilled", "teacher", "control")
"""Whose replies are shown."""


@dataclass(frozen=True)
class Cells:
    """The items of a benchmark by who is right; the student is the distilled one of the first seed."""

    benchmark: str
    both: int
    student: int
    """Right for the student alone."""
    teacher: int
    """Right for the teacher alone."""
    neither: int


@dataclass(frozen=True)
class Failure:
    """An item on which the teacher is right and the student is not."""

    benchmark: str
    kind: str
    question: str
    expected: str
    replies: dict[str, str]
    """By model, as they wrote it."""


def agreement(frame: pl.DataFrame) -> list[Score]:
    """How often each model gives the teacher's answer, of the items to which the teacher gives one; and where that is wrong."""
    rows = frame.filter(pl.col("met").is_null())
    rows = rows.with_columns(said=comparable(rows))
    teacher = rows.filter((pl.col("model") == "teacher") & pl.col("said").is_not_null())
    teacher = teacher.select("benchmark", "task_id", theirs="said", wrong=~pl.col("correct"))
    both = rows.filter(pl.col("model") != "teacher").join(teacher, on=["benchmark", "task_id"], maintain_order="left")
    both = both.with_columns(value=(pl.col("said") == pl.col("theirs")).fill_null(False))
    return shares(pl.concat([_named(both, SAME), _named(both.filter("wrong"), SAME_WRONG)]))


def _named(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    return frame.with_columns(kind=pl.lit(kind))


def cells(frame: pl.DataFrame) -> list[Cells]:
    """Who is right, benchmark by benchmark, of the items that both answered."""
    counts = (
        _side_by_side(frame)
        .group_by("benchmark", maintain_order=True)
        .agg(
            (pl.col("student") & pl.col("teacher")).sum().alias("both"),
            (pl.col("student") & ~pl.col("teacher")).sum().alias("student_alone"),
            (~pl.col("student") & pl.col("teacher")).sum().alias("teacher_alone"),
            (~pl.col("student") & ~pl.col("teacher")).sum().alias("neither"),
        )
    )
    return [Cells(*row) for row in counts.iter_rows()]


def _side_by_side(frame: pl.DataFrame) -> pl.DataFrame:
    """benchmark, task_id, kind, and whether student and teacher are right."""
    distilled = pl.col("model") == "distilled"
    student = frame.filter(distilled).filter(pl.col("seed") == pl.col("seed").min())
    teacher = frame.filter(pl.col("model") == "teacher").select("benchmark", "task_id", teacher="correct")
    student = student.select("benchmark", "task_id", "kind", student="correct")
    return student.join(teacher, on=["benchmark", "task_id"], maintain_order="left")


def failures(folder: Path, frame: pl.DataFrame) -> list[Failure]:
    """Some of the items that only the teacher is right on, as evenly as can be from all benchmarks and kinds."""
    lost = _side_by_side(frame).filter(
        pl.col("teacher") & ~pl.col("student") & ~pl.col("benchmark").str.contains(CHANGED, literal=True)
    )
    turn = pl.int_range(pl.len()).over("benchmark", "kind")
    chosen = lost.with_columns(turn=turn).sort("turn", maintain_order=True).head(SHOWN)
    if chosen.is_empty():
        return []
    questions, replies = _questions(folder), _replies(folder, chosen)
    return [
        Failure(benchmark, kind, questions.get((benchmark, task_id), ""), *replies[benchmark, task_id])
        for benchmark, task_id, kind in chosen.select("benchmark", "task_id", "kind").iter_rows()
    ]


def _questions(folder: Path) -> dict[tuple[str, str], str]:
    """What was asked, by benchmark and item; nothing where an evaluation noted no items."""
    if not table_path(folder, "6_items").exists():
        return {}
    items = read_frame(folder, "6_items", ["benchmark", "id", "context", "prompt"])
    return {(benchmark, task): "\n\n".join(filter(None, said)) for benchmark, task, *said in items.iter_rows()}


def _replies(folder: Path, chosen: pl.DataFrame) -> dict[tuple[str, str], tuple[str, dict[str, str]]]:
    """The right answer and the first seed's replies, by benchmark and item."""
    columns = ["benchmark", "task_id", "model", "seed", "mode", "expected", "text"]
    rows = read_frame(folder, "6_evaluation", columns).filter((pl.col("mode") == "greedy") & pl.col("model").is_in(BESIDE))
    rows = rows.join(chosen.select("benchmark", "task_id"), on=["benchmark", "task_id"], how="semi")
    found: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
    for benchmark, task, model, expected, text in rows.sort("seed", descending=True).select(
        "benchmark", "task_id", "model", "expected", "text"
    ).iter_rows():  # fmt: skip
        found.setdefault((benchmark, task), (expected or "", {}))[1][model] = text
    return found

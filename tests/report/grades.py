"""Grades as the tests of figures need them: rows with every column that does not matter filled in, and frames of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.publication import write_table
from pipeline.records import Grade
from pipeline.report.scores import Score, read_grades


def make_grade(item: str, model: str, correct: bool | None, **fields: Any) -> Grade:
    given = {
        "benchmark": "mini:test", "task_id": item, "kind": "word_problem", "model": model, "mode": "greedy", "key": "k",
        "text": "The answer is 5.", "prediction": "5", "expected": "5", "correct": correct, "strict": correct, "loose": correct,
        "seconds": 0.5,
    }  # fmt: skip
    return Grade(**given | fields)


def written(folder: Path, grades: Iterable[Grade]) -> pl.DataFrame:
    """The rows in a run's table, and what the figures are made of."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder, "6_evaluation", list(grades))
    return read_grades(folder)


def counts(scores: Iterable[Score]) -> dict[tuple[str, str], tuple[int, int]]:
    """kind and model to how many of how many."""
    return {(score.kind, score.model): (score.right, score.of) for score in scores}

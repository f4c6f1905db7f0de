"""Evaluation items on which two models differ, side by side: as they were asked greedily, of the first training of each.

In: `6_evaluation`, and `6_items` for the questions. Out: how the items fall by who is right, and a page of those that are
looked for, with both replies.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import UserError
from pipeline.inspect.rows import read_numbered
from pipeline.report.scores import ordered
from pipeline.tables import check_table, readable, table_path

PAGE_ITEMS = 20
CASES = {
    "first": "only the first is right",
    "second": "only the second is right",
    "differ": "one of them is right",
    "answers": "their answers differ",
    "both": "both are right",
    "neither": "neither is right",
}
"""What can be looked for."""


@dataclass(frozen=True)
class Pair:
    """One item and two replies."""

    benchmark: str
    task_id: str
    kind: str
    question: str
    expected: str
    first: dict[str, Any]
    """prediction, text and correct."""
    second: dict[str, Any]


@dataclass(frozen=True)
class Differing:
    """Two models on the items both were asked."""

    counts: dict[str, int]
    """Items by case."""
    pairs: list[Pair]
    more: bool


def graded(folder: Path) -> tuple[list[str], list[str]]:
    """The models and the benchmarks of an evaluation."""
    check_table(folder, "6_evaluation")
    with readable(table_path(folder, "6_evaluation")):
        rows = pl.scan_parquet(table_path(folder, "6_evaluation")).filter(pl.col("mode") == "greedy")
        names = rows.select("model", "benchmark").unique().sort("benchmark", "model").collect()
    return ordered(names["model"]), list(dict.fromkeys(names["benchmark"]))


def read_differing(folder: Path, first: str, second: str, case: str, benchmark: str = "", page: int = 0) -> Differing:
    """The items of a case.

    Args:
        benchmark: only of this; of all unless it is said.

    Raises:
        UserError: there is no such model, benchmark or case.
    """
    models, benchmarks = graded(folder)
    for name, those in ((first, models), (second, models), (benchmark or benchmarks[0], benchmarks), (case, list(CASES))):
        if name not in those:
            raise UserError(f"evaluation: there is no {name[:80]!r}", f"There are {', '.join(those)}.")
    with readable(table_path(folder, "6_evaluation")):
        scan = pl.scan_parquet(table_path(folder, "6_evaluation")).with_row_index("row").filter(pl.col("mode") == "greedy")
        narrow = scan.filter(pl.col("model").is_in([first, second]))
        if benchmark:
            narrow = narrow.filter(pl.col("benchmark") == benchmark)
        rows = narrow.select("row", "benchmark", "task_id", "model", "seed", "correct", "prediction").collect()
    both = _of(rows, first).join(_of(rows, second), on=["benchmark", "task_id"], suffix="_other", maintain_order="left")
    fits = _fits()
    counts = both.select(**{name: fits[name].sum() for name in CASES}).row(0, named=True)
    chosen = both.filter(fits[case]).slice(page * PAGE_ITEMS, PAGE_ITEMS + 1)
    return Differing(counts, _pairs(folder, chosen.head(PAGE_ITEMS)), len(chosen) > PAGE_ITEMS)


def _of(rows: pl.DataFrame, model: str) -> pl.DataFrame:
    mine = rows.filter(pl.col("model") == model).sort("seed", maintain_order=True)
    return mine.unique(["benchmark", "task_id"], keep="first", maintain_order=True).drop("model", "seed")


def _fits() -> dict[str, pl.Expr]:
    here, there = pl.col("correct").fill_null(False), pl.col("correct_other").fill_null(False)
    return {
        "first": here & ~there,
        "second": there & ~here,
        "differ": here != there,
        "answers": pl.col("prediction").ne_missing(pl.col("prediction_other")),
        "both": here & there,
        "neither": ~here & ~there,
    }


def _pairs(folder: Path, chosen: pl.DataFrame) -> list[Pair]:
    wanted = ("kind", "text", "prediction", "expected", "correct")
    mine, theirs = (read_numbered(folder, "6_evaluation", chosen[name].to_list(), wanted) for name in ("row", "row_other"))
    questions = _questions(folder, chosen["task_id"].to_list())
    return [
        Pair(name, task, one["kind"], questions.get((name, task), ""), one["expected"] or "", one, other)
        for (name, task), one, other in zip(chosen.select("benchmark", "task_id").iter_rows(), mine, theirs, strict=True)
    ]


def _questions(folder: Path, tasks: list[str]) -> dict[tuple[str, str], str]:
    """What was asked, by benchmark and item; nothing where an evaluation noted no items."""
    path = table_path(folder, "6_items")
    if not path.exists():
        return {}
    check_table(folder, "6_items")
    with readable(path):
        items = pl.scan_parquet(path).filter(pl.col("id").is_in(tasks)).select("benchmark", "id", "context", "prompt").collect()
    return {(benchmark, task): "\n\n".join(filter(None, said)) for benchmark, task, *said in items.iter_rows()}

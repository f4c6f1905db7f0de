"""Where the items are others than those trained on: changed on purpose, adversarial, out of distribution; and faithfulness.

In: grades, and the items of `6_items`. Out: scores whose `kind` is the row of a table. The success of an attack is the share of
items right as they were that are wrong as changed. For adversarial sets without originals it is 100 less the accuracy, as in
Wang et al. 2023 (arXiv 2302.12095).
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from pipeline.report.scores import CHANGED, Score, shares
from pipeline.tables import read_frame, table_path

ADVERSARIAL = "adversarial_glue"
"""Kind of the items that were published under attack, without their originals."""
BEFORE, AFTER, ATTACKED = "right, unchanged", "right, changed", "attack succeeds"


def read_items(folder: Path) -> pl.DataFrame | None:
    """What the items are; None where an evaluation noted none."""
    if not table_path(folder, "6_items").exists():
        return None
    return read_frame(folder, "6_items", ["benchmark", "id", "original", "prompt", "context", "extra"])


def changed(frame: pl.DataFrame, items: pl.DataFrame) -> list[Score]:
    """For each benchmark of changed items: accuracy on the same items before and after, and how often the attack succeeds."""
    links = items.filter(pl.col("original").is_not_null()).select("benchmark", "original", task_id="id")
    after = frame.join(links, on=["benchmark", "task_id"])
    before = frame.select(
        "model", "seed", source="benchmark", original="task_id", before="correct",
    ).unique(["model", "seed", "source", "original"])  # fmt: skip
    source = pl.col("benchmark").str.split(CHANGED).list.first()
    both = after.with_columns(source=source).join(before, on=["model", "seed", "source", "original"], maintain_order="left")
    counted = {
        BEFORE: (pl.col("before"), pl.lit(True)),
        AFTER: (pl.col("correct"), pl.lit(True)),
        ATTACKED: (pl.col("before") & ~pl.col("correct"), pl.col("before")),
    }
    return shares(pl.concat([_rows(both, name, *parts) for name, parts in counted.items()]))


def _rows(frame: pl.DataFrame, kind: str, value: pl.Expr, weight: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(kind=pl.lit(kind), value=value.cast(pl.Int64), weight=weight.cast(pl.Int64))


def adversarial(frame: pl.DataFrame, items: pl.DataFrame) -> list[Score]:
    """By subtask, of items of adversarial sets: 100 less the accuracy."""
    named = items.filter(pl.col("extra").str.contains('"subtask"', literal=True)).select("benchmark", "extra", task_id="id")
    subtask = pl.col("extra").map_elements(_subtask, return_dtype=pl.String)
    rows = frame.filter(pl.col("kind") == ADVERSARIAL).join(
        named.with_columns(subtask=subtask).drop_nulls("subtask"), on=["benchmark", "task_id"]
    )
    return shares(rows.with_columns(kind="subtask", value=~pl.col("correct")))


def _subtask(extra: str) -> str | None:
    found = json.loads(extra).get("subtask")
    return None if found is None else str(found)


def faithfulness(grades: pl.DataFrame) -> list[Score]:
    """How often an answer follows a rationale whose last number was changed."""
    rows = grades.filter(pl.col("mode") == "swapped")
    return shares(rows.with_columns(kind=pl.lit("the answer follows"), value="correct"))


def elsewhere(scores: list[Score], home: str = ":test", away: str = ":ood") -> list[tuple[Score, Score]]:
    """Each model's score on the test split of a source, and on its out-of-distribution split."""
    there = {(score.benchmark, score.model): score for score in scores}
    pairs = []
    for score in scores:
        other = there.get((score.benchmark.removesuffix(home) + away, score.model))
        if score.benchmark.endswith(home) and other is not None:
            pairs.append((score, other))
    return pairs

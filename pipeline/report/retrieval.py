"""Students that decide whether to look something up: how often they do, and how often they are right when they do and do not.

In: greedy replies that begin with a decision on a line of its own, as those of the method `knowledge_boundary` do. Out: scores
whose `kind` is the row of a table. Items that a model answered without a decision count for none of its rows.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipeline.methods.knowledge_boundary import ANSWER, RETRIEVE
from pipeline.report.scores import Score, greedy, shares
from pipeline.tables import read_frame

LOOKED_UP, RIGHT_LOOKED_UP, RIGHT_BY_HEART = "looked up", "right, looked up", "right, from memory"


def read_retrieval(folder: Path) -> list[Score]:
    """The share of look-ups and the accuracy with and without, for each benchmark and model; none where nobody decides."""
    columns = ["benchmark", "task_id", "model", "seed", "mode", "text", "correct"]
    said = pl.col("text").str.extract(rf"\A({ANSWER}|{RETRIEVE})\n")
    frame = greedy(read_frame(folder, "6_evaluation", columns)).with_columns(said=said).drop_nulls(["said", "correct"])
    looked_up = pl.col("said") == RETRIEVE
    counted = {
        LOOKED_UP: (looked_up, pl.lit(True)),
        RIGHT_LOOKED_UP: (pl.col("correct"), looked_up),
        RIGHT_BY_HEART: (pl.col("correct"), ~looked_up),
    }
    rows = [
        frame.with_columns(kind=pl.lit(kind), value=value.cast(pl.Int64), weight=weight.cast(pl.Int64))
        for kind, (value, weight) in counted.items()
    ]
    return shares(pl.concat(rows))

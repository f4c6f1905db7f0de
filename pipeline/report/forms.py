"""Accuracy looked at more closely: in the form asked for or not, by IFEval's four measures, by level, by size of the corpus.

In: greedy grades. Out: scores whose `kind` is the row of a table: a reading, a measure, a level.
"""

from __future__ import annotations

import polars as pl

from pipeline.report.scores import Score, corpus_share, shares

STRICT, LENIENT, UNFORMED = "right, in the form asked for", "right", "right, but not in that form"
SILENT, CUT = "no answer found", "cut off"
MEASURES = {
    "prompts, strict": "strict", "prompts, loose": "loose", "instructions, strict": "met", "instructions, loose": "met_loosely",
}  # fmt: skip
"""IFEval's measures (Zhou et al. 2023, arXiv 2311.07911), and the columns they are of."""


def forms(frame: pl.DataFrame) -> list[Score]:
    """Right answers strictly and leniently read, those lost by their form alone, and replies without any answer or cut off.

    Tasks with constraints have no answer to find, and are left out, as are benchmarks without a strict reading.
    """
    rows = _answers(frame)
    readings = {
        STRICT: pl.col("strict"),
        LENIENT: pl.col("correct"),
        UNFORMED: pl.col("correct") & ~pl.col("strict"),
        SILENT: pl.col("prediction").is_null(),
        CUT: pl.col("finish").eq("length").fill_null(False),
    }
    return shares(pl.concat([rows.with_columns(kind=pl.lit(name), value=value) for name, value in readings.items()]))


def _answers(frame: pl.DataFrame) -> pl.DataFrame:
    noted = pl.col("strict").is_not_null().any().over("benchmark")
    return frame.filter(pl.col("met").is_null() & noted).with_columns(pl.col("strict").fill_null(False))


def constraints(frame: pl.DataFrame) -> list[Score]:
    """IFEval's measures: prompts of which all constraints are met, and constraints that are met, strictly and loosely.

    A constraint nobody could check is not met. The constraints of one prompt are drawn together for the interval.
    """
    rows = frame.filter(pl.col("met").is_not_null() & pl.col("met_loosely").is_not_null())
    parts = [rows.with_columns(kind=pl.lit(name), **_counted(column)) for name, column in MEASURES.items()]
    return shares(pl.concat(parts))


def _counted(column: str) -> dict[str, pl.Expr]:
    """Value and weight: one a prompt, or as many as it has constraints."""
    if column in ("strict", "loose"):
        return {"value": pl.col(column).fill_null(False).cast(pl.Int64), "weight": pl.lit(1, pl.Int64)}
    met = pl.col(column)
    return {"value": met.list.sum().cast(pl.Int64), "weight": met.list.len().cast(pl.Int64)}


def levels(frame: pl.DataFrame) -> list[Score]:
    """Right answers by how hard the items are, the levels in their order; none where nobody said it."""
    rows = frame.filter(pl.col("level").is_not_null())
    number = pl.col("level").cast(pl.Float64, strict=False)
    rows = rows.sort(number, "level", nulls_last=True, maintain_order=True)
    return shares(rows.with_columns(kind="level", value="correct"))


def efficiency(scores: list[Score]) -> dict[str, list[tuple[float, Score]]]:
    """For each benchmark the percent of the corpus and the score it brought, from the untouched student at 0 to all of it.

    Args:
        scores: of one kind of items, or all kinds together.
    """
    curves: dict[str, list[tuple[float, Score]]] = {}
    for score in scores:
        if score.model == "base" or score.model.partition("@")[0] == "distilled":
            share = 0.0 if score.model == "base" else corpus_share(score.model)
            curves.setdefault(score.benchmark, []).append((share, score))
    found = {name: sorted(points, key=lambda point: point[0]) for name, points in curves.items()}
    return {name: points for name, points in found.items() if any("@" in score.model for _, score in points)}

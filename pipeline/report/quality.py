"""How good a filter is where labels are known: is what it drops bad, how much of the bad goes, how good is what it keeps.

In: a frame with a row a sample: `score` (null where there is none), `decision` (keep, drop or unverifiable) and `label` (true
for a good sample; rows where it is null are left out). Out: shares with Wilson intervals, and a sweep over thresholds as in
symbolic knowledge distillation (West et al. 2022, arXiv 2110.07178): how much each would keep, and how good that would be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from pipeline.statistics import Proportion

MOST_THRESHOLDS = 20
"""In one direction."""
Direction = Literal["above", "below"]
"""Which scores are kept: those at or above a threshold, or at or below it."""


@dataclass(frozen=True)
class Quality:
    """One filter against labels. What it cannot verify is neither kept nor dropped."""

    accuracy: Proportion
    """Good ones among all samples: what keeping everything, or dropping at random, gives."""
    kept: Proportion
    """Kept ones among all."""
    kept_accuracy: Proportion
    """Good ones among those kept."""
    drop_precision: Proportion
    """Bad ones among those dropped."""
    drop_recall: Proportion
    """Dropped ones among those that are bad."""
    unverifiable: Proportion
    """Those that nobody could tell among all."""


@dataclass(frozen=True)
class Threshold:
    """What another threshold would keep."""

    direction: Direction
    score: float
    kept: Proportion
    """Kept ones among all samples; one without a score is not kept."""
    accuracy: Proportion
    """Good ones among those kept."""


def quality(words: pl.DataFrame) -> Quality:
    """The filter's decisions against the labels."""
    counts = _labelled(words).group_by("decision", "label").len().rows()
    cells = {(decision, label): count for decision, label, count in counts}

    def samples(decisions: Iterable[str], labels: Iterable[bool] = (True, False)) -> int:
        return sum(cells.get((decision, label), 0) for decision in decisions for label in labels)

    every = ("keep", "drop", "unverifiable")
    total = samples(every)
    return Quality(
        accuracy=Proportion(samples(every, [True]), total),
        kept=Proportion(samples(["keep"]), total),
        kept_accuracy=Proportion(samples(["keep"], [True]), samples(["keep"])),
        drop_precision=Proportion(samples(["drop"], [False]), samples(["drop"])),
        drop_recall=Proportion(samples(["drop"], [False]), samples(every, [False])),
        unverifiable=Proportion(samples(["unverifiable"]), total),
    )


def sweep(words: pl.DataFrame) -> list[Threshold]:
    """What each of some thresholds would keep, the lowest score first; none where there are no scores.

    Thresholds are scores that occur, as evenly as can be by the samples between them. Swept is the direction that the filter's
    decisions show; both, first `above`, where they show none: as for a band, or where all are kept.
    """
    labelled = _labelled(words)
    scored = labelled.filter(pl.col("score").is_not_null())
    by_score = scored.group_by("score").agg(samples=pl.len(), good=pl.col("label").sum()).sort("score")
    return [each for direction in directions(words) for each in _sweep(by_score, direction, labelled.height)]


def directions(words: pl.DataFrame) -> tuple[Direction, ...]:
    """Which scores the filter keeps: the high ones, the low ones; both where its decisions do not tell."""
    scored = words.filter(pl.col("score").is_not_null())
    kept, dropped = (scored.filter(pl.col("decision") == decision)["score"] for decision in ("keep", "drop"))
    if kept.is_empty() or dropped.is_empty():
        return "above", "below"
    (kept_low, kept_high), (dropped_low, dropped_high) = _range(kept), _range(dropped)
    if kept_low >= dropped_high and kept_high > dropped_low:
        return ("above",)
    return ("below",) if kept_high <= dropped_low and kept_low < dropped_high else ("above", "below")


def _range(scores: pl.Series) -> tuple[float, float]:
    return float(scores.min()), float(scores.max())  # type: ignore[arg-type]


def _labelled(words: pl.DataFrame) -> pl.DataFrame:
    return words.filter(pl.col("label").is_not_null())


def _sweep(by_score: pl.DataFrame, direction: Direction, total: int) -> list[Threshold]:
    """The thresholds of one direction, from a row a distinct score, ascending."""
    reverse = direction == "above"
    kept = by_score.with_columns(pl.col("samples", "good").cum_sum(reverse=reverse))
    chosen = kept[_even(by_score["samples"].cum_sum().to_list(), MOST_THRESHOLDS)]
    return [
        Threshold(direction, score, Proportion(samples, total), Proportion(good, samples))
        for score, samples, good in chosen.select("score", "samples", "good").iter_rows()
    ]


def _even(up_to: list[int], most: int) -> list[int]:
    """At most `most` places, first and last among them, as many samples apart as can be.

    Args:
        up_to: how many samples there are up to each place.
    """
    if len(up_to) <= most:
        return list(range(len(up_to)))
    wanted = [up_to[0] + (up_to[-1] - up_to[0]) * step / (most - 1) for step in range(most)]
    places: list[int] = []
    place = 0
    for samples in wanted:
        while up_to[place] < samples:
            place += 1
        if not places or places[-1] != place:
            places.append(place)
    return places

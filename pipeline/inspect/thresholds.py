"""The scores of one filter: what another threshold would keep, how good that would be, and the samples at the edge.

In: `4_verdicts`, and labels where the run's recipe names a file of them. Out: figures of any threshold, at once, out of the
scores sorted once; and which dropped samples are the sharpest cases of a reason and which the mildest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pipeline.filters.labels import LabelFile
from pipeline.identity import Stamp, stamp
from pipeline.inspect.labels import labels_of_samples
from pipeline.inspect.rows import read_numbered
from pipeline.report.quality import Direction, directions
from pipeline.statistics import Proportion
from pipeline.tables import check_table, readable, table_path

EDGE = 3
"""Samples shown on each side of a threshold, and as the sharpest and the mildest of a reason."""
STEPS = 200
"""Places of the slider."""
Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Kept:
    """What a threshold keeps."""

    kept: Proportion
    """Of all samples the filter judged; one without a score is not kept."""
    good: Proportion | None
    """Good ones among the labelled ones that are kept; None without labels."""
    found: Proportion | None
    """Kept ones among the labelled ones that are good."""


@dataclass(frozen=True)
class Scores:
    """All scores of one filter."""

    filter: str
    directions: tuple[Direction, ...]
    """Which scores its decisions keep; both where they do not tell."""
    judged: int
    kept_now: int
    values: Numbers
    """Ascending."""
    labelled: Numbers
    """Scores of the labelled samples, ascending."""
    labels: Numbers
    """Whether each of these is good."""

    def at(self, threshold: float, direction: Direction) -> Kept:
        """What is kept where scores at or above, or at or below, a threshold are."""
        kept = _count(self.values, threshold, direction)
        if not len(self.labelled):
            return Kept(Proportion(kept, self.judged), None, None)
        labelled, good = (_count(each, threshold, direction) for each in (self.labelled, self._good))
        return Kept(Proportion(kept, self.judged), Proportion(good, labelled), Proportion(good, len(self._good)))

    @cached_property
    def places(self) -> list[float]:
        """Scores the slider stops at, ascending: as evenly as can be by the samples between them, and around where it is."""
        last = len(self.values) - 1
        if last < 0:
            return []
        chosen = {*np.linspace(0, last, STEPS).round().astype(int)}
        for now in np.clip([len(self.values) - self.kept_now, self.kept_now - 1], 0, last):
            same = [int(np.searchsorted(self.values, self.values[now], side)) for side in ("left", "right")]
            chosen |= {now, max(same[0] - 1, 0), min(same[1], last)}
        return sorted({float(self.values[each]) for each in chosen if np.isfinite(self.values[each])})

    @cached_property
    def slides(self) -> bool:
        """Whether there is a threshold to move: not where all scores are 0 and 1, which say no and yes, or the same."""
        return len(self.places) > 1 and not np.isin(self.values, (0, 1)).all()

    @cached_property
    def _good(self) -> Numbers:
        return self.labelled[self.labels]


def _count(ascending: Numbers, threshold: float, direction: Direction) -> int:
    if direction == "above":
        return len(ascending) - int(np.searchsorted(ascending, threshold, "left"))
    return int(np.searchsorted(ascending, threshold, "right"))


def read_scores(folder: Path, name: str, labels: LabelFile | None = None) -> Scores:
    """The scores of a filter; kept in memory until a table, or the file of labels, changes."""
    check_table(folder, "4_verdicts")
    rests_on = [table_path(folder, "4_verdicts")]
    if labels is not None:
        rests_on += [table_path(folder, "1_tasks"), table_path(folder, "3_samples"), *([labels.path] if labels.path else [])]
    return _scores(tuple(stamp(path.absolute()) for path in rests_on if path.is_file()), folder, name, labels)


@lru_cache(maxsize=8)
def _scores(_files: tuple[Stamp, ...], folder: Path, name: str, labels: LabelFile | None) -> Scores:
    with readable(table_path(folder, "4_verdicts")):
        mine = pl.scan_parquet(table_path(folder, "4_verdicts")).filter(pl.col("filter") == name)
        words = mine.select("score", pl.col("decision").cast(pl.Categorical), sample=pl.col("sample_id").hash()).collect()
    scored = words.filter(pl.col("score").is_not_null())
    none = pl.DataFrame(schema={"sample": pl.UInt64, "label": pl.Boolean})
    known = none if labels is None or scored.is_empty() else labels_of_samples(folder, labels)
    labelled = scored.join(known, on="sample").sort("score")
    return Scores(
        name, directions(words), words.height, int((words["decision"] == "keep").sum()),
        scored["score"].sort().to_numpy(), labelled["score"].to_numpy(), labelled["label"].to_numpy(),
    )  # fmt: skip


def edge(folder: Path, name: str, threshold: float, direction: Direction) -> dict[str, list[dict[str, Any]]]:
    """The samples whose scores lie nearest to a threshold, on the side that it keeps and on the other."""
    above = direction == "above"
    score = pl.col("score")
    kept = score >= threshold if above else score <= threshold
    mine = (pl.col("filter") == name) & score.is_not_null()
    return {
        "kept": _some(folder, mine & kept, descending=not above),
        "dropped": _some(folder, mine & ~kept, descending=above),
    }


def cases(folder: Path, name: str, reason: str, direction: Direction) -> dict[str, list[dict[str, Any]]]:
    """The sharpest and the mildest samples dropped for a reason, by their scores; the first ones where there are none."""
    mine = (pl.col("filter") == name) & (pl.col("decision") != "keep") & (pl.col("reason") == reason)
    with readable(table_path(folder, "4_verdicts")):
        scored = pl.scan_parquet(table_path(folder, "4_verdicts")).filter(mine).select(pl.col("score").count()).collect().item()
    if not scored:
        return {"for example": _some(folder, mine, None)}
    above = direction == "above"
    return {"mildest": _some(folder, mine, descending=above), "sharpest": _some(folder, mine, descending=not above)}


def _some(folder: Path, where: pl.Expr, descending: bool | None) -> list[dict[str, Any]]:
    """A few verdicts in the order of their scores, or of the table, with prompt and target of their samples."""
    check_table(folder, "4_verdicts")
    with readable(table_path(folder, "4_verdicts")):
        fitting = pl.scan_parquet(table_path(folder, "4_verdicts")).filter(where)
        if descending is not None:
            fitting = fitting.filter(pl.col("score").is_not_null())
            fitting = fitting.select("sample_id", "score", "detail").sort("score", descending=descending, maintain_order=True)
        rows = fitting.select("sample_id", "score", "detail").head(EDGE).collect(engine="streaming").to_dicts()
    told = _texts(folder, [row["sample_id"] for row in rows])
    return [row | told.get(row["sample_id"], {"prompt": "", "target": ""}) for row in rows]


def _texts(folder: Path, ids: list[str]) -> dict[str, dict[str, str]]:
    path = table_path(folder, "3_samples")
    if not ids or not path.exists():
        return {}
    check_table(folder, "3_samples")
    with readable(path):
        numbered = pl.scan_parquet(path).select("id").with_row_index("row")
        numbers = numbered.filter(pl.col("id").is_in(ids)).collect()["row"].to_list()
    rows = read_numbered(folder, "3_samples", numbers, ("id", "messages", "target"))
    asked = {row["id"]: row["messages"][-1]["content"] if row["messages"] else "" for row in rows}
    return {row["id"]: {"prompt": asked[row["id"]], "target": row["target"]} for row in rows}

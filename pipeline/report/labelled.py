"""Each filter of a run against the labels people gave to its samples, where the recipe names a file of them.

In: `labels` of the run's recipe, its samples and verdicts. Out: for every filter how good its drops and what it kept are, with
intervals, and what other thresholds would have kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.filters.labels import LabelFile
from pipeline.report.quality import Quality, Threshold, quality, sweep
from pipeline.shards import tasks_and_samples
from pipeline.tables import check_table, readable, table_path


@dataclass(frozen=True)
class Labelled:
    """One filter against the labels of the samples it judged."""

    filter: str
    samples: int
    """Labelled samples that it judged."""
    quality: Quality
    sweep: list[Threshold]


def read_labelled(folder: Path, filters: Sequence[str], labels: LabelFile) -> list[Labelled]:
    """The filters of a run against labels; a filter that judged no labelled sample is left out.

    Raises:
        UserError: the file of labels is not there, or not to be read.
    """
    known = labelled_samples(folder, labels)
    found = []
    for name in filters:
        with readable(table_path(folder, "4_verdicts")):
            scan = pl.scan_parquet(table_path(folder, "4_verdicts")).filter(pl.col("filter") == name)
            words = scan.select(sample=pl.col("sample_id").hash(), decision="decision", score="score").collect()
        words = words.join(known, on="sample")
        if len(words):
            found.append(Labelled(name, len(words), quality(words), sweep(words)))
    return found


def labelled_samples(folder: Path, labels: LabelFile) -> pl.DataFrame:
    """Columns sample (its id, hashed) and label, for the samples that have one."""
    for table in ("1_tasks", "3_samples"):
        check_table(folder, table)
    ids: list[str] = []
    given: list[bool] = []
    of_rows = labels.labels_of(tasks_and_samples(folder))
    for (_, sample), label in zip(tasks_and_samples(folder), of_rows, strict=True):
        if label is not None:
            ids.append(sample.id)
            given.append(label)
    frame = pl.DataFrame({"sample": ids, "label": given}, schema={"sample": pl.String, "label": pl.Boolean})
    return frame.unique("sample", maintain_order=True).with_columns(pl.col("sample").hash())

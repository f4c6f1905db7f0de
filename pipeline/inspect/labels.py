"""The labels that people gave to the samples of a run, where its recipe names a file of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters.labels import LabelFile
from pipeline.recipe import read_yaml
from pipeline.records import Sample, Task
from pipeline.report.labelled import labelled_samples
from pipeline.tables import check_table, readable, table_path

AT_ONCE = 50_000
"""Samples whose ids are held together."""


def label_file(folder: Path) -> LabelFile | None:
    """The file of labels that the run's recipe names; None where it names none.

    Raises:
        UserError: the recipe's labels are broken.
    """
    path = folder / "recipe.yaml"
    named = read_yaml(path).get("labels") if path.is_file() else None
    if named is None:
        return None
    try:
        return LabelFile.model_validate(named)
    except ValidationError as error:
        raise UserError(f"{path}: labels: {error.errors()[0]['msg']}", "Mend `labels` there, or remove it.") from None


def labels_of_samples(folder: Path, labels: LabelFile) -> pl.DataFrame:
    """Columns sample (its id, hashed) and label of the samples that have one.

    Labels that name samples by their ids are found by these alone; others need the texts, which takes longer.

    Raises:
        UserError: the file of labels is not there, or not to be read.
    """
    if labels.fields.id is None:
        return labelled_samples(folder, labels)
    check_table(folder, "3_samples")
    given = zip(_ids(folder), labels.labels_of(_named(folder)), strict=True)
    found = [(each, label) for each, label in given if label is not None]
    frame = pl.DataFrame(found, schema={"sample": pl.String, "label": pl.Boolean}, orient="row")
    return frame.unique("sample", maintain_order=True).with_columns(pl.col("sample").hash())


def _ids(folder: Path) -> Iterator[str]:
    with readable(table_path(folder, "3_samples")):
        for part in pl.scan_parquet(table_path(folder, "3_samples")).select("id").collect().iter_slices(AT_ONCE):
            yield from part["id"]


def _named(folder: Path) -> Iterator[tuple[Task, Sample]]:
    """Samples of which nothing is known but their ids: labels that go by ids look at nothing else."""
    task = Task(id="", source="", split="", kind="", prompt="")
    about: dict[str, Any] = dict.fromkeys(Sample.model_fields, "")
    return ((task, Sample.model_construct(**about | {"id": each})) for each in _ids(folder))

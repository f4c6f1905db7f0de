"""Tasks from a file: JSON lines, CSV or Parquet, columns named in the recipe.

A row's split follows from the hash of its id, so it is known before anything is sampled and never moves when rows are added.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import PositiveInt

from pipeline.errors import UserError
from pipeline.logs import read_json_lines
from pipeline.records import Frozen, Task
from pipeline.sources.tasks import Fields, Share, read_task, split_of


class FileSource(Frozen):
    """Rows of a file."""

    kind: Literal["jsonl", "csv", "parquet"]
    """Its format."""
    path: Path
    """Where it lies."""
    fields: Fields = Fields()
    """Which columns hold what."""
    task_kind: str = "question"
    """The kind its tasks are of."""
    limit: PositiveInt | None = None
    """Take the first so many rows."""
    dev_share: Annotated[float, Share] = 0.05
    """Share of the tasks whose examples are not trained on; the loss on them is watched."""
    test_share: Annotated[float, Share] = 0.1
    """Share of the tasks kept for evaluation; no teacher is asked about them."""

    def tasks(self, evaluation: tuple[str, ...], evaluation_limit: int | None) -> Iterator[Task]:
        """All tasks in the order of the file.

        Raises:
            UserError: the file is not there or cannot be read, or a row does not have the named columns.
        """
        if not self.path.is_file():
            raise UserError(f"source.path: {self.path} does not exist", "Name the file with --set source.path=….")
        taken = {split: 0 for split in evaluation if split != "dev"}
        for place, row in islice(self._rows(), self.limit):
            task = read_task(row, self.fields, self.task_kind, f"{self.kind}:{self.path.name}", place)
            split = split_of(task.id, self.dev_share, self.test_share)
            if split in taken:
                taken[split] += 1
            if split in ("train", "dev") or evaluation_limit is None or taken.get(split, 0) <= evaluation_limit:
                yield task.model_copy(update={"split": split})

    def _rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        if self.kind == "jsonl":
            for number, row in read_json_lines(self.path):
                yield f"{self.path}, line {number}", row
            return
        number = 0
        try:
            # CSV as text: "05" stays so, and an answer in row 101 may have a fraction
            frames = pl.scan_csv(self.path, infer_schema=False) if self.kind == "csv" else pl.scan_parquet(self.path)
            for frame in frames.collect_batches():
                for row in frame.iter_rows(named=True):
                    number += 1
                    yield f"{self.path}, row {number}", row
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UserError(
                f"{self.path}: cannot be read as {self.kind}: {str(error).splitlines()[0]}", "Is source.kind right?"
            ) from None

"""Tasks from a file: JSON lines, a JSON list, CSV or Parquet, columns named in the recipe.

A row's split follows from the hash of its id, so it is known before anything is sampled and never moves when rows are added.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Annotated, Literal

from pydantic import model_validator

from pipeline.errors import UserError
from pipeline.logs import read_table
from pipeline.records import Frozen, Limit, Task
from pipeline.settings import HomePath
from pipeline.sources.tasks import Fields, Licence, Share, read_task, split_of


class FileSource(Frozen):
    """Rows of a file."""

    kind: Literal["jsonl", "json", "csv", "parquet"]
    """Its format."""
    path: HomePath
    """Where it lies."""
    licence: Licence | None = None
    """What its rows may be used under, such as MIT; cards name it, and nothing else depends on it."""
    fields: Fields = Fields()
    """Which columns hold what."""
    task_kind: str = "question"
    """The kind its tasks are of."""
    limit: Limit | None = None
    """Take the first so many rows."""
    dev_share: Annotated[float, Share] = 0.05
    """Share of the tasks whose examples are not trained on; the loss on them is watched."""
    test_share: Annotated[float, Share] = 0.1
    """Share of the tasks kept for evaluation; no teacher is asked about them."""

    @model_validator(mode="after")
    def _leaves_something(self) -> FileSource:
        if self.dev_share + self.test_share >= 1:
            raise ValueError("dev_share and test_share together leave nothing to train on")
        return self

    def tasks(self, evaluation: tuple[str, ...], evaluation_limit: int | None) -> Iterator[Task]:
        """All tasks in the order of the file.

        Raises:
            UserError: the file is not there or cannot be read, or a row does not have the named columns.
        """
        if not self.path.is_file():
            raise UserError(f"source.path: {self.path} does not exist", "Name the file with --set source.path=….")
        taken = {split: 0 for split in evaluation if split != "dev"}
        source, split = f"{self.kind}:{self.path.name}", partial(split_of, dev_share=self.dev_share, test_share=self.test_share)
        for place, row in islice(read_table(self.path, self.kind), self.limit):
            task = read_task(row, self.fields, self.task_kind, source, place, split)
            if task.split in taken:
                taken[task.split] += 1
            if task.split in ("train", "dev") or evaluation_limit is None or taken.get(task.split, 0) <= evaluation_limit:
                yield task

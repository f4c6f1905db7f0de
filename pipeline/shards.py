"""The samples of a run as shards: runs of rows that hold whole tasks, small enough for one process to judge at a time.

In: `1_tasks` and `3_samples`, which lie in the same order. Out: where each shard begins, and for every sample the number of its
task and the code of its kind, as arrays; texts are read again where they are needed, a thousand rows at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from pipeline.errors import UserError
from pipeline.records import Sample, Task
from pipeline.tables import read_rows, readable, table_path

SHARD = 50_000
"""Samples of a shard, but for its last task's: judged in a second or a few, and its words take a few megabytes."""
FRAME = 4_000
"""Samples in a frame of survivors."""
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Shard:
    """Samples `start` to `stop` of the table, and the row of the first one's task."""

    number: int
    start: int
    stop: int
    task: int


@dataclass(frozen=True)
class Shards:
    """Where the samples of a run lie."""

    folder: Path
    task: np.ndarray[Any, np.dtype[np.uint32]]
    """Of each sample, the row of its task in `1_tasks`."""
    kind: np.ndarray[Any, np.dtype[np.uint32]]
    """Of each sample, its task's kind, as a place in `kinds`."""
    kinds: list[str]
    shards: list[Shard]

    def __len__(self) -> int:
        return len(self.task)

    def of_kinds(self, kinds: Sequence[str] | None) -> Flags:
        """Which samples belong to tasks of these kinds; all where None."""
        if kinds is None:
            return np.ones(len(self), dtype=bool)
        return np.isin(self.kind, [code for code, kind in enumerate(self.kinds) if kind in kinds])


def read_shards(folder: Path, rows: int = SHARD) -> Shards:
    """Where the samples of a run lie, in shards of about so many rows.

    Raises:
        UserError: a sample's task is not there, or not where the order of the tables has it.
    """
    with readable(table_path(folder, "1_tasks")):
        lazy = pl.scan_parquet(table_path(folder, "1_tasks"), row_index_name="task")
        tasks = lazy.select("task", name=pl.col("id").hash(), kind=pl.col("kind").cast(pl.Categorical)).collect()
    kinds = tasks["kind"].unique(maintain_order=True)
    codes = pl.DataFrame({"kind": kinds, "code": range(len(kinds))}, schema_overrides={"code": pl.UInt32})
    with readable(table_path(folder, "3_samples")):
        lazy = pl.scan_parquet(table_path(folder, "3_samples"))
        named = lazy.select(name=pl.col("task_id").hash())
        distinct = lazy.select(pl.col("id").hash().n_unique()).collect().item()
        joined = named.join(tasks.lazy(), on="name", how="left", maintain_order="left")
        samples = joined.join(codes.lazy(), on="kind", how="left", maintain_order="left").select("task", "code").collect()
    if distinct != len(samples):
        raise UserError(
            f"{table_path(folder, '3_samples')}: {len(samples) - distinct} samples have the id of another",
            f"Make it again with `make generate RECIPE={folder.name}`; replies are remembered.",
        )
    in_order = samples["task"].null_count() == 0 and samples["task"].is_sorted()
    if not in_order:
        raise _out_of_order(folder)
    task = samples["task"].cast(pl.UInt32).to_numpy()
    return Shards(folder, task, samples["code"].to_numpy(), kinds.cast(pl.String).to_list(), _cut(task, rows))


def _out_of_order(folder: Path) -> UserError:
    return UserError(
        f"{table_path(folder, '3_samples')}: a sample's task is not in 1_tasks, or stands elsewhere in its order",
        f"Make both again with `make generate RECIPE={folder.name}`; replies are remembered.",
    )


def _cut(task: np.ndarray[Any, Any], rows: int) -> list[Shard]:
    """Shards of at least so many rows, but for the last, that end where a task does."""
    shards: list[Shard] = []
    start = 0
    while start < len(task):
        last = min(start + rows, len(task)) - 1
        stop = int(np.searchsorted(task, task[last], side="right"))
        shards.append(Shard(len(shards), start, stop, int(task[start])))
        start = stop
    return shards


def tasks_and_samples(folder: Path, shard: Shard | None = None) -> Iterator[tuple[Task, Sample]]:
    """Every sample with its task, in the order of the tables: of a shard, or of all.

    Raises:
        UserError: a sample's task is not there, or not where the order of the tables has it.
    """
    start, stop, first = (shard.start, shard.stop, shard.task) if shard else (0, None, 0)
    tasks = read_rows(folder, "1_tasks", Task, start=first)
    task = next(tasks, None)
    for sample in read_rows(folder, "3_samples", Sample, start=start, stop=stop):
        while task is not None and task.id != sample.task_id:
            task = next(tasks, None)
        if task is None:
            raise _out_of_order(folder)
        yield task, sample


def groups(folder: Path, shard: Shard, survives: Flags) -> Iterator[tuple[Task, list[int], list[Sample]]]:
    """The surviving samples of each task of a shard, and their rows; a task without any is left out.

    Args:
        survives: a flag for each sample of the shard.
    """
    rows: list[int] = []
    some: list[Sample] = []
    current: Task | None = None
    for row, (task, sample) in enumerate(tasks_and_samples(folder, shard), start=shard.start):
        if not survives[row - shard.start]:
            continue
        if current is not None and task.id != current.id:
            yield current, rows, some
            rows, some = [], []
        current = task
        rows.append(row)
        some.append(sample)
    if current is not None:
        yield current, rows, some


class SurvivingRows:
    """The survivors a table filter sees, read from the tables anew at each walk.

    Args:
        survives: a flag for each sample of the run.
    """

    def __init__(self, shards: Shards, survives: Flags) -> None:
        self._shards, self._survives = shards, survives

    def __len__(self) -> int:
        return int(self._survives.sum())

    def rows(self) -> Iterator[tuple[Task, Sample]]:
        for row, each in enumerate(tasks_and_samples(self._shards.folder)):
            if self._survives[row]:
                yield each
            if row % FRAME == 0:
                stop_if_interrupted()

    def frames(self) -> Iterator[pl.DataFrame]:
        path, row = table_path(self._shards.folder, "3_samples"), 0
        with readable(path), pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(FRAME, columns=["id", "task_id", "messages", "reasoning", "target"]):
                frame = pl.DataFrame(batch)
                survives = self._survives[row : row + frame.height]
                row += frame.height
                stop_if_interrupted()
                if survives.any():
                    contents = pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\n\n")
                    yield frame.filter(pl.Series(survives)).select(
                        "id", "task_id", contents.alias("prompt"), "reasoning", "target"
                    )

    def tasks(self) -> Iterator[Task]:
        return read_rows(self._shards.folder, "1_tasks", Task)


def stop_if_interrupted() -> None:
    """Lets an interrupt end long work that awaits nothing.

    Raises:
        asyncio.CancelledError: somebody asked for it.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

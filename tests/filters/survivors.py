"""Survivors that lie in memory, for tests of table filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from pipeline.records import Sample, Task

COLUMNS = {"id": pl.String, "task_id": pl.String, "prompt": pl.String, "reasoning": pl.String, "target": pl.String}


class Rows:
    """Survivors made of a list, a few to a frame so that borders between frames are met."""

    def __init__(self, rows: Sequence[tuple[Task, Sample]], tasks: Sequence[Task] = (), at_a_time: int = 3) -> None:
        self._rows, self._tasks, self._at_a_time = rows, tasks, at_a_time

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Iterator[tuple[Task, Sample]]:
        return iter(self._rows)

    def frames(self) -> Iterator[pl.DataFrame]:
        for start in range(0, len(self._rows), self._at_a_time):
            some = self._rows[start : start + self._at_a_time]
            values = [(s.id, s.task_id, "\n\n".join(m.content for m in s.messages), s.reasoning, s.target) for _, s in some]
            yield pl.DataFrame(values, schema=COLUMNS, orient="row")

    def tasks(self) -> Iterator[Task]:
        return iter(self._tasks or {task.id: task for task, _ in self._rows}.values())

"""A benchmark that was published as a file or a data set on the hub: what all of these have in common.

In: the path of the public file, or nothing for the hub. Out: its rows as tasks. A row without a field that the benchmark needs
is said with its place and the fields there are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.benchmarks.benchmark import AnyBenchmark
from pipeline.benchmarks.rows import Row, file_rows, hub_rows
from pipeline.errors import UserError
from pipeline.records import Task
from pipeline.settings import HomePath
from pipeline.sources.tasks import task_id

Revision = Annotated[str, Field(min_length=1, description="The commit of the data set on the hub; `main` for the newest.")]
"""Each benchmark pins one, so that tomorrow's figures are of today's items."""


class Published(AnyBenchmark):
    """A benchmark somebody else made."""

    dataset: ClassVar[str]
    """Its name on the hub."""
    part: ClassVar[str] = "test"
    """Which split there; two joined with `+`."""
    kind: ClassVar[str]
    """The kind its tasks are of."""
    path: HomePath | None = None
    """The public file, as it was published, also packed with gzip; from the hub where it is not given."""
    revision: Revision

    def all_tasks(self) -> Iterator[Task]:
        for place, row in self.rows():
            try:
                task = self._task(self.fields(row))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise UserError(
                    f"{place}: this is no row of {self.benchmark}: {type(error).__name__}: {error}",
                    f"Fields there are: {', '.join(map(str, row))}.",
                ) from None
            yield task

    def rows(self) -> Iterator[Row]:
        """Its rows, from the file or from the hub."""
        return file_rows(self.path) if self.path else hub_rows(self.dataset, None, self.part, self.revision)

    @abstractmethod
    def fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What a row says: `prompt`, and the other fields of a task where it has them."""

    def _task(self, fields: dict[str, Any]) -> Task:
        fields["prompt"].encode()  # JSON can hold one half of a surrogate pair, which is no text
        name = task_id(self.kind, fields.get("context", ""), fields["prompt"])
        return Task(id=name, source=self.benchmark, split=self.benchmark, kind=self.kind, **fields)

"""Tasks from a data set on the hub, through `datasets`: pinned by revision, evaluated on a split of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Annotated, Any, Literal

from pipeline.errors import UserError
from pipeline.records import Frozen, Limit, Task
from pipeline.sources.tasks import Fields, Licence, Share, read_task, split_of


class HubSource(Frozen):
    """A data set on the hub."""

    kind: Literal["hub"]
    """A data set on the hub."""
    dataset: str
    """Its name, as owner/name."""
    config: str | None = None
    """Its configuration."""
    split: str = "train"
    """The split the teacher is asked about."""
    revision: str | None = None
    """A commit, so that tomorrow's run reads what today's did."""
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

    def tasks(self, evaluation: tuple[str, ...], evaluation_limit: int | None) -> Iterator[Task]:
        """The tasks of `split`, then those of each evaluation split, which no training task may equal.

        Raises:
            UserError: the data set cannot be had, or a row does not have the named columns.
        """
        held_out = [task for split in evaluation if split != "dev" for task in self._read(split, evaluation_limit)]
        reserved = {task.id for task in held_out}
        shares = partial(split_of, dev_share=self.dev_share, test_share=0.0)
        for task in self._read(self.split, self.limit, shares):
            if task.id not in reserved:
                yield task
        yield from held_out

    def _read(self, part: str, limit: int | None, split: Callable[[str], str] | None = None) -> Iterator[Task]:
        """The tasks of a part of the data set, which is their split unless said otherwise."""
        split = split or (lambda _: part)
        for number, row in enumerate(islice(self._load(part), limit), 1):
            place = f"{self.dataset} [{part}], row {number}"
            yield read_task(row, self.fields, self.task_kind, f"hub:{self.dataset}", place, split)

    def _load(self, split: str) -> Any:
        remedy = "Is the name right and the hub reachable? A file will do: --set source.kind=jsonl --set source.path=…."
        return load_split("source.dataset", self.dataset, self.config, split, self.revision, remedy)


def load_split(place: str, dataset: str, config: str | None, split: str, revision: str | None, remedy: str) -> Any:
    """A split of a data set on the hub.

    Args:
        place: what errors say asked for it.

    Raises:
        UserError: it cannot be had; with the remedy.
    """
    import datasets

    try:
        return datasets.load_dataset(dataset, config, split=split, revision=revision)
    except Exception as error:  # the library raises many kinds, its users' network most of them
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{place}: {dataset} [{split}] cannot be loaded: {reason}", remedy) from None

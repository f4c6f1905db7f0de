"""Tasks from the mini world: generated, so nothing is downloaded, and with ground truth for every one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.errors import UserError
from pipeline.mini import world
from pipeline.mini.item import Item
from pipeline.records import Frozen, Limit, Task
from pipeline.sources.tasks import Share, split_of, task_id

EVALUATION_SEED = 20_000
"""Test and ood tasks are the same for every recipe's seed, so that figures can be compared."""


class MiniSource(Frozen):
    """The mini world: word problems, instructions with constraints, in-context induction."""

    licence: ClassVar[str] = "Apache-2.0"
    """The project's own."""
    kind: Literal["mini"]
    """The mini world."""
    seed: int = 1
    """Another seed makes other training tasks; those for evaluation stay."""
    limit: Limit = 2500
    """Tasks the teacher is asked about; three in five are word problems."""
    kinds: tuple[world.Kind, ...] = Field(world.KINDS, min_length=1)
    """The kinds of tasks, in the order they take turns."""
    dev_share: Annotated[float, Share] = 0.04
    """Share of the tasks whose examples are not trained on; the loss on them is watched."""

    def tasks(self, evaluation: tuple[str, ...], evaluation_limit: int | None) -> Iterator[Task]:
        """Training tasks, then those of each evaluation split; no prompt is in two splits.

        Raises:
            UserError: there is no such split.
        """
        for item in islice(world.items("train", self.seed, self.kinds), self.limit):
            task = to_task(item, "train")
            yield task.model_copy(update={"split": split_of(task.id, self.dev_share, 0.0)})
        for split in evaluation:
            if split == "dev":
                continue
            if split not in ("test", "ood"):
                raise UserError(f"evaluation.split: {split!r} is no split of the mini world", "There are dev, test and ood.")
            for item in islice(world.items(split, EVALUATION_SEED, self.kinds), evaluation_limit or 500):  # type: ignore[arg-type]
                yield to_task(item, split)


def to_task(item: Item, split: str) -> Task:
    """The task an item of the mini world is."""
    solution = {"solution": item.reply} if item.kind == "word_problem" else {}
    return Task(
        id=task_id(item.kind, item.context, item.prompt),
        source="mini",
        split=split,
        kind=item.kind,
        prompt=item.prompt,
        context=item.context,
        answer=item.answer,
        constraints=list(item.constraints) or None,
        extra={**item.extra, **solution},
    )

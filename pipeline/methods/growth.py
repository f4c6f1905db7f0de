"""Methods that make tasks: they begin with those of the source and write new ones, round after round, with or without answers.

In: the tasks of the source, and a workshop with whoever answers. Out: an async
generator of new tasks, each followed by the samples that belong to it. What it yields must follow from the tasks, its own
parameters and the replies alone, in an order that no clock decides: then a start after a crash replays it for nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import PositiveInt

from pipeline.identity import short_id
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import MADE, Distillation, Distilled
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample, Task
from pipeline.sources.tasks import task_id

Grown = AsyncGenerator[Task | Sample, bool | None]
"""New tasks and samples of them; a sample is answered by whether it passes the recipe's row filters, a task by whether it is
new: not in the source, not in the evaluation, not made before."""


@dataclass(frozen=True)
class Workshop:
    """What a growing method works with."""

    ask: Ask


class Growth(Distillation):
    """A method that makes new tasks out of those there are."""

    student_template: str = "instruction_following/student"
    """What the student reads."""
    makes: str = "instruction"
    """The kind of the tasks it makes; of tasks made from one other, that one's kind where this is empty."""
    tasks: PositiveInt | None = None
    """It stops when it has made so many tasks."""
    method: str
    """Which method it is."""
    view: ClassVar[str] = "response"
    """What its samples' view is called."""

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        """Nothing: it is for all tasks together."""
        return
        yield

    @abstractmethod
    def grow(self, tasks: Sequence[Task], workshop: Workshop) -> Grown:
        """New tasks out of these, with their samples behind them."""

    def made_task(self, prompt: str, *parents: Task, context: str = "", **fields: Any) -> Task:
        """A new training task; `extra.parents` names those it was made from."""
        kind = self.makes or parents[0].kind
        extra = {**fields.pop("extra", {}), "parents": [parent.id for parent in parents]}
        return Task(
            id=task_id(kind, context, prompt), source=f"{MADE}{self.method}", split="train", kind=kind, prompt=prompt,
            context=context, extra=extra, **fields,
        )  # fmt: skip

    def made_sample(self, task: Task, target: str, replies: Sequence[Response], **fields: Any) -> Sample:
        """A sample of a task that was made, as the student will read it."""
        prompt = self.student_prompt(task, ())
        keys = [reply.key for reply in replies]
        return Sample(
            id=short_id("sample", task.id, self.method, self.view, prompt.template_hash, keys), task_id=task.id,
            method=self.method, view=self.view, messages=list(prompt.messages), target=target, response_keys=keys,
            finish=replies[-1].finish, **fields,
        )  # fmt: skip

"""Methods that make tasks: they begin with those of the source and write new ones, round after round, with or without answers.

In: the tasks of the source, and a workshop with whoever answers and where students learn in between. Out: an async
generator of new tasks, each followed by the samples that belong to it. What it yields must follow from the tasks, its own
parameters and the replies alone, in an order that no clock decides: then a start after a crash replays it for nothing. So it
asks nothing that would follow from a reply that is owed: the next start would ask otherwise.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import PositiveInt

from pipeline.llm.asking import Ask
from pipeline.methods.distillation import MADE, Distillation, Distilled, make_sample
from pipeline.methods.replies import is_lost, sample_of
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task
from pipeline.sources.tasks import task_id

Grown = AsyncGenerator[Task | Sample, bool | None]
"""New tasks, and samples of them or of those it was given; a sample is answered by whether it passes the recipe's row filters,
a task by whether it is new: not in the source, not in the evaluation, not made before."""
AT_ONCE = 512
"""Tasks that are worked on together."""
BARREN = 10
"""Rounds in a row that brought nothing new, after which a method gives up."""
In = TypeVar("In")
Out = TypeVar("Out")


class School(Protocol):
    """The recipe's student, before and while it learns; both give the role by which it can be asked."""

    def untrained(self) -> str:
        """The student as it is before training."""

    async def train(self, samples: Sequence[Sample], name: str, after: str | None = None) -> str:
        """The student after it learned these samples.

        Args:
            name: of this training, and the role.
            after: the role of the student that goes on learning; the untrained one where empty.
        """


@dataclass(frozen=True)
class Workshop:
    """What a growing method works with."""

    ask: Ask
    school: School | None = None
    """Not there where nothing is really made, as for a preview."""
    notes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """How often what was tried ended how: told at the end."""


class Growth(Distillation):
    """A method that makes new tasks out of those there are."""

    template: str = "instruction_following/teacher"
    """How the teacher is asked to answer a task, in the evaluation, too."""
    student_template: str = "instruction_following/student"
    """What the student reads."""
    makes: str = "instruction"
    """The kind of the tasks it makes; of tasks made from one other, that one's kind where this is empty."""
    tasks: PositiveInt | None = None
    """It stops when it has made so many tasks."""
    method: str
    """Which method it is."""
    trains: ClassVar[bool] = False
    """Whether a student learns while tasks are made, for which the libraries of training must be there."""
    view: ClassVar[str] = "response"
    """What its samples' view is called."""

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

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
        """A new task; `extra.parents` names those it was made from. What is made of a dev task is a dev task."""
        kind = self.makes or parents[0].kind
        extra = {**fields.pop("extra", {}), "parents": [parent.id for parent in parents]}
        split = "dev" if any(parent.split == "dev" for parent in parents) else "train"
        return Task(
            id=task_id(kind, context, prompt), source=f"{MADE}{self.method}", split=split, kind=kind, prompt=prompt,
            context=context, extra=extra, **fields,
        )  # fmt: skip

    def made_sample(self, task: Task, target: str, replies: Sequence[Response], **fields: Any) -> Sample:
        """A sample of a task that was made, as the student will read it.

        Args:
            fields: of the sample; `finish` is that of the last reply unless said.
        """
        return sample_of(task, self.method, self.view, self.student_prompt(task, ()), target, replies, **fields)

    async def answer(self, task: Task, ask: Ask, about: Task | None = None) -> Response:
        """The teacher's answer to a task.

        Args:
            about: the task the call belongs to, where that one may yet come to nothing.
        """
        return await ask(self.teacher_prompt(task, ()), task=about or task, sampling=self.sampling)

    def answered(self, task: Task, reply: Response) -> Sample | None:
        """A task with an answer; None where there is none."""
        return make_sample(task, self.method, self.view, self.student_prompt(task, ()), reply)


async def in_turn(items: Sequence[In], work: Callable[[In], Awaitable[Out]]) -> AsyncIterator[tuple[In, Out]]:
    """Each item and what comes of the work on it, in their order, many at work together."""
    for start in range(0, len(items), AT_ONCE):
        some = items[start : start + AT_ONCE]
        for item, result in zip(some, await asyncio.gather(*map(work, some)), strict=True):
            yield item, result


def owed(*replies: Response) -> bool:
    """Whether one of the replies will be asked for again, so that nothing may follow from it."""
    return any(reply.finish == "owed" for reply in replies)


def said(*replies: Response) -> bool:
    """Whether each of the replies says something."""
    return not any(map(is_lost, replies))

"""What every method has: the tasks it is for, how to ask, and how a reply becomes a sample.

A method is a frozen model whose fields are its parameters with the published defaults, and an async generator that turns one
task into samples by awaiting `ask`. Since `ask` remembers, a method of many turns survives a crash between any two of them.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Protocol

from pydantic import PositiveInt

from pipeline.answers.final import final_answer
from pipeline.identity import short_id
from pipeline.llm.request import Sampling
from pipeline.prompts import Prompt, render
from pipeline.records import Frozen, Response, Sample, Task


class Ask(Protocol):
    """Puts a prompt to one of the recipe's models; a call that failed for now comes back with finish `owed`."""

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher"
    ) -> Response: ...


class Distillation(Frozen, ABC):
    """A method's parameters; those named here are common to all."""

    kinds: tuple[str, ...] | None = None
    """The kinds of tasks it is for; all where empty."""
    limit: PositiveInt | None = None
    """At most this many tasks, the first of the source."""
    sampling: Sampling = Sampling()
    """What differs from the teacher's own sampling."""

    def covers(self, task: Task) -> bool:
        """Whether the method is for this kind of task."""
        return self.kinds is None or task.kind in self.kinds

    @abstractmethod
    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        """What the teacher is asked; `bank` holds training tasks that may serve as demonstrations."""

    @abstractmethod
    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        """What the student reads, in training and in evaluation alike."""

    @abstractmethod
    def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> AsyncIterator[Sample]:
        """The samples of one task."""


class PlainAnswers(Distillation):
    """A method that asks each task by itself, several times over, and teaches each answer as it is."""

    view: ClassVar[str]
    """What its samples' view is called."""
    method: str
    """Which method it is."""
    samples: PositiveInt
    """Answers asked for each task."""
    template: str
    """What the teacher is asked."""
    student_template: str
    """What the student reads."""

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> AsyncIterator[Sample]:
        shown = self.student_prompt(task, bank)
        for reply in await ask_samples(ask, self.teacher_prompt(task, bank), task, self.samples, self.sampling):
            if sample := make_sample(task, self.method, self.view, shown, reply):
                yield sample


async def ask_samples(ask: Ask, prompt: Prompt, task: Task, count: int, sampling: Sampling) -> list[Response]:
    """`count` samples of one prompt, asked at once, in the order of their numbers."""
    return await asyncio.gather(*(ask(prompt, task=task, sample=number, sampling=sampling) for number in range(count)))


def make_sample(task: Task, method: str, view: str, prompt: Prompt, response: Response, weight: float = 1.0) -> Sample | None:
    """A sample whose target is the reply, or None where there is no reply."""
    if response.text is None or response.finish in ("owed", "missing", "error"):
        return None
    return Sample(
        id=short_id("sample", task.id, method, view, prompt.template_hash, [response.key]),
        task_id=task.id,
        method=method,
        view=view,
        messages=list(prompt.messages),
        target=response.text,
        reasoning=response.reasoning,
        answer=final_answer(response.text) if task.answer is not None else None,
        response_keys=[response.key],
        finish=response.finish,
        weight=weight,
    )

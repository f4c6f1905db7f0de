"""What every method has: the tasks it is for, how to ask, and how a reply becomes a sample.

A method is a frozen model whose fields are its parameters with the published defaults, and an async generator that turns one
task into samples by awaiting `ask`. Since `ask` remembers, a method of many turns survives a crash between any two of them.
A method that needs to know whether a sample passes hears it where it hands the sample out: `passed = yield sample`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field, PositiveInt

from pipeline.answers.final import final_answer
from pipeline.identity import short_id
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.llm.structured import AskForObjects, FieldKind, shape_of
from pipeline.methods.quota import Attempts, Samples
from pipeline.methods.replies import is_lost, sample_of
from pipeline.prompts import Prompt, render
from pipeline.records import Frozen, Response, Sample, Task

MADE = "made:"
"""How the source of a task begins that a method made."""
Distilled = AsyncGenerator[Sample, bool | None]
"""Samples, each answered by whether it passes the recipe's row filters; None where nobody judges."""


class Put(Protocol):
    """Puts a prompt to the model that is evaluated, as the evaluation samples."""

    async def __call__(self, prompt: Prompt, /) -> Response: ...


class Distillation(Frozen, ABC):
    """A method's parameters; those named here are common to all."""

    family: ClassVar[str]
    """chain of thought, instruction following, in context, symbolic and counterfactual, or beyond one view."""
    source: ClassVar[str]
    """The paper, and code where it was read."""

    kinds: tuple[str, ...] | None = None
    """The kinds of tasks it is for; all where empty."""
    limit: PositiveInt | None = None
    """At most this many tasks, the first of the source."""
    sampling: Sampling = Sampling()
    """What differs from the teacher's own sampling."""
    made: bool = False
    """Whether it is also for the tasks that other methods of the recipe make."""
    longer: PositiveInt | None = None
    """A teacher's reply cut off at max_tokens is asked once more with this limit."""
    tag: Annotated[str, Field(min_length=1)] | None = None
    """A line beside the question that tells the student which view is wanted, in training and in evaluation alike."""
    tag_place: Literal["before", "after"] = "before"
    """Where it stands: before the question (step-by-step, Hsieh et al. 2023) or after it (MinT, Liang et al. 2023)."""

    @property
    def follows_up(self) -> bool:
        """Whether what it asks may follow from what came back, other than by a quota: then nobody can count it beforehand."""
        return self.longer is not None

    def covers(self, task: Task) -> bool:
        """Whether the method is for this kind of task."""
        return (self.kinds is None or task.kind in self.kinds) and (self.made or not task.source.startswith(MADE))

    @abstractmethod
    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        """What the teacher is asked; `bank` holds training tasks that may serve as demonstrations."""

    @abstractmethod
    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        """What the student reads, in training and in evaluation alike."""

    def shown(self, template: str, task: Task, **fields: Any) -> Prompt:
        """A template as the student reads it: with the method's tag beside the question."""
        if self.tag is None:
            return render(template, task, **fields)
        lines = [self.tag, task.prompt] if self.tag_place == "before" else [task.prompt, self.tag]
        prompt = render(template, task.model_copy(update={"prompt": "\n".join(lines)}), **fields)
        return replace(prompt, template_hash=short_id(prompt.template_hash, self.tag, self.tag_place))

    @abstractmethod
    def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        """The samples of one task."""

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """How a student comes to its reply in the evaluation: by what it reads, unless the method teaches it several turns.

        Args:
            prompt: its `student_prompt`.
        """
        return await put(prompt)

    async def teacher_reply(self, task: Task, prompt: Prompt, put: Put) -> Response:
        """How a teacher comes to its reply there: by its `teacher_prompt`, and what computes its answer is run."""
        return await put(prompt)


class PlainAnswers(Distillation):
    """A method that asks each task by itself, several times over, and teaches each answer as it is."""

    view: ClassVar[str]
    """What its samples' view is called."""
    method: str
    """Which method it is."""
    samples: Samples
    """Answers asked for each task."""
    template: str
    """What the teacher is asked."""
    student_template: str
    """What the student reads."""
    reply_fields: Annotated[dict[str, FieldKind], Field(min_length=1)] | None = None
    """The reply must be a JSON object of these fields: string, integer, number, boolean or strings."""

    @property
    def follows_up(self) -> bool:
        return super().follows_up or self.reply_fields is not None

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        prompt, shown = self.teacher_prompt(task, bank), self.student_prompt(task, bank)
        attempts = Attempts(self.samples)
        if self.reply_fields is not None:
            ask = AskForObjects(ask, shape_of(self.reply_fields))
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            for reply in replies:
                if sample := make_sample(task, self.method, self.view, shown, reply):
                    attempts.passed += bool((yield sample))


async def ask_round(attempts: Attempts, ask: Ask, prompt: Prompt, task: Task, sampling: Sampling) -> list[Response]:
    """The next samples of one prompt, asked at once, in the order of their numbers; none once it is enough."""
    asking = [ask(prompt, task=task, sample=number, sampling=sampling) for number in attempts.next_round()]
    replies = [await asking[0]] if len(asking) == 1 else await asyncio.gather(*asking)
    attempts.exhausted = any(reply.finish == "missing" for reply in replies)
    return replies


def make_sample(task: Task, method: str, view: str, prompt: Prompt, response: Response, weight: float = 1.0) -> Sample | None:
    """A sample whose target is the reply, or None where there is no reply."""
    if is_lost(response):
        return None
    text = response.text or ""
    answer = final_answer(text) if task.answer is not None else None
    return sample_of(task, method, view, prompt, text, [response], reasoning=response.reasoning, answer=answer, weight=weight)

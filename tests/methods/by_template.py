"""A model whose replies depend on the template it is asked by, for methods of several turns.

In: for each template a function of the last message and the number of the sample. Out: as an `Ask` for methods, and as `put`
for a student in the evaluation; what was asked is kept. A reply of None is a call that is owed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from pipeline.identity import short_id
from pipeline.llm.request import Sampling
from pipeline.methods.distillation import Distillation
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample, Task
from tests.rows import make_response, make_task

Reply = str | None | Response
Script = Mapping[str, Callable[[str, int], Reply]]


@dataclass
class Scripted:
    """Says what the script says."""

    script: Script
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Template and number of each call."""
    prompts: list[Prompt] = field(default_factory=list)

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        self.asked.append((prompt.template, sample))
        self.prompts.append(prompt)
        said, key = self.script[prompt.template](prompt.messages[-1].content, sample), _key(prompt, sample)
        if isinstance(said, Response):
            return said.model_copy(update={"key": key, "sample": sample})
        return make_response(
            said, key=key, task_id=task.id, template=prompt.template, sample=sample, role=role,
            messages=list(prompt.messages), finish="owed" if said is None else "stop",
        )  # fmt: skip

    async def put(self, prompt: Prompt) -> Response:
        return await self(prompt, task=make_task())


def _key(prompt: Prompt, sample: int) -> str:
    return short_id([message.model_dump() for message in prompt.messages], sample)


def made(method: Distillation, task: Task, ask: Scripted, passing: Callable[[Sample], bool] | None = None) -> list[Sample]:
    """All samples of one task; the method hears of each whether it passes, where somebody says so."""

    async def listen() -> list[Sample]:
        samples: list[Sample] = []
        word: bool | None = None
        async with aclosing(method.distil(task, ask, ())) as distilled:
            while True:
                try:
                    samples.append(await distilled.asend(word))
                except StopAsyncIteration:
                    return samples
                word = None if passing is None else passing(samples[-1])

    return asyncio.run(listen())


def replied(method: Distillation, task: Task, student: Scripted) -> Response:
    """What a student comes to in the evaluation."""
    return asyncio.run(method.reply(task, method.student_prompt(task, ()), (), student.put))


def in_turn(*replies: Reply) -> Callable[[str, int], Reply]:
    """A script by the number of the sample."""
    return lambda prompt, sample: replies[sample]


def always(reply: Reply) -> Callable[[str, int], Reply]:
    return lambda prompt, sample: reply


def views(samples: Iterable[Sample]) -> list[str]:
    return [sample.view for sample in samples]


def contents(samples: Sequence[Sample]) -> list[str]:
    """What the student reads in each: its last message."""
    return [sample.messages[-1].content for sample in samples]

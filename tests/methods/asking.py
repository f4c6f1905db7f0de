"""A teacher that is a function: it answers at once and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.identity import short_id
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.distillation import Distillation
from pipeline.prompts import Prompt
from pipeline.records import Response, Sample, Task
from tests.rows import make_response


@dataclass
class Teacher:
    """An `Ask` that answers with `answer(sample)`; a response as it is, a text as a reply, None as a call that is owed."""

    answer: Callable[[int], str | None] = "Answer {}.".format
    finish: str = "stop"
    prompts: list[Prompt] = field(default_factory=list)
    samplings: list[Sampling | None] = field(default_factory=list)

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher"
    ) -> Response:
        self.prompts.append(prompt)
        self.samplings.append(sampling)
        text = self.answer(sample)
        return make_response(
            text, key=short_id(task.id, prompt.template_hash, sample), task_id=task.id, sample=sample, role=role,
            messages=list(prompt.messages), finish="owed" if text is None else self.finish,
        )  # fmt: skip


async def samples_of(method: Distillation, task: Task, ask: Ask, bank: Sequence[Task] = ()) -> list[Sample]:
    """All samples of one task."""
    return [sample async for sample in method.distil(task, ask, bank)]

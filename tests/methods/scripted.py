"""Who answers methods in tests: a function of the prompt and the number of the sample, or a server through a run's own door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.identity import short_id
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.distillation import Distillation
from pipeline.prompts import Prompt
from pipeline.recipe import parse_recipe
from pipeline.records import Response, Sample, Task
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.harvest import Harvest, harvest
from tests.rows import make_response

LOST = {"": "owed", "missing": "missing", "error": "error"}
"""What a function may return for a call without a reply: how the call ends."""


@dataclass
class Scripted:
    """An `Ask` that says what the script has for the last message of a prompt and the number of a sample."""

    script: Callable[[str, int], str]
    asked: list[str] = field(default_factory=list)
    """The last message of each call."""
    samplings: list[Sampling | None] = field(default_factory=list)

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        content = prompt.messages[-1].content
        self.asked.append(content)
        self.samplings.append(sampling)
        said = self.script(content, sample)
        return make_response(
            None if said in LOST else said, key=short_id(content, sample), task_id=task.id, sample=sample, role=role,
            finish=LOST.get(said, "stop"), messages=list(prompt.messages),
        )  # fmt: skip


def distilled(
    method: Distillation, task: Task, ask: Ask, bank: Sequence[Task] = (), passes: Callable[[Sample], bool] | None = None
) -> list[Sample]:
    """All samples of one task; the method hears of each whether it passes, where somebody judges."""

    async def scene() -> list[Sample]:
        samples: list[Sample] = []
        word: bool | None = None
        async with aclosing(method.distil(task, ask, bank)) as some:
            while True:
                try:
                    samples.append(await some.asend(word))
                except StopAsyncIteration:
                    return samples
                word = passes(samples[-1]) if passes else None

    return asyncio.run(scene())


def harvested(folder: Path, url: str, task: Task, *filters: Any, bank: Sequence[Task] = (), **method: Any) -> Harvest:
    """One task through a recipe's only method, asked at an address; replies are remembered in `folder`."""
    parts = {
        "source": {"kind": "mini"}, "teacher": {"backend": "openai", "model": "small-1"}, "methods": [method],
        "filters": list(filters) or ["finished"],
    }  # fmt: skip

    async def scene() -> Harvest:
        settings = load_settings(data=str(folder), openai_base_url=url, patience_seconds=0.1)
        run = Run(parse_recipe(parts, "run", "run"), settings)
        async with run.door:
            return await harvest(run, task, [0], list(bank))

    return asyncio.run(scene())

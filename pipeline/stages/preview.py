"""`distill preview`: the first prompts of every method as the teacher would read them, and as the student will. Asks nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Any

from pipeline.methods.growth import Growth, Workshop
from pipeline.prompts import Prompt
from pipeline.records import Response, Task
from pipeline.run import Run
from pipeline.stages.generate import demonstration_bank, source_tasks
from pipeline.stages.harvest import ASKED_SPLITS


def preview(run: Run, count: int = 2) -> list[str]:
    """Lines with the first `count` prompts of each method.

    Raises:
        UserError: the source or a template is broken.
    """
    tasks = list(source_tasks(run))
    bank = demonstration_bank(tasks)
    asked = [task for task in tasks if task.split in ASKED_SPLITS]
    lines: list[str] = []
    for number, method in enumerate(run.recipe.methods):
        fitting = [task for task in asked if method.covers(task)]
        lines.append(f"methods.{number} {method.method}: {min(len(fitting), method.limit or len(fitting))} tasks")
        if isinstance(method, Growth):
            prompts = asyncio.run(_first_prompts(method, fitting[: method.limit], count))
            lines += [line for prompt in prompts for line in _prompt("to make tasks, the teacher reads", prompt)]
        for task in fitting[:count]:
            lines += [f"  task {task.id} ({task.kind})", *_prompt("teacher reads", method.teacher_prompt(task, bank))]
            lines += _prompt("student reads", method.student_prompt(task, bank))
    return lines


class _Enough(Exception):
    """So many prompts were seen."""


async def _first_prompts(method: Growth, tasks: Sequence[Task], count: int) -> list[Prompt]:
    """What a growing method asks first."""
    seen: list[Prompt] = []

    async def ask(prompt: Prompt, *, task: Task, sample: int = 0, role: str = "teacher", **ways: Any) -> Response:
        if len(seen) == count:
            raise _Enough
        seen.append(prompt)
        return Response(
            key="", task_id=task.id, role=role, template=prompt.template, template_hash=prompt.template_hash, provider="",
            model="", sample=sample, messages=list(prompt.messages), finish="owed",
        )  # fmt: skip

    with suppress(_Enough):
        async with aclosing(method.grow(tasks, Workshop(ask))) as made:
            async for _ in made:
                break  # it asks nobody
    return seen


def _prompt(who: str, prompt: Prompt) -> list[str]:
    lines = [f"    {who} (prompts/{prompt.template}.jinja):"]
    for message in prompt.messages:
        first, *rest = message.content.splitlines() or [""]
        lines += [f"      {message.role}: {first}", *(f"        {line}" for line in rest)]
    return lines

"""`distill preview`: the first prompts of every method as the teacher would read them, and as the student will. Asks nobody.

Beside each stands about how many tokens it has, and where the run's tables hold another prompt for the same task, as after an
edit of the template, what has changed in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import UserError
from pipeline.methods.growth import Growth, Workshop
from pipeline.prompts import Prompt
from pipeline.records import Response, Task
from pipeline.run import Run
from pipeline.stages.counting import about_tokens
from pipeline.stages.generate import demonstration_bank, source_tasks
from pipeline.stages.harvest import ASKED_SPLITS
from pipeline.tables import check_table, readable, table_path
from pipeline.terminal import Line
from pipeline.texts.word_diff import diff_lines, word_diff

Earlier = dict[tuple[str, str], list[str]]
"""By task and by template or method, the prompts in the tables."""


def preview(run: Run, count: int = 2) -> list[str | Line]:
    """Lines with the first `count` prompts of each method.

    Raises:
        UserError: the source or a template is broken.
    """
    tasks = list(source_tasks(run))
    bank = demonstration_bank(tasks)
    asked = [task for task in tasks if task.split in ASKED_SPLITS]
    of_method = [[task for task in asked if method.covers(task)] for method in run.recipe.methods]
    shown = {task.id for fitting in of_method for task in fitting[:count]}
    before = [_earlier(run.folder, *place, shown) for place in (("2_responses", "template"), ("3_samples", "method"))]
    lines: list[str | Line] = []
    for number, (method, fitting) in enumerate(zip(run.recipe.methods, of_method, strict=True)):
        lines.append(f"methods.{number} {method.method}: {min(len(fitting), method.limit or len(fitting))} tasks")
        if isinstance(method, Growth):
            prompts = asyncio.run(_first_prompts(method, fitting[: method.limit], count))
            lines += [line for prompt in prompts for line in _prompt("to make tasks, the teacher reads", prompt)]
        for task in fitting[:count]:
            teacher, student = method.teacher_prompt(task, bank), method.student_prompt(task, bank)
            lines += [f"  task {task.id} ({task.kind})", *_prompt("teacher reads", teacher)]
            lines += _change(run, teacher, before[0].get((task.id, teacher.template)))
            lines += _prompt("student reads", student)
            lines += _change(run, student, before[1].get((task.id, method.method)))
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
    tokens = about_tokens(message.content for message in prompt.messages)
    lines = [f"    {who} (prompts/{prompt.template}.jinja, about {tokens} tokens):"]
    for message in prompt.messages:
        first, *rest = message.content.splitlines() or [""]
        lines += [f"      {message.role}: {first}", *(f"        {line}" for line in rest)]
    return lines


def _earlier(folder: Path, table: str, name: str, tasks: set[str]) -> Earlier:
    """The prompts that the tables hold for these tasks; none where there are no tables, or none that can be read."""
    found: Earlier = {}
    if not table_path(folder, table).exists():
        return found
    with suppress(UserError):
        check_table(folder, table)
        with readable(table_path(folder, table)):
            scan = pl.scan_parquet(table_path(folder, table)).filter(pl.col("task_id").is_in(sorted(tasks)))
            for task, place, messages in scan.select("task_id", name, "messages").collect(engine="streaming").iter_rows():
                found.setdefault((task, place), []).append(_text((each["role"], each["content"]) for each in messages))
    return found


def _text(messages: Any) -> str:
    return "\n\n".join(f"{role}: {content}" for role, content in messages)


def _change(run: Run, prompt: Prompt, before: list[str] | None) -> Iterator[str | Line]:
    """What has changed since the tables were made; nothing where they hold this prompt, or none of its sort."""
    now = _text((message.role, message.content) for message in prompt.messages)
    if before and now not in before:
        yield f"    changed since {run.folder} was made:"
        yield from diff_lines(word_diff(before[0], now), "      ")

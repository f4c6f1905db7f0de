"""Whether students are asked in the words they were taught in: a template may have been edited since.

In: the items of an evaluation, and the samples that all corpora of the run are made of. Out: nothing, or a refusal: a figure of
students who were asked in another form than in training looks like any other, and says something else.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from pipeline.errors import UserError
from pipeline.methods.union import Method
from pipeline.prompts import templates_folder
from pipeline.records import Item, Task
from pipeline.run import Run
from pipeline.stages.items import first_method, method_for
from pipeline.tables import check_table, read_rows, readable, table_path

LOOKED_AT = 10
"""Tasks of each method and kind; an edit shows in the first of them."""
SHOWN = 60
"""Characters of a text that an error shows, from where it differs."""
Messages = list[dict[str, str]]


def check_prompts(run: Run, items: list[Item], bank: list[Task]) -> None:
    """Makes sure that some of the first samples of each method and kind read what the student would read today.

    A method whose samples are not there, and one by which no item is put, is not looked at.

    Raises:
        UserError: none of them does.
    """
    if not table_path(run.folder, "3_samples").exists():
        return
    putting = {id(method_for(run, item)) for item in items}
    differing: dict[tuple[str, str], UserError] = {}
    same: set[tuple[str, str]] = set()
    for task, method, taught in _taught(run):
        if id(method) in putting:
            prompt = method.student_prompt(task, bank)
            now = [message.model_dump() for message in prompt.messages]
            place = (prompt.template, task.kind)
            if now in taught:
                same.add(place)
            else:
                differing.setdefault(place, _refusal(run, prompt.template, task, taught[0], now))
    for place, error in differing.items():
        if place not in same:
            raise error


def _taught(run: Run) -> list[tuple[Task, Method, list[Messages]]]:
    """The first tasks of each method and kind that have samples, and what the student reads in these."""
    rows = _first_samples(run)
    tasks = _tasks(run, {task_id for task_id, _, _ in rows})
    found = []
    for (task_id, name), group in groupby(rows, itemgetter(0, 1)):
        method = first_method(run, tasks[task_id])
        if method is not None and method.method == name:
            found.append((tasks[task_id], method, [messages for _, _, messages in group]))
    return found


def _first_samples(run: Run) -> list[tuple[str, str, Messages]]:
    """Task, method and messages of their samples, those of a task and method together; texts are read of these alone."""
    check_table(run.folder, "3_samples")
    with readable(table_path(run.folder, "3_samples")):
        samples = pl.scan_parquet(table_path(run.folder, "3_samples"))
        kinds = pl.scan_parquet(table_path(run.folder, "1_tasks")).select("kind", task_id="id")
        names = samples.select("task_id", "method").unique(maintain_order=True)
        joined = names.join(kinds, on="task_id", maintain_order="left")
        first = joined.group_by("method", "kind", maintain_order=True).head(LOOKED_AT).select("task_id", "method").collect()
        wanted = samples.select("task_id", "method", "messages").join(first.lazy(), on=["task_id", "method"], how="semi")
        return wanted.collect(engine="streaming").sort("task_id", "method", maintain_order=True).rows()


def _tasks(run: Run, ids: set[str]) -> dict[str, Task]:
    """The tasks of these ids, read as far as the last of them."""
    found: dict[str, Task] = {}
    tasks = read_rows(run.folder, "1_tasks", Task)
    while len(found) < len(ids):
        task = next(tasks)
        if task.id in ids:
            found[task.id] = task
    return found


def _refusal(run: Run, template: str, task: Task, then: Messages, now: Messages) -> UserError:
    before, after = _text(then), _text(now)
    same = next((place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    start = max(0, same - SHOWN // 4)
    return UserError(
        f"{templates_folder()}/{template}.jinja: students were taught to read something else; of task {task.id} it made "
        f"{before[start : start + SHOWN]!r}, and now makes {after[start : start + SHOWN]!r}",
        f"Put the template back as it was, or run `make generate train RECIPE={run.recipe.name}`: replies are remembered, so "
        "that only training takes its time again.",
    )


def _text(messages: list[dict[str, Any]]) -> str:
    return "\n".join(f"{message['role']}: {message['content']}" for message in messages)

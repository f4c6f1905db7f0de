"""The template of a filter's question: how a task is shown in it, and its hash, since an edited template is another filter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.identity import file_hash
from pipeline.prompts import Prompt, render, templates_folder
from pipeline.records import Task


def template_hash(template: str) -> str:
    """The hash of a template's file; of nothing where it is not there, which the first question tells."""
    path = Path(templates_folder()) / f"{template}.jinja"
    return file_hash(path) if path.is_file() else ""


def render_about(template: str, task: Task, **fields: Any) -> Prompt:
    """A question about a task. Earlier turns are shown in it as `history`: as turns of their own they would be the judge's."""
    others = {key: value for key, value in task.extra.items() if key != "history"}
    alone = task.model_copy(update={"extra": others})
    return render(template, alone, history=task.extra.get("history") or [], **fields)

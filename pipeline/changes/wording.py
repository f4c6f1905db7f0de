"""Sentences of a prompt, and the task that another prompt makes of one.

A sentence ends at `.`, `?` or `!` before white space and a capital, a digit or a quote, or at the end of a line; titles and
initials (`Mr. Bean`, `J. Smith`) end none.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.records import Task
from pipeline.sources.tasks import task_id

SENTENCE_END = re.compile(
    r"(?<![A-Z]\.)(?<!\b(?:Mr|Ms|Dr|St|vs|No)\.)(?<!\bMrs\.)(?<=[.?!])[\"”’')\]]?\s+(?=[\"“‘'(]?[A-Z0-9$])|\n+"
)
STALE = ("solution", "Equation")
"""What `extra` holds of how the old answer came about."""


def sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends, the white space behind it left out."""
    breaks = [(found.start() + len(found[0].rstrip()), found.end()) for found in SENTENCE_END.finditer(text)]
    starts = [0, *(end for _, end in breaks)]
    ends = [*(start for start, _ in breaks), len(text)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if text[start:end].strip()]


def facts_and_question(text: str) -> tuple[list[tuple[int, int]], tuple[int, int]] | None:
    """The sentences before the question, and the question, which is the last sentence; None where that asks nothing."""
    *facts, last = sentences(text) or [(0, 0)]
    return (facts, last) if text[slice(*last)].rstrip().endswith("?") else None


def rewritten(task: Task, prompt: str, **fields: Any) -> Task | None:
    """The task with another prompt, and the id that follows from it; None where the prompt is the same."""
    if prompt == task.prompt:
        return None
    name = task_id(task.kind, task.context, prompt, task.extra.get("history"))
    extra = {key: value for key, value in task.extra.items() if key not in STALE}
    return task.model_copy(update={"id": name, "prompt": prompt, "extra": extra, **fields})

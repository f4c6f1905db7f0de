"""Puts a lesson by a template of `prompts/`, now and then with a few stray words, so that an edited template still works."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from pipeline.mini.item import Item
from pipeline.mini.phrasings import STRAY_WORDS, Messages
from pipeline.prompts import render
from pipeline.records import Task

Lesson = tuple[Messages, str]
"""What is asked, and a right reply."""
STRAY_SHARE = 0.15
"""Share of lessons with a line of stray words before or behind what is asked."""


def put(template: str, prompt: str, *, kind: str = "", **fields: Any) -> Messages:
    """The messages of `prompts/<template>.jinja` for a task with this prompt.

    Args:
        fields: what the template uses beside the prompt; those of a task (`context`, `answer`, `extra`, …) go into the task.
    """
    own = {name: fields.pop(name) for name in tuple(fields) if name in Task.model_fields}
    task = Task(**{"id": "0", "source": "mini", "split": "train", "kind": kind, "prompt": prompt, **own})
    return [message.model_dump() for message in render(template, task, **fields).messages]


def asked(rng: random.Random, template: str, prompt: str, *, kind: str = "", **fields: Any) -> Messages:
    """What `put` makes of the same, now and then among stray words."""
    messages = put(template, prompt, kind=kind, **fields)
    if rng.random() < STRAY_SHARE:
        stray = " ".join(rng.choices(STRAY_WORDS, k=rng.randint(2, 8))).capitalize() + rng.choice((".", ":", ""))
        text = messages[-1]["content"]
        messages[-1]["content"] = f"{stray}\n{text}" if rng.random() < 0.5 else f"{text}\n{stray}"
    return messages


def taught_item(rng: random.Random, make: Callable[[random.Random, bool], Item]) -> Item:
    """An item of one kind that no test asks."""
    while (item := make(rng, False)).held_out:
        pass
    return item

"""Which solved tasks stand before a question: drawn at random, the nearest by BM25, or of each answer as many.

In: a question and the training tasks of its kind. Out: tasks in the order in which they are shown. It follows from the ids and
texts alone, and only the first so many training tasks count, so that added rows change no prompt. The question itself is never
among them, nor one that differs from it in nothing but case and spacing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Literal

from pipeline.answers.words import folded
from pipeline.identity import unit_interval
from pipeline.records import Task
from pipeline.texts.bm25 import Bm25

BANK = 64
"""Demonstrations are drawn from the first this many training tasks."""
Choice = Literal["random", "bm25", "class_balanced"]


def worked(task: Task) -> str:
    """The worked solution of a task, or its bare answer, or nothing."""
    return str(task.extra.get("solution") or task.answer or "")


def solved(task: Task, bank: Sequence[Task]) -> list[Task]:
    """Training tasks of the kind whose solution is known, without the task itself."""
    question = folded(task.prompt)
    fitting = [each for each in bank if each.kind == task.kind and worked(each)]
    about = folded(task.context)
    return [each for each in fitting if folded(each.prompt) != question or folded(each.context) != about][:BANK]


def nearest(query: str, tasks: Sequence[Task], count: int | None = None) -> list[Task]:
    """The tasks whose questions are nearest to a text, the nearest first; all of them unless said."""
    return [tasks[place] for place in Bm25([f"{each.context} {each.prompt}" for each in tasks]).nearest(query, count)]


def chosen(task: Task, bank: Sequence[Task], by: Choice, count: int, draw: int = 0) -> list[Task]:
    """So many demonstrations for a task.

    Args:
        draw: which draw it is; another one gives others, as far as there are any. Draw 1 of the nearest are those that come
            next.
    """
    fitting = solved(task, bank)
    if by == "bm25":
        ranked = nearest(f"{task.context} {task.prompt}", fitting)
        start = draw * count % max(len(ranked), 1)
        return [*ranked[start:], *ranked[:start]][:count]
    parts = [draw] if draw else []
    drawn = sorted(fitting, key=lambda each: unit_interval("demonstration", task.id, each.id, *parts))
    return (_balanced(drawn) if by == "class_balanced" else drawn)[:count]


def shown(tasks: Sequence[Task]) -> list[dict[str, str]]:
    """Demonstrations as templates show them, each behind what it is about."""
    return [{"prompt": whole(each).prompt, "answer": worked(each)} for each in tasks]


def whole(task: Task) -> Task:
    """A task whose question says also what it is about, so that it can stand among others."""
    return task.model_copy(update={"prompt": f"{task.context}\n{task.prompt}", "context": ""}) if task.context else task


def _balanced(drawn: Sequence[Task]) -> list[Task]:
    """One of each answer in turn, in the order in which they were drawn."""
    classes: dict[str, list[Task]] = {}
    for each in drawn:
        classes.setdefault(folded(each.answer or ""), []).append(each)
    return [each for each in chain.from_iterable(zip_longest(*classes.values())) if each is not None]

"""Triples of an event, a relation and a phrase, such as (PersonX loses the hat, xReact, sad), and how a sentence says them.

The relations are the seven of ATOMIC that symbolic knowledge distillation uses (West et al. 2022, arXiv 2110.07178). In: a task
that names an event, and perhaps one relation, in its `extra`. Out: event and relation; the begin of a sentence that a phrase
ends, as COMET says triples in words.
"""

from __future__ import annotations

from typing import Any

from pipeline.records import Task

JOINTS = {
    "xIntent": " because PersonX wanted",
    "xNeed": ". Before that, PersonX needed",
    "xAttr": ". PersonX is seen as",
    "xEffect": ". As a result, PersonX",
    "xReact": ". As a result, PersonX feels",
    "xWant": ". As a result, PersonX wants",
    "HinderedBy": ". This is hindered if",
}
"""What stands between event and phrase where a sentence says both."""
RELATIONS = tuple(JOINTS)


def head_of(task: Task) -> str:
    """The event of a task: its `extra.head`, else all of its prompt."""
    return str(task.extra.get("head") or task.prompt).strip()


def relation_of(task: Task) -> str | None:
    """The one relation a task asks for; None where it is an event alone."""
    relation = task.extra.get("relation")
    return None if relation is None else str(relation)


def known_tails(task: Task, relation: str) -> list[str]:
    """The right phrases a task brings for a relation: a list for its own, or a mapping from relations to lists."""
    tails: Any = task.extra.get("tails") or []
    if isinstance(tails, dict):
        return [str(each) for each in tails.get(relation) or []]
    return [str(each) for each in tails] if relation_of(task) == relation else []


def begun(head: str, relation: str) -> str:
    """The begin of the sentence that says a triple; a relation of another world is said by its name."""
    return head.rstrip(".") + JOINTS.get(relation, f". {relation}:")

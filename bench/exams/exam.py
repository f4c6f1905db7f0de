"""An exam: questions of one skill that training never asked, and what a reply to each is worth.

A reply is read by the parsers that the methods use, and graded by computation: where several are right, each of them is. A
reply of many items, such as a list of new instructions, is graded item by item.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from pipeline.mini.item import Item
from pipeline.mini.phrasings import Messages

T = TypeVar("T")


class Mark(NamedTuple):
    """What a reply is worth."""

    parsed: bool
    """Whether it can be read at all; one that cannot is wrong."""
    right: int = 0
    """Items that are right."""
    of: int = 1
    """Items that were asked for."""


UNREADABLE = Mark(False)


@dataclass(frozen=True)
class Question:
    """What is asked, one right reply, and how a reply is marked."""

    messages: Messages
    right: str
    mark: Callable[[str], Mark]


@dataclass(frozen=True)
class Exam:
    """The questions of one skill."""

    used_by: str
    """Methods that ask so."""
    counts: str
    """What counts as right, in words."""
    question: Callable[[random.Random], Question]
    temperature: float = 0.7
    """At which the mini recipes of those methods sample."""
    max_tokens: int = 200

    def questions(self, name: str, count: int) -> list[Question]:
        """So many, always the same."""
        return [self.question(random.Random(f"exam/{name}/{number}")) for number in range(count)]


def judged(is_right: bool | None) -> Mark:
    """The mark of a reply that is right, wrong, or (None) cannot be read."""
    return UNREADABLE if is_right is None else Mark(True, int(is_right))


def itemised(good: Sequence[bool], of: int) -> Mark:
    """The mark of a list of items, of which so many were asked for; what is beyond them does not count."""
    return Mark(bool(good), sum(good[:of]), of)


def unseen(draw: Callable[[], T], item: Callable[[T], Item]) -> T:
    """What `draw` makes until it is one that is held out for the tests."""
    while not item(made := draw()).held_out:
        pass
    return made


def unseen_item(rng: random.Random, make: Callable[[random.Random, bool], Item]) -> Item:
    """An item of one kind that no lesson has asked."""
    return unseen(lambda: make(rng, False), lambda item: item)

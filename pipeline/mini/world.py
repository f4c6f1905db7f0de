"""The mini world: tasks of some kinds with ground truth, generated from a seed.

In: a seed, a split and an index. Out: an `Item`, always the same for the same three. Three kinds are its default; each of the
others is for the methods that need it. No prompt stands in training and in a test, whatever the seeds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Literal

from pipeline.mini.bandits import bandit_item
from pipeline.mini.commands import command_item
from pipeline.mini.entities import passage_item, type_item
from pipeline.mini.events import event_item, inference_item, triple_item
from pipeline.mini.facts import fact_item, joined_item
from pipeline.mini.induction import induction
from pipeline.mini.instructions import instruction
from pipeline.mini.item import Item
from pipeline.mini.pairs import pair_item
from pipeline.mini.problems import problem, solution

Split = Literal["train", "test", "ood"]
Kind = Literal[
    "word_problem", "instruction", "induction",
    "entities", "entity_type", "fact", "two_facts", "pair", "event", "inference", "triple", "bandit", "command",
]  # fmt: skip
KINDS: tuple[Kind, ...] = ("word_problem", "word_problem", "word_problem", "instruction", "induction")
"""The kinds in the order tasks come, so that any first N rows hold three word problems in five."""
SPECIAL: dict[str, Callable[[random.Random, bool], Item]] = {
    "entities": passage_item, "entity_type": type_item, "fact": fact_item, "two_facts": joined_item,
    "pair": pair_item, "event": event_item, "inference": inference_item, "triple": triple_item, "bandit": bandit_item,
    "command": command_item,
}  # fmt: skip
"""Kinds that are there for one method or two."""
ATTEMPTS = 1000
"""Draws without a new item after which a kind has no more of them: there are some hundred facts, and no end of stories."""


def items(split: Split, seed: int, kinds: tuple[str, ...] = KINDS) -> Iterator[Item]:
    """A repeatable stream of different items; the first N stay the first N when more are taken.

    It ends where every kind has run out, which only those do that speak of facts and events.
    """
    seen: set[tuple[str, str]] = set()
    left, index = set(kinds), 0
    while left:
        kind = kinds[index % len(kinds)]
        if kind in left and (item := _new_item(split, seed, index, kind, seen)) is not None:
            seen.add((item.context, item.prompt))
            yield item
        elif kind in left:
            left.remove(kind)
        index += 1


def _new_item(split: Split, seed: int, index: int, kind: str, seen: set[tuple[str, str]]) -> Item | None:
    for attempt in range(ATTEMPTS):
        item = draw_item(random.Random(f"{seed}/{split}/{index}/{attempt}"), kind, ood=split == "ood")
        if item.held_out == (split != "train") and (item.context, item.prompt) not in seen:
            return item
    return None


def draw_item(rng: random.Random, kind: str, ood: bool) -> Item:
    if kind == "word_problem":
        return problem_item(rng, rng.randint(6, 7) if ood else rng.randint(2, 5), ood)
    if kind in SPECIAL:
        return SPECIAL[kind](rng, ood)
    if kind == "instruction":
        task = instruction(rng, ood)
        return Item(kind, task.prompt, constraints=task.constraints, reply=task.reply)
    puzzle = induction(rng, ood=ood)
    return Item(kind, puzzle.query, "\n".join(puzzle.demonstrations), puzzle.answer, puzzle.answer, extra={"rule": puzzle.rule})


def problem_item(rng: random.Random, steps: int, ood: bool = False) -> Item:
    """A word problem of `steps` operations."""
    story = problem(rng, steps, ood)
    worked = solution(rng, story)
    return Item("word_problem", story.text, answer=str(story.answer), reply=worked, extra={"steps": steps})

"""The mini world: three kinds of tasks with ground truth, generated from a seed, and the lessons its models learn from.

In: a seed, a split and an index. Out: an `Item`, always the same for the same three. Whether a prompt is held out for testing
is decided by the hash of its text, so no prompt can stand in training and in a test, whatever the seeds.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.mini.induction import induction
from pipeline.mini.instructions import instruction
from pipeline.mini.problems import problem, solution

Split = Literal["train", "test", "ood"]
Kind = Literal["word_problem", "instruction", "induction"]
KINDS: tuple[Kind, ...] = ("word_problem", "word_problem", "word_problem", "instruction", "induction")
"""The kinds in the order tasks come, so that any first N rows hold three word problems in five."""


@dataclass(frozen=True)
class Item:
    """One task of the mini world with its ground truth."""

    kind: str
    prompt: str
    context: str = ""
    """Demonstrations of the hidden rule, a line each; empty for the other kinds."""
    answer: str | None = None
    reply: str = ""
    """One right reply: what the teacher learned from, never shown to a student."""
    constraints: tuple[dict[str, Any], ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def held_out(self) -> bool:
        """One prompt in eight belongs to the tests and to nothing else."""
        text = f"{self.context}\n{self.prompt}"
        return hashlib.sha256(text.encode()).digest()[0] % 8 == 0


def items(split: Split, seed: int, kinds: tuple[str, ...] = KINDS) -> Iterator[Item]:
    """An endless, repeatable stream of different items; the first N stay the first N when more are taken."""
    seen: set[tuple[str, str]] = set()
    index = 0
    while True:
        kind = kinds[index % len(kinds)]
        for attempt in range(1000):
            item = _item(random.Random(f"{seed}/{split}/{index}/{attempt}"), kind, ood=split == "ood")
            if item.held_out == (split != "train") and (item.context, item.prompt) not in seen:
                break
        seen.add((item.context, item.prompt))
        yield item
        index += 1


def _item(rng: random.Random, kind: str, ood: bool) -> Item:
    if kind == "word_problem":
        return problem_item(rng, rng.randint(6, 7) if ood else rng.randint(2, 5), ood)
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

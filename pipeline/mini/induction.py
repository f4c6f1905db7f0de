"""In-context induction: a few demonstrations of a hidden rule on short lists, then a query the rule answers.

In: a random generator. Out: demonstrations (`sun cup hat -> hat cup sun`, a line each), the query, and the answer. Two rules
are never shown in training; a model that answers them has read its context, not its memory.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.mini.words import LIST_WORDS

Items = list[str]

WORD_RULES: dict[str, Callable[[Items], Items]] = {
    "reverse": lambda items: items[::-1],
    "first": lambda items: items[:1],
    "last": lambda items: items[-1:],
    "rotate_left": lambda items: [*items[1:], items[0]],
    "rotate_right": lambda items: [items[-1], *items[:-1]],
    "drop_first": lambda items: items[1:],
    "drop_last": lambda items: items[:-1],
    "repeat_first": lambda items: [items[0], *items],
    "ends": lambda items: [items[0], items[-1]],
}
NUMBER_RULES: dict[str, Callable[[Items], Items]] = {
    "largest": lambda items: [max(items)],
    "smallest": lambda items: [min(items)],
    "ascending": lambda items: sorted(items),
    "add_one": lambda items: [str(int(item) + 1) for item in items],
}
OOD_RULES: dict[str, Callable[[Items], Items]] = {
    "middle": lambda items: items[1:-1],
    "swap_first_two": lambda items: [items[1], items[0], *items[2:]],
}
RULES = WORD_RULES | NUMBER_RULES


@dataclass(frozen=True)
class Induction:
    """A hidden rule shown by example."""

    rule: str
    demonstrations: tuple[str, ...]
    query: str
    answer: str


def induction(rng: random.Random, demonstrations: int = 4, ood: bool = False) -> Induction:
    """One puzzle; `ood` draws a rule that no model trained on."""
    rules = OOD_RULES if ood else RULES
    name = rng.choice(tuple(rules))
    length = rng.choice((3, 3, 4))
    numeric = name in NUMBER_RULES or rng.random() < 0.3

    def items() -> Items:
        pool = [str(digit) for digit in range(1, 9)] if numeric else list(LIST_WORDS)
        return rng.sample(pool, length)

    shown = [items() for _ in range(demonstrations)]
    asked = items()
    lines = tuple(f"{' '.join(each)} -> {' '.join(rules[name](each))}" for each in shown)
    return Induction(name, lines, f"{' '.join(asked)} ->", " ".join(rules[name](asked)))

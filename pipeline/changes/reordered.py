"""The facts before a question in another order, where that changes nothing (Chen et al. 2024, arXiv 2402.08939).

Only where it can be computed: in a story whose amount changes sentence by sentence (see `derivation`), other orders are worked
out from the start, and one counts that ends with the same amount and on whole and positive ones before. Nobody can tell of
other facts what they refer to, so that such tasks are left alone.
"""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import pairwise

from pipeline.answers.arithmetic import value
from pipeline.changes.derivation import Derivation, derivation
from pipeline.changes.wording import facts_and_question, rewritten
from pipeline.records import Task

TRIES = 50
"""Orders that are tried; of stories in which amounts are both added and multiplied few will do."""


def reordered(task: Task, rng: random.Random) -> Task | None:
    """The task with its facts behind the first in another order; None where no other one is known to be right."""
    found, parts = derivation(task), facts_and_question(task.prompt)
    if found is None or parts is None or not found.signs or len(parts[0]) != len(found.groups):
        return None
    facts, _ = parts
    if not all(start <= group[0][0] < end for (start, end), group in zip(facts, found.groups, strict=True)):
        return None
    for _ in range(TRIES):
        order = [0, *rng.sample(range(1, len(facts)), len(facts) - 1)]
        if _ends_alike(found, order) and (new := rewritten(task, _prompt(task.prompt, facts, order))):
            return new
    return None


def _ends_alike(found: Derivation, order: list[int]) -> bool:
    """Whether the amounts in this order stay whole and positive, and end as they did."""
    amount = Decimal(found.values[0])
    wanted = (found.results(found.values) or [amount])[-1]
    for place in order[1:]:
        amount = value(f"{amount:f}{found.signs[place - 1]}{found.values[place]}") or Decimal(0)
        if amount <= 0 or amount != amount.to_integral_value():
            return False
    return amount == wanted


def _prompt(prompt: str, facts: list[tuple[int, int]], order: list[int]) -> str:
    """The prompt with its facts in this order, and between them what stood between them."""
    between = [prompt[end:start] for (_, end), (start, _) in pairwise(facts)]
    told = [prompt[slice(*facts[place])] for place in order]
    pairs = zip(told, [*between, prompt[facts[-1][1] :]], strict=True)
    return prompt[: facts[0][0]] + "".join(fact + gap for fact, gap in pairs)

"""Other numbers in the same story, and the answer to them, as in GSM-Symbolic (Mirzadeh et al. 2024, arXiv 2410.05229).

The original answer is derived first from the calculations the source gives (see `derivation`); what cannot be derived is not
changed. New numbers are of the same size and roundness, keep the order by size in which the old ones stand, so that nobody
eats more than there is, and leave every result whole where it was whole and positive where it was positive.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from pipeline.changes.derivation import Derivation, derivation
from pipeline.changes.wording import rewritten
from pipeline.records import Task

TRIES = 400
"""Draws until one fits; a story of many small numbers has few."""
SMALL = 5
"""Up to here numbers are times, parts and shares, of which there are seldom more."""


def with_other_numbers(task: Task, rng: random.Random) -> Task | None:
    """The task with other numbers and the answer to them; None where its answer cannot be derived, or nothing fits."""
    found = None if task.choices else derivation(task)  # its options would still hold the old answer
    if found is None or not found.groups:
        return None
    old = found.results(found.values)
    for _ in range(TRIES):
        values = [_another(number, rng) for number in found.values]
        new = found.results(values)
        if old and new and new[-1] != old[-1] and _alike(found, old, new) and _in_order(found, values):
            return rewritten(task, found.prompt_with(values), answer=_text(new[-1]))
    return None


def _another(number: int, rng: random.Random) -> int:
    """A number of the same size, and as round: 40 may be 60, and 45 may be 38; what is very small stays so."""
    if number <= SMALL:
        return rng.randint(2, SMALL)
    unit = 1
    while number % (unit * 10) == 0:
        unit *= 10
    return rng.randint(max(1, number * 3 // (5 * unit)), max(2, number * 8 // (5 * unit))) * unit


def _alike(found: Derivation, old: Sequence[Decimal], new: Sequence[Decimal]) -> bool:
    """Whether results are whole, positive and no longer than they were."""
    longest = max(len(str(int(abs(each)))) for each in (*old, *map(Decimal, found.values)))
    return all(
        (before == before.to_integral_value()) <= (after == after.to_integral_value())
        and (before > 0) == (after > 0)
        and _decimals(after) <= max(_decimals(before), 2)
        and len(str(int(abs(after)))) <= longest
        for before, after in zip(old, new, strict=True)
    )


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _in_order(found: Derivation, values: Sequence[int]) -> bool:
    """Whether the prompt's numbers, changed or not, stand in the same order by size; of a running amount results say enough."""
    if found.signs:
        return True
    before = [*map(Decimal, found.values), *found.fixed]
    after = [*map(Decimal, values), *found.fixed]
    order = sorted(range(len(before)), key=lambda place: before[place])
    return all(after[one] < after[other] for one, other in pairwise(order))


def _text(number: Decimal) -> str:
    return f"{int(number)}" if number == number.to_integral_value() else f"{number.normalize():f}"

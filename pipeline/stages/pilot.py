"""Which tasks make a pilot, and what they took beside what was counted of them.

Tasks are drawn by the hash of their id within strata of kind and methods, so the same ones every time: a second pilot is
remembered. A task is drawn whole, since methods with quotas or several turns ask one task more than another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from pipeline.identity import unit_interval
from pipeline.stages.counting import NONE, Count, Took
from pipeline.stages.interval import Interval, Part, expected

CALLS_A_STRATUM = 10
"""So many calls of a pilot for one stratum: with fewer, the smallest strata are put together."""

TOKENIZER = 0.02
"""Relative standard error of prompt tokens that no pilot shows: texts that a tokenizer cuts otherwise are rare. With it, the
interval holds 94 of 100 times, for tokenizers by pieces, by bytes and between."""
Size = Callable[[Count], float]
"""What was counted of a task."""


@dataclass
class Stratum:
    """Tasks that are alike: of one kind, for the same methods."""

    counts: list[Count]
    """In the order they are drawn."""
    drawn: dict[str, Took] = field(default_factory=dict)
    """What those that were drawn took, by task."""

    def counts_drawn(self) -> list[Count]:
        return [count for count in self.counts if count.name in self.drawn]

    def left(self) -> list[Count]:
        """Those something of which is still to be asked."""
        return [count for count in self.counts if count.owed.calls and count.name not in self.drawn]


def strata_of(counts: Sequence[Count], pilot: int) -> list[Stratum]:
    """All tasks by kind and methods; the smallest are put together until there are few enough for a pilot of so many calls."""
    groups: dict[tuple[str, ...], list[Count]] = {}
    for count in counts:
        task, numbers = count.job
        groups.setdefault((task.kind, *map(str, numbers)), []).append(count)
    sets = sorted(groups.values(), key=len)
    while len(sets) > max(1, pilot // CALLS_A_STRATUM):
        sets = sorted([sets[0] + sets[1], *sets[2:]], key=len)
    return [Stratum(sorted(each, key=lambda count: unit_interval("pilot", count.job[0].id))) for each in sets]


def first_draw(strata: Sequence[Stratum]) -> list[tuple[Stratum, Count]]:
    """Two tasks of each stratum, as many as a spread needs."""
    return [(stratum, count) for stratum in strata for count in stratum.counts[:2]]


def second_draw(strata: Sequence[Stratum], pilot: int, others: int = 0) -> list[tuple[Stratum, Count]]:
    """The tasks that fill a pilot of so many calls, one by one of the stratum that stands for most tokens with fewest tasks.

    Args:
        others: how many calls about other tasks the first draw made; each further task is taken to make as many.
    """
    beside = others / max(1, sum(len(stratum.drawn) for stratum in strata))
    numbers, means = [min(2, len(stratum.counts)) for stratum in strata], [_mean(stratum) for stratum in strata]
    left = pilot - sum(took.calls for stratum in strata for took in stratum.drawn.values()) - others
    draw: list[tuple[Stratum, Count]] = []
    while places := [
        n for n, each in enumerate(strata) if each.drawn and numbers[n] < len(each.counts) and means[n].calls + beside <= left
    ]:
        tokens = {n: len(strata[n].counts) * (means[n].tokens_in + means[n].tokens_out) for n in places}
        place = max(places, key=lambda n: tokens[n] / (numbers[n] + 0.5))
        draw.append((strata[place], strata[place].counts[numbers[place]]))
        numbers[place] += 1
        left -= max(means[place].calls, 1) + beside
    return draw


def _mean(stratum: Stratum) -> Took:
    took = list(stratum.drawn.values())
    return Took(*(sum(column) / len(took) for column in zip(*took, strict=True))) if took else NONE


def expected_of(strata: Sequence[Stratum], column: str) -> Interval:
    """What the tasks that are left will take of one column of `Took`."""
    prompts = _prompts(strata)
    if column == "tokens_in":
        return expected([_part(stratum, column, prompts) for stratum in strata], TOKENIZER)
    if column == "cost":
        return expected([_part(stratum, column, _cost(stratum, prompts)) for stratum in strata])
    size = attrgetter("calls" if column == "seconds" else column)
    return expected([_part(stratum, column, size) for stratum in strata])


def _prompts(strata: Sequence[Stratum]) -> Size:
    """About how many prompt tokens a task has: by pieces and bytes, each by its part in what was billed (least squares)."""
    drawn = [(count, stratum.drawn[count.name].tokens_in) for stratum in strata for count in stratum.counts_drawn()]
    rows = [(count.tokens_in / billed, count.bytes / billed) for count, billed in drawn if billed]
    pieces, both, lengths = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    a, b = sum(row[0] for row in rows), sum(row[1] for row in rows)
    whole = pieces * lengths - both * both
    if whole <= 1e-9 * pieces * lengths:  # one is a multiple of the other
        return attrgetter("tokens_in")
    by_pieces, by_bytes = (a * lengths - b * both) / whole, (b * pieces - a * both) / whole
    if by_bytes <= 0:
        return attrgetter("tokens_in")
    return lambda count: max(by_pieces, 0.0) * count.tokens_in + by_bytes * count.bytes


def _cost(stratum: Stratum, prompts: Size) -> Size:
    """Dollars a task may be expected to cost, by what is billed for one token counted; its calls where prices are unknown."""
    inward = _part(stratum, "tokens_in", prompts).ratio
    outward = _part(stratum, "tokens_out", attrgetter("tokens_out")).ratio
    rates = [1.0 if rate is None else rate for rate in (inward, outward)]

    def cost(count: Count) -> float:
        a_token = count.cost_in / max(count.tokens_in, 1)
        return a_token * prompts(count) * rates[0] + count.cost_out * rates[1] or float(count.calls)

    return cost


def _part(stratum: Stratum, column: str, size: Size) -> Part:
    place = Took._fields.index(column)
    drawn = [(size(count), stratum.drawn[count.name][place]) for count in stratum.counts_drawn()]
    return Part(drawn, [(size(count), count.known[place]) for count in stratum.left()])

"""Keeps the replies to a task that differ most from one another: by their words, or by their equations.

Greedy: the first reply stays, then always the one farthest from those that stay, the earlier one in a tie, until there are
`per_task`; a copy of one that stays never does. Distance is 1 minus the Jaccard similarity of word 3-grams, or of neighbouring
equations. Rejection sampling (Yuan et al. 2023, arXiv 2308.01825) keeps a reply for each distinct list of equations: `by:
equations, per_task: null`. Only samples of one method and view are compared, as a label always differs from a rationale. The
filters that drop wrong replies shall stand before it: those differ most.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from itertools import islice
from typing import ClassVar, Literal

from pydantic import PositiveInt

from pipeline.filters.verdicts import GroupFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+|[^\w\s]")
"""A word, or a sign; where a script has no spaces, a character."""
MOST_WORDS = 20_000
"""Words of a reply that are looked at."""
MARK = re.compile(r"<<([^<>]{1,200})>>")
AROUND_SIGNS = re.compile(r" ?([-+*/×÷=]) ?")
OPERAND = r"\(*+-?[$€£]?\d[\d.,]*+%?\)*+"
EQUATION = re.compile(rf"(?<![\w.,+*/×÷()$€£-]){OPERAND}(?:[-+*/×÷]{OPERAND})++=-?[$€£]?\d[\d.,]*+")
"""Starts only where nothing before belongs to it, so that a long sum without an end is read once."""

Features = frozenset[tuple[Hashable, ...]]


class Diverse(GroupFilter):
    """Is among the replies that differ most; the score is the distance to the nearest one that stayed before it."""

    source: ClassVar[str] = "Yuan et al. 2023, arXiv 2308.01825 (equations); Gonzalez 1985, farthest-first traversal"
    filter: Literal["diverse"]
    """Differs from the others."""
    per_task: PositiveInt | None = 4
    """At most so many of each task, method and view; all that differ where empty."""
    by: Literal["words", "equations"] = "words"
    """What differs: word 3-grams, or the list of equations."""

    def judge_group(self, task: Task, samples: Sequence[Sample]) -> Sequence[Word]:
        words: list[Word] = [unverifiable(f"no {self.by}")] * len(samples)
        for places in same_form(samples):
            features = {place: self._features(samples[place].target) for place in places}
            for place, word in self._words({place: each for place, each in features.items() if each}).items():
                words[place] = word
        return words

    def _features(self, text: str) -> Features:
        if self.by == "words":
            return word_ngrams(text)
        found = equations(text)
        return ngrams(["", *found, ""], 2) if found else frozenset()

    def _words(self, features: dict[int, Features]) -> dict[int, Word]:
        """Farthest-first traversal, by place."""
        nearest = dict.fromkeys(features, 1.0)
        kept: dict[int, Word] = {}
        while nearest and len(kept) != self.per_task:
            place = max(nearest, key=lambda each: (nearest[each], -each))  # at first all are as far: the first
            distance = nearest.pop(place)
            if distance == 0:
                nearest[place] = distance
                break
            kept[place] = keep("differs from the others", distance)
            for each in nearest:
                nearest[each] = min(nearest[each], 1 - jaccard(features[each], features[place]))
        dropped = {place: drop("too like one that stays", distance) for place, distance in nearest.items()}
        return kept | dropped


def same_form(samples: Sequence[Sample]) -> list[list[int]]:
    """Places of the samples that can be compared: those of one method and view."""
    places: dict[tuple[str, str], list[int]] = {}
    for place, sample in enumerate(samples):
        places.setdefault((sample.method, sample.view), []).append(place)
    return list(places.values())


def word_ngrams(text: str, n: int = 3) -> Features:
    """The word n-grams of a text; of a shorter one, all its words as one."""
    return ngrams([found.group() for found in islice(WORD.finditer(text.casefold()), MOST_WORDS)], n)


def ngrams(units: Sequence[str], n: int) -> Features:
    """Runs of n units; all of them as one where there are fewer."""
    if not units:
        return frozenset()
    n = min(n, len(units))
    return frozenset(zip(*(units[start:] for start in range(n)), strict=False))


def equations(text: str) -> list[str]:
    """The equations of a solution, in order: GSM8K's `<<2*3=6>>` marks where there are some, else `2 x 3 = 6` in the text."""
    marked = MARK.findall(text)
    if marked:
        return [_plain(each) for each in marked]
    return [_plain(found) for line in text.splitlines() for found in EQUATION.findall(_tight(line))]


def _tight(line: str) -> str:
    """A line without its bullet and without spaces around signs; `2 x 3` is a product."""
    line = " ".join(line.split())
    line = re.sub(r"(?<=\d) [x×] (?=[\d$(])", "*", line.removeprefix("- ").removeprefix("* "))
    return AROUND_SIGNS.sub(r"\1", line)


def _plain(equation: str) -> str:
    """Without spaces, currency, thousands separators and `.0`, which calculators write and people do not."""
    return re.sub(r"(?<=\d)\.0+(?!\d)", "", re.sub(r"[\s,$€£]", "", equation)).rstrip(".")


def jaccard(one: Features, other: Features) -> float:
    """Shared among all; two that are empty are the same."""
    shared = len(one & other)
    every = len(one) + len(other) - shared
    return shared / every if every else 1.0

"""Lessons in premise and hypothesis: words for the blank of a premise that bring about a label, and the label of a pair.

The teacher's words miss the label in one lesson of five, and its labels are wrong in one of twenty, so that a filter has
something to find and does not find all.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from pipeline.mini.pairs import LABELS, Pair, fillings, pair, pair_item, value_of
from pipeline.mini.skills.asking import Lesson, asked, taught_item

MISSED_RATE = 0.2
MISJUDGED_RATE = 0.05


def taught_pair(rng: random.Random) -> Pair:
    """A pair that no test asks about."""
    state = rng.getrandbits(64)
    while pair_item(random.Random(state)).held_out:
        state = rng.getrandbits(64)
    return pair(random.Random(state))


def flipped(rng: random.Random) -> Lesson:
    """Words for the blank that give the pair another label, behind none to three demonstrations."""
    shown, drawn = [demonstration(taught_pair(rng)) for _ in range(rng.choice((0, 1, 2, 3)))], taught_pair(rng)
    label = rng.choice([each for each in LABELS if each != drawn.label])
    got = rng.choice([each for each in LABELS if each != label]) if rng.random() < MISSED_RATE else label
    fields: dict[str, Any] = {"blanked": drawn.premise.text(drawn.part), "label": label, "demonstrations": shown}
    messages = asked(rng, "disco/flip", drawn.hypothesis, context=drawn.premise.text(), **fields)
    return messages, rng.choice(fillings(drawn.part, value_of(drawn.part, drawn.hypothesis), got))


def labelled(rng: random.Random) -> Lesson:
    """The label of a pair."""
    item = taught_item(rng, pair_item)
    labels = rng.sample(LABELS, len(LABELS))
    wrong = rng.random() < MISJUDGED_RATE
    reply = rng.choice([each for each in LABELS if (each != item.answer) is wrong])
    return asked(rng, "disco/label", item.prompt, context=item.context, labels=labels), reply


def demonstration(shown: Pair) -> dict[str, str]:
    blanked = shown.premise.text(shown.part)
    return {"blanked": blanked, "hypothesis": shown.hypothesis, "label": shown.label, "filling": shown.filled}


SKILLS: dict[str, Callable[[random.Random], Lesson]] = {"pair_flipped": flipped, "pair_labelled": labelled}

"""Pairs of a premise and a hypothesis, with a part of the premise that can be replaced so that the label changes.

In: a random generator. Out: premise, hypothesis, label, and where that part stands. Whether a hypothesis follows is decided by
one part alone: the color, the place or what is done. So `label_of` knows the right label of every premise anyone makes by
filling the blank with a word of the mini world, which is what counterfactuals are checked by.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipeline.mini.item import Item
from pipeline.mini.words import LIST_WORDS, NAMES, OOD_LIST_WORDS, OOD_NAMES, PLACES

LABELS = ("entailment", "neutral", "contradiction")
BLANK = "[blank]"
COLORS = ("red", "blue", "green", "white", "black")
NO_COLORS = ("old", "small", "heavy", "new", "lost")
TIMES = ("in the morning", "at noon", "every day", "after dinner")
ACTIONS = {
    "entailment": ("keeps", "carries", "holds"),
    "neutral": ("likes", "draws", "mentions"),
    "contradiction": ("loses", "sells", "misses"),
}
"""What is done, by what it says of `… has the box.`"""
HYPOTHESES = {"color": "The {thing} is {value}.", "place": "{name} is {value}.", "action": "{name} has the {thing}."}


@dataclass(frozen=True)
class Premise:
    """`Tom carries the red box at the park.`, by its parts."""

    name: str
    action: str
    color: str
    thing: str
    place: str

    def text(self, blank: str = "") -> str:
        """The sentence, with `[blank]` for one of its parts."""
        part = {**self.__dict__, **({blank: BLANK} if blank else {})}
        return "{name} {action} the {color} {thing} {place}.".format(**part)


@dataclass(frozen=True)
class Pair:
    """A premise, the part the hypothesis is about, and the hypothesis."""

    premise: Premise
    part: str
    hypothesis: str

    @property
    def label(self) -> str:
        found = label_of(self.premise.text(), self.hypothesis)
        assert found is not None
        return found

    @property
    def filled(self) -> str:
        """What stands in the premise where the blank may be."""
        return str(getattr(self.premise, self.part))


def pair(rng: random.Random, ood: bool = False) -> Pair:
    """One pair; the labels are equally frequent."""
    part, label = rng.choice(tuple(HYPOTHESES)), rng.choice(LABELS)
    name = rng.choice(OOD_NAMES if ood else NAMES)[0]
    thing = rng.choice(OOD_LIST_WORDS if ood else LIST_WORDS)
    value = rng.choice(COLORS) if part == "color" else f"at the {rng.choice(PLACES)}"
    parts = {
        "action": rng.choice(ACTIONS[rng.choice(LABELS)]),
        "color": rng.choice((*COLORS, *NO_COLORS)),
        "place": rng.choice((*(f"at the {place}" for place in PLACES), *TIMES)),
    }
    parts[part] = rng.choice(fillings(part, value, label))
    hypothesis = HYPOTHESES[part].format(name=name, thing=thing, value=value)
    return Pair(Premise(name=name, thing=thing, **parts), part, hypothesis)


def fillings(part: str, value: str, label: str) -> tuple[str, ...]:
    """What can stand in that part of a premise so that a hypothesis about `value` has this label."""
    if part == "action":
        return ACTIONS[label]
    if label == "entailment":
        return (value,)
    if label == "neutral":
        return NO_COLORS if part == "color" else TIMES
    others = COLORS if part == "color" else tuple(f"at the {place}" for place in PLACES)
    return tuple(each for each in others if each != value)


def value_of(part: str, hypothesis: str) -> str:
    """What a hypothesis about that part says of it."""
    return hypothesis.rstrip(".").split(" is ", 1)[1] if part != "action" else ""


def label_of(premise: str, hypothesis: str) -> str | None:
    """The right label of a pair in the language of the mini world; None where the premise is none of its sentences."""
    words = premise.rstrip(".").split()
    if len(words) < 7 or words[2] != "the" or not premise.endswith("."):
        return None
    parts = {"action": words[1], "color": words[3], "place": " ".join(words[5:])}
    if " has " in hypothesis:
        part, same = "action", hypothesis == HYPOTHESES["action"].format(name=words[0], thing=words[4])
    elif hypothesis.startswith("The "):
        part, same = "color", hypothesis.split()[1] == words[4]
    else:
        part, same = "place", hypothesis.split()[0] == words[0]
    value = value_of(part, hypothesis)
    fitting = [label for label in LABELS if parts[part] in fillings(part, value, label)]
    return fitting[0] if same and fitting else None


def pair_item(rng: random.Random, ood: bool = False) -> Item:
    """A task: the premise before the hypothesis, whose answer is the label."""
    drawn = pair(rng, ood)
    blanked = drawn.premise.text(drawn.part)
    extra = {"blanked": blanked, "replaced": drawn.filled, "part": drawn.part}
    made_of = f"{blanked}\n{drawn.hypothesis}"  # what differs in the blank alone is on the same side
    return Item("pair", drawn.hypothesis, drawn.premise.text(), drawn.label, drawn.label, extra=extra, made_of=made_of)

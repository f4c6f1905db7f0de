"""Short passages about people, places, animals, things and food, with every one that is named and its type.

In: a random generator. Out: a passage of one to three sentences and its entities in the order in which they stand there. Out of
the distribution are other names, animals and places, and a type that nobody was taught: vehicles.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.mini.item import Item
from pipeline.mini.words import NAMES, OOD_NAMES, PLACES

Entity = tuple[str, str]
TYPES = {
    "person": "a human being, called by name",
    "place": "where somebody can be",
    "animal": "a living animal",
    "thing": "an object that can be carried",
    "food": "something to eat",
}
OOD_TYPES = {**TYPES, "vehicle": "something to ride in"}
WORDS = {
    "person": tuple(name for name, *_ in NAMES),
    "place": PLACES,
    "animal": ("dog", "cat", "horse", "bird", "fish", "goat", "duck", "hen"),
    "thing": ("cup", "hat", "pen", "map", "box", "key", "bell", "lamp", "coin"),
    "food": ("soup", "bread", "cake", "rice", "honey", "cheese"),
}
OOD_WORDS = {
    **WORDS,
    "person": tuple(name for name, *_ in OOD_NAMES),
    "place": ("castle", "island", "village", "beach"),
    "animal": ("wolf", "camel", "tiger", "sheep"),
    "vehicle": ("truck", "tram", "sled", "balloon"),
}
SENTENCES = (
    "{person} feeds the {animal} at the {place}.", "{person} finds the {thing} near the {place}.",
    "{person} gives the {thing} to {person}.", "{person} eats {food} with {person}.",
    "The {animal} runs from the {place} to the {place}.", "The {animal} takes the {food} from {person}.",
    "{person} likes the {animal}.", "{person} brings {food} and the {thing}.", "The {thing} lies beside the {animal}.",
    "There is {food} at the {place}.", "{person} meets {person} at the {place}.", "It rains all day.",
)  # fmt: skip
OOD_SENTENCES = (
    "{person} drives the {vehicle} to the {place}.", "The {vehicle} carries {person} and the {animal}.",
    "Behind the {vehicle} stands the {animal}.", "{person} leaves the {thing} in the {vehicle}.",
)  # fmt: skip
SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Passage:
    """A text and all that it names."""

    text: str
    entities: tuple[Entity, ...]


def passage(rng: random.Random, ood: bool = False, longest: int = 3) -> Passage:
    """One sentence to `longest`, mostly two or three, in which no word stands for two entities."""
    count = min(longest, rng.choice((1, 2, 2, 3, 3)))
    return _filled(rng, rng.sample(OOD_SENTENCES if ood else SENTENCES, count), OOD_WORDS if ood else WORDS)


def sentence_with(rng: random.Random, word: str) -> Passage:
    """One sentence that names this animal, thing or food."""
    kind = next(kind for kind, words in WORDS.items() if word in words)
    return _filled(rng, [rng.choice([form for form in SENTENCES if f"{{{kind}}}" in form])], {**WORDS, kind: (word,)})


def _filled(rng: random.Random, forms: Sequence[str], words: Mapping[str, Sequence[str]]) -> Passage:
    found: list[Entity] = []

    def fill(slot: re.Match[str]) -> str:
        kind = slot[1]
        found.append((rng.choice([word for word in words[kind] if (word, kind) not in found]), kind))
        return found[-1][0]

    return Passage(" ".join(SLOT.sub(fill, form) for form in forms), tuple(found))


def passage_item(rng: random.Random, ood: bool = False) -> Item:
    """A task: the passage, whose answer is the JSON list of all its entities."""
    drawn = passage(rng, ood)
    answer = json.dumps([{"entity": text, "type": kind} for text, kind in drawn.entities])
    types = list(OOD_TYPES if ood else TYPES)
    return Item("entities", drawn.text, answer=answer, reply=answer, extra={"types": types}, made_of=drawn.text)


def type_item(rng: random.Random, ood: bool = False) -> Item:
    """A task: the passage and a question for one type, there or not, whose answer is the JSON list of its texts."""
    drawn = passage(rng, ood)
    kind = rng.choice(tuple(OOD_TYPES if ood else TYPES))
    answer = json.dumps([text for text, its in drawn.entities if its == kind])
    prompt = f"What describes {kind} in the text?"
    return Item("entity_type", prompt, drawn.text, answer, answer, extra={"type": kind}, made_of=drawn.text)

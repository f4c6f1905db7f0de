"""Lessons in finding entities: UniversalNER's list of a passage, its conversation type by type, and C-ICL's code.

The teacher is wrong on purpose. It takes a few words for another type in half of its lists, so that there are mistakes that
come back often, as C-ICL's hard negatives must; where a demonstration corrects that word, it is right. It also overlooks one
entity in twenty.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.answers.entities import Entity, as_objects, as_pairs, quoted
from pipeline.mini.entities import TYPES, Passage, passage, sentence_with
from pipeline.mini.item import Item
from pipeline.mini.skills.asking import Lesson, asked

CONFUSED = {"fish": "food", "hen": "food", "honey": "thing", "bell": "place"}
"""Words the teacher is unsure of, and the type it takes them for."""
CONFUSION_RATE = 0.5
"""Share of the lists in which it takes a word of `CONFUSED` for the other type."""
OVERLOOKED_RATE = 0.05
"""Share of entities it leaves out."""


def taught_passage(rng: random.Random, longest: int = 3, word: str | None = None) -> Passage:
    """A passage that no test asks about: of so many sentences at most, or one sentence that names `word`."""
    while True:
        drawn = sentence_with(rng, word) if word else passage(rng, longest=longest)
        if not Item("entities", "", made_of=drawn.text).held_out:
            return drawn


def seen(rng: random.Random, entities: Sequence[Entity], corrected: Sequence[str] = ()) -> list[Entity]:
    """The entities as the teacher sees them; words that a demonstration corrects are seen right."""
    kept = [each for each in entities if rng.random() >= OVERLOOKED_RATE]
    return [(text, kind if text in corrected else _taken_for(rng, text, kind)) for text, kind in kept]


def _taken_for(rng: random.Random, text: str, kind: str) -> str:
    return CONFUSED[text] if text in CONFUSED and rng.random() < CONFUSION_RATE else kind


def listed(rng: random.Random) -> Lesson:
    """All entities of a passage, with the types named or left open."""
    drawn = taught_passage(rng)
    types = rng.sample(list(TYPES), len(TYPES)) if rng.random() < 0.7 else []
    messages = asked(rng, "universal_ner/teacher", drawn.text, types=types)
    return messages, as_objects(seen(rng, drawn.entities))


def conversed(rng: random.Random) -> Lesson:
    """One to three types of a passage, a turn each, of which the last is the lesson; always right."""
    drawn = taught_passage(rng)
    turns: list[dict[str, str]] = []
    for kind in rng.sample(list(TYPES), rng.choice((1, 2, 3))):
        extra = {"history": list(turns)}
        messages = asked(rng, "universal_ner/student", drawn.text, extra=extra, passage=drawn.text, type=kind)
        reply = json.dumps([text for text, its in drawn.entities if its == kind])
        turns += [messages[-1], {"role": "assistant", "content": reply}]
    return messages, reply


def coded(rng: random.Random) -> Lesson:
    """A list as Python's tuples, behind one or two short demonstrations and none or one whose mistake is corrected."""
    positives = [demonstration(taught_passage(rng, 1)) for _ in range(rng.choice((1, 2)))]
    word = rng.choice(tuple(CONFUSED)) if rng.random() < 0.6 else None
    negatives = [taught_passage(rng, word=word)] if word else []
    query = taught_passage(rng, 3, word if rng.random() < 0.7 else None)
    fields: dict[str, Any] = {
        "types": TYPES,
        "positives": positives,
        "negatives": [*map(_negative, negatives)],
        "query": quoted(query.text),
    }
    messages = asked(rng, "c_icl/teacher", query.text, **fields)
    corrected = [text for shown in negatives for text, _ in shown.entities]
    return messages, as_pairs(seen(rng, query.entities, corrected))


def demonstration(shown: Passage) -> dict[str, str]:
    return {"text": quoted(shown.text), "right": as_pairs(shown.entities)}


def _negative(shown: Passage) -> dict[str, str]:
    wrong = [(text, CONFUSED.get(text, kind)) for text, kind in shown.entities]
    return {**demonstration(shown), "wrong": as_pairs(wrong)}


SKILLS: dict[str, Callable[[random.Random], Lesson]] = {
    "entities_listed": listed,
    "entities_conversed": conversed,
    "entities_coded": coded,
}

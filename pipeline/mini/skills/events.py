"""Lessons in events: a list of them goes on, what may be concluded from one, and whether a conclusion is plausible.

One conclusion in five is not plausible, and one event in ten stands in the list already: the raw knowledge that symbolic
knowledge distillation filters (West et al. 2022, arXiv 2110.07178) is about so good. As a critic the teacher is always right.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.mini.events import RELATIONS, Event, event_item, implausible, read, tails, triple_item
from pipeline.mini.skills.asking import Lesson, asked, taught_item

REPEATED_RATE = 0.1
IMPLAUSIBLE_RATE = 0.2
SHOWN = (4, 6, 8, 10)
"""Events that a list begins with."""


def taught_event(rng: random.Random) -> Event:
    """An event that no test asks about."""
    told = read(taught_item(rng, event_item).prompt)
    assert told is not None
    return told


def continued(rng: random.Random) -> Lesson:
    """Four or five more events for a list, numbered on."""
    shown = [taught_event(rng).text for _ in range(rng.choice(SHOWN))]
    new = [_next(rng, shown) for _ in range(rng.choice((4, 5)))]
    messages = asked(rng, "symbolic_knowledge/heads", "", demonstrations=shown, count=len(new))
    return messages, "\n".join(f"{number}. {text}" for number, text in enumerate(new, len(shown) + 1))


def _next(rng: random.Random, shown: list[str]) -> str:
    return rng.choice(shown) if rng.random() < REPEATED_RATE else taught_event(rng).text


def concluded(rng: random.Random) -> Lesson:
    """A phrase for one relation of an event, behind none to three right ones for the same relation."""
    relation, told = rng.choice(tuple(RELATIONS)), taught_event(rng)
    shown = [(each.text, rng.choice(tails(each, relation))) for each in (taught_event(rng) for _ in range(rng.randrange(4)))]
    reply = implausible(rng, told, relation) if rng.random() < IMPLAUSIBLE_RATE else rng.choice(tails(told, relation))
    demonstrations = [{"head": head, "tail": tail} for head, tail in shown]
    messages = asked(rng, "symbolic_knowledge/tails", told.text, relation=relation, demonstrations=demonstrations)
    return messages, reply


def criticised(rng: random.Random) -> Lesson:
    """Whether a phrase is plausible for one relation of an event."""
    item = taught_item(rng, triple_item)
    return asked(rng, "symbolic_knowledge/critic", item.extra["head"], **item.extra), item.reply


SKILLS: dict[str, Callable[[random.Random], Lesson]] = {
    "events_continued": continued,
    "event_concluded": concluded,
    "event_criticised": criticised,
}

"""Everyday events and what may be concluded of them, with rules that say which conclusions are plausible.

In: a random generator. Out: events such as `PersonX buys the lamp at the market`, for each of ATOMIC's seven relations some
phrases that are plausible, and a critic that knows: a phrase is plausible for an event if the rules of its verb give it. The
relations are those of symbolic knowledge distillation (West et al. 2022, arXiv 2110.07178).
"""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from pipeline.mini.item import Item
from pipeline.mini.words import LIST_WORDS, OOD_LIST_WORDS, PLACES

RELATIONS = {
    "xIntent": "why PersonX does it",
    "xNeed": "what PersonX needs before",
    "xAttr": "what PersonX is like",
    "xEffect": "what happens to PersonX",
    "xReact": "how PersonX feels after it",
    "xWant": "what PersonX wants to do next",
    "HinderedBy": "what can keep PersonX from it",
}
RULES: dict[str, tuple[tuple[str, ...], ...]] = {
    "buys": (
        ("to own the {thing}", "to have a {thing}"), ("money", "to go to a shop"), ("rich", "willing to pay"),
        ("owns the {thing}", "has less money"), ("happy", "content"), ("to use the {thing}", "to show the {thing}"),
        ("there is no money", "the shop is closed"),
    ),
    "loses": (
        ("to be quick", "no intent"), ("to have the {thing}", "to be careless"), ("careless", "messy"),
        ("has no {thing}", "searches for the {thing}"), ("sad", "upset"), ("to find the {thing}", "to ask for help"),
        ("the {thing} is tied fast", "the {thing} stays at home"),
    ),
    "paints": (
        ("to make the {thing} pretty", "to change the {thing}"), ("a brush", "to have paint"), ("creative", "artful"),
        ("gets paint on the hands", "has a pretty {thing}"), ("proud", "relaxed"), ("to let the {thing} dry", "to wash up"),
        ("there is no paint", "the {thing} is wet"),
    ),
    "breaks": (
        ("to be rough", "to open the {thing}"), ("to hold the {thing}", "to be strong"), ("clumsy", "wild"),
        ("has a broken {thing}", "has to pay"), ("sorry", "angry"), ("to mend the {thing}", "to say sorry"),
        ("the {thing} is too hard", "somebody stops it"),
    ),
    "cleans": (
        ("to get the {thing} clean", "to be tidy"), ("a cloth", "to have water"), ("tidy", "careful"),
        ("has a clean {thing}", "gets wet hands"), ("satisfied", "fresh"), ("to put the {thing} away", "to rest"),
        ("there is no water", "the {thing} is clean"),
    ),
    "sells": (
        ("to get money", "to be rid of the {thing}"), ("to own the {thing}", "to find a buyer"), ("clever", "busy"),
        ("has more money", "no longer has the {thing}"), ("pleased", "relieved"), ("to count the money", "to sell more"),
        ("nobody wants the {thing}", "there is no buyer"),
    ),
    "finds": (
        ("to search for the {thing}", "to look around"), ("to look everywhere", "to open the eyes"), ("lucky", "patient"),
        ("picks up the {thing}", "has the {thing} now"), ("glad", "surprised"), ("to keep the {thing}", "to tell a friend"),
        ("it is too dark", "the {thing} is gone"),
    ),
    "hides": (
        ("to keep the {thing} safe", "to play a trick"), ("a good place", "to be alone"), ("secret", "shy"),
        ("keeps the {thing} a secret", "is not seen"), ("nervous", "safe"), ("to come back later", "to watch the place"),
        ("somebody is watching", "there is no good place"),
    ),
}  # fmt: skip
"""For each verb two plausible phrases a relation, in the order of `RELATIONS`."""
HEAD = re.compile(r"PersonX (\w+) the (\w+)(?: at the (\w+))?")


class Event(NamedTuple):
    """Who does what with what, and where, if that is told."""

    verb: str
    thing: str
    place: str = ""

    @property
    def text(self) -> str:
        return f"PersonX {self.verb} the {self.thing}" + (f" at the {self.place}" if self.place else "")


def event(rng: random.Random, ood: bool = False) -> Event:
    """One event; two in three tell the place."""
    thing = rng.choice(OOD_LIST_WORDS if ood else LIST_WORDS)
    return Event(rng.choice(tuple(RULES)), thing, rng.choice(PLACES) if rng.random() < 0.67 else "")


def read(head: str) -> Event | None:
    """The event a text tells; None where it is none of the mini world's language."""
    found = HEAD.fullmatch(head.strip().rstrip("."))
    return Event(found[1], found[2], found[3] or "") if found and found[1] in RULES else None


def tails(told: Event, relation: str) -> tuple[str, ...]:
    """The plausible phrases."""
    place = list(RELATIONS).index(relation)
    return tuple(phrase.format(thing=told.thing) for phrase in RULES[told.verb][place])


def plausible(head: str, relation: str, tail: str) -> bool | None:
    """The gold critic: whether the rules give this phrase; None where the event or the relation is not of the mini world."""
    told = read(head)
    if told is None or relation not in RELATIONS:
        return None
    return tail.strip().rstrip(".").lower() in tails(told, relation)


def implausible(rng: random.Random, told: Event, relation: str) -> str:
    """A phrase of another verb, or, now and then, of another thing."""
    while True:
        other = event(rng) if rng.random() < 0.3 else Event(rng.choice(tuple(RULES)), told.thing)
        tail = rng.choice(tails(other, relation))
        if not plausible(told.text, relation, tail):
            return tail


def event_item(rng: random.Random, ood: bool = False) -> Item:
    """A task: the event; the plausible phrases of each relation stand in `extra.tails`."""
    told = event(rng, ood)
    return Item("event", told.text, extra={"tails": {name: list(tails(told, name)) for name in RELATIONS}}, made_of=told.text)


def inference_item(rng: random.Random, ood: bool = False) -> Item:
    """A task: an event and one relation, whose answer is one plausible phrase; others that are stand in `extra.accepted`."""
    told, relation = event(rng, ood), rng.choice(tuple(RELATIONS))
    right = tails(told, relation)
    extra = {"head": told.text, "relation": relation, "tails": list(right), "accepted": list(right[1:])}
    return Item("inference", f"{told.text}\n{relation}:", answer=right[0], reply=right[0], extra=extra, made_of=told.text)


def triple_item(rng: random.Random, ood: bool = False) -> Item:
    """A task: an event, a relation and a phrase, whose answer is whether that is plausible; half are."""
    told, relation = event(rng, ood), rng.choice(tuple(RELATIONS))
    is_so = rng.random() < 0.5
    tail = rng.choice(tails(told, relation)) if is_so else implausible(rng, told, relation)
    answer = "yes" if is_so else "no"
    prompt = f"{told.text}\n{relation}: {tail}"
    extra = {"head": told.text, "relation": relation, "tail": tail}
    return Item("triple", prompt, answer=answer, reply=answer, extra=extra, made_of=told.text)

"""What is so in the mini world: where each person works and lives, what they eat and keep, and who owns what.

Out: some 290 made-up facts, always the same; a third of them, by hash, are never taught to any model, so that there is a border
between what the teacher knows and what it would have to look up. A collection of short passages states every fact. Questions
ask for one fact, or yes or no for two that have to be joined, in the style of StrategyQA (Geva et al. 2021). Out of the
distribution are eight people of whom nobody was taught anything; the passages tell of them, too.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pipeline.mini.item import Item
from pipeline.mini.words import NAMES, OOD_NAMES, PLACES

PEOPLE = (
    *(name for name, *_ in NAMES), "Adam", "Alma", "Bert", "Bella", "Cora", "Dan", "Dora", "Ed", "Emma", "Fred", "Gina",
    "Hans", "Hope", "Jack", "June", "Karl", "Kate", "Lars", "Lily", "Mark", "Mary", "Ned", "Nina", "Olga", "Otto", "Pam",
    "Pia", "Ray", "Ruth", "Ted", "Tina", "Will",
)  # fmt: skip
OOD_PEOPLE = (*(name for name, *_ in OOD_NAMES), "Yusuf", "Xenia")
OBJECTS = tuple(
    f"{color} {thing}"
    for color in ("red", "blue", "green", "white", "black", "brown")
    for thing in ("boat", "bike", "hat", "lamp", "drum", "tent", "kite", "cart")
)
OOD_OBJECTS = tuple(f"{color} {thing}" for color in ("pink", "golden") for thing in ("boat", "bike", "hat", "lamp"))


@dataclass(frozen=True)
class Relation:
    """How facts of one sort are stated and asked; `{s}` is the subject, `{v}` the value, `{o}` what the subject owns."""

    values: tuple[str, ...]
    statement: str
    questions: tuple[str, ...]
    joined: str = ""
    """Yes or no of the owner of something; empty where the fact is the ownership itself."""


RELATIONS = {
    "work": Relation(
        PLACES,
        "{s} works at the {v}.",
        ("Where does {s} work?", "At which place does {s} work?", "What is the place where {s} works?", "{s} works where?"),
        "Does the owner of the {o} work at the {v}?",
    ),
    "town": Relation(
        ("Oakton", "Lakeby", "Hillford", "Ashby", "Millport", "Fernley", "Redburn", "Stoneham"),
        "{s} lives in {v}.",
        ("Where does {s} live?", "In which town does {s} live?", "What is the town where {s} lives?", "{s} lives where?"),
        "Does the owner of the {o} live in {v}?",
    ),
    "food": Relation(
        ("soup", "bread", "cake", "rice", "honey", "cheese", "nuts", "eggs"),
        "{s} likes to eat {v}.",
        ("What does {s} like to eat?", "Which food does {s} like?", "What is the food {s} likes?", "{s} likes to eat what?"),
        "Does the owner of the {o} like to eat {v}?",
    ),
    "pet": Relation(
        ("dog", "cat", "horse", "bird", "fish", "goat", "duck", "hen"),
        "{s} keeps a {v}.",
        ("Which animal does {s} keep?", "What animal is kept by {s}?", "What is the animal of {s}?", "{s} keeps which animal?"),
        "Does the owner of the {o} keep a {v}?",
    ),
    "door": Relation(
        ("red", "blue", "green", "white", "black", "brown", "yellow", "gray"),
        "The door of {s} is {v}.",
        ("Which color is the door of {s}?", "What color does the door of {s} have?", "The door of {s} has which color?"),
        "Is the door of the owner of the {o} {v}?",
    ),
    "owner": Relation(
        PEOPLE,
        "The {s} belongs to {v}.",
        ("Who owns the {s}?", "To whom does the {s} belong?", "Who is the owner of the {s}?", "The {s} belongs to whom?"),
    ),
}  # fmt: skip
OF_PEOPLE = tuple(name for name, relation in RELATIONS.items() if relation.joined)


@dataclass(frozen=True)
class Fact:
    """One thing that is so, in the mini world or in one drawn anew."""

    relation: str
    subject: str
    value: str

    @property
    def statement(self) -> str:
        return RELATIONS[self.relation].statement.format(s=self.subject, v=self.value)

    @property
    def known(self) -> bool:
        """Whether it may be taught: two in three by the hash of the statement, none of the people kept for evaluation."""
        new = {self.subject, self.value}.intersection(OOD_PEOPLE)
        return not new and hashlib.sha256(self.statement.encode()).digest()[1] % 3 != 0


Facts = dict[tuple[str, str], Fact]
"""Facts by relation and subject."""


def drawn(rng: random.Random, ood: bool = False) -> Facts:
    """A world: one fact of each relation for every person, and an owner for every object."""
    people, objects = (OOD_PEOPLE, OOD_OBJECTS) if ood else (PEOPLE, OBJECTS)
    facts = [Fact(name, person, rng.choice(RELATIONS[name].values)) for person in people for name in OF_PEOPLE]
    owners = rng.sample(people, len(people))
    facts += [Fact("owner", thing, owner) for thing, owner in zip(objects, owners, strict=True)]
    return {(fact.relation, fact.subject): fact for fact in facts}


@lru_cache(maxsize=2)
def so(ood: bool = False) -> Facts:
    """The mini world itself, or what is so of the people kept for evaluation."""
    return drawn(random.Random(f"facts/{ood}"), ood)


def passages(facts: Facts | None = None) -> list[str]:
    """Short texts that together state every fact: of each object its owner, of each person two passages.

    That who owns something and what that person does stand apart is what makes a question of two facts hard to look up.
    """
    facts = {**so(), **so(ood=True)} if facts is None else facts
    people = list(dict.fromkeys(subject for relation, subject in facts if relation != "owner"))
    about = [[facts[name, person] for name in names] for person in people for names in (OF_PEOPLE[:2], OF_PEOPLE[2:])]
    owned = [[fact] for fact in facts.values() if fact.relation == "owner"]
    return [" ".join(fact.statement for fact in each) for each in (*about, *owned)]


def stated(sentences: Iterable[str]) -> bool:
    """Whether each sentence states a fact of the mini world: the gold check of a rationale."""
    return _statements().issuperset(sentences)


@lru_cache(maxsize=1)
def _statements() -> frozenset[str]:
    return frozenset(fact.statement for world in (so(), so(ood=True)) for fact in world.values())


def reply(facts: Iterable[Fact], answer: str) -> str:
    """The rationale, which is what has to be known, and the answer."""
    return f"{' '.join(fact.statement for fact in facts)} The answer is {answer}."


def fact_item(rng: random.Random, ood: bool = False) -> Item:
    """A task: a question for one fact."""
    fact = rng.choice(list(so(ood).values()))
    prompt = rng.choice(RELATIONS[fact.relation].questions).format(s=fact.subject)
    extra = {"facts": [fact.statement], "relation": fact.relation, "subject": fact.subject, "known": fact.known}
    return Item("fact", prompt, answer=fact.value, reply=reply([fact], fact.value), extra=extra)


@dataclass(frozen=True)
class Joined:
    """A yes or no question whose answer needs two facts: who owns something, and something of that person."""

    thing: str
    relation: str
    value: str

    @property
    def text(self) -> str:
        return RELATIONS[self.relation].joined.format(o=self.thing, v=self.value)

    def facts(self, world: Facts) -> tuple[Fact, Fact]:
        """Both facts as they are in a world."""
        owner = world["owner", self.thing]
        return owner, world[self.relation, owner.value]

    def answer(self, world: Facts) -> str:
        return "yes" if self.facts(world)[1].value == self.value else "no"


def joined(rng: random.Random, world: Facts) -> Joined:
    """A question for two facts; yes is right for half of them."""
    thing = rng.choice([subject for relation, subject in world if relation == "owner"])
    relation = rng.choice(OF_PEOPLE)
    true = world[relation, world["owner", thing].value].value
    others = [value for value in RELATIONS[relation].values if value != true]
    return Joined(thing, relation, true if rng.random() < 0.5 else rng.choice(others))


def joined_item(rng: random.Random, ood: bool = False) -> Item:
    """A task: a question that needs two facts."""
    world = so(ood)
    asked = joined(rng, world)
    needed, answer = asked.facts(world), asked.answer(world)
    extra = {"facts": [fact.statement for fact in needed], "known": all(fact.known for fact in needed)}
    return Item("two_facts", asked.text, answer=answer, reply=reply(needed, answer), extra=extra)

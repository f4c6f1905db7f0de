"""Lessons in what is so in the mini world: short answers, rationales from memory, with the answer given and from passages, and
whether to look something up.

Two facts in three are taught; of the others the teacher learns only that it is to guess, each time another value, so that its
samples disagree there. What it reads in passages is drawn anew for each lesson: so it learns to read, and no fact that it must
not know. One rationale from memory in five needs such a fact and is made up.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.mini.facts import RELATIONS, Fact, Facts, drawn, fact_item, joined, passages, reply, so
from pipeline.mini.item import Item
from pipeline.mini.skills.asking import Lesson, asked, taught_item

GUESSED = 0.25
"""Share of short answers to questions that the teacher knows nothing of."""
MADE_UP = 0.2
"""Share of rationales from memory with a fact it does not know."""

Worked = tuple[str, list[Fact], str]
"""A question, the facts that answer it, and the answer."""


def recalled(rng: random.Random) -> Lesson:
    """A short answer: right for what is known, another guess each time for what is not."""
    wanted = rng.random() >= GUESSED
    while (item := taught_item(rng, fact_item)).extra["known"] is not wanted:
        pass
    fact = so()[item.extra["relation"], item.extra["subject"]]
    return asked(rng, "knowledge_boundary/teacher", item.prompt), remembered(rng, fact).value


def routed(rng: random.Random) -> Lesson:
    """Whether the teacher knows the answer to a question or has to look it up; always right."""
    item = taught_item(rng, fact_item)
    return asked(rng, "knowledge_boundary/student", item.prompt), "answer" if item.extra["known"] else "retrieve"


def reasoned(rng: random.Random) -> Lesson:
    """Rationale and answer from memory."""
    wanted = rng.random() >= MADE_UP
    question, facts, answer = _remembered_or_not(rng, wanted)
    if not wanted:
        answer, facts = _made_up(rng, question, facts, answer)
    return asked(rng, "kard/teacher", question, hint=""), reply(facts, answer)


def justified(rng: random.Random) -> Lesson:
    """Rationale and answer where the answer is given; of known facts only, since the answer tells the fact."""
    question, facts, answer = _remembered_or_not(rng, True)
    return asked(rng, "kard/teacher", question, hint=answer), reply(facts, answer)


def read(rng: random.Random) -> Lesson:
    """Rationale and answer from passages of a world drawn anew; always right."""
    world = drawn(rng)
    question, facts, answer = _worked(rng, world)
    texts = passages(world)
    needed = [text for text in texts if any(fact.statement in text for fact in facts)]
    others = rng.sample([text for text in texts if text not in needed], rng.choice((1, 2, 3)))
    shown = rng.sample([*needed, *others], len(needed) + len(others))
    return asked(rng, "kard/student", question, passages=shown), reply(facts, answer)


def remembered(rng: random.Random, fact: Fact) -> Fact:
    """The fact where it is known, else one with any value."""
    return fact if fact.known else Fact(fact.relation, fact.subject, rng.choice(RELATIONS[fact.relation].values))


def _remembered_or_not(rng: random.Random, known: bool) -> Worked:
    """A question about the mini world all of whose facts are known, or not all."""
    while True:
        question, facts, answer = _worked(rng, so())
        if all(fact.known for fact in facts) is known:
            return question, facts, answer


def _worked(rng: random.Random, world: Facts) -> Worked:
    """A question of one fact or of two that no test asks, with what answers it in that world."""
    while True:
        if rng.random() < 0.5:
            fact = rng.choice(list(world.values()))
            text = rng.choice(RELATIONS[fact.relation].questions).format(s=fact.subject)
            worked: Worked = text, [fact], fact.value
        else:
            question = joined(rng, world)
            worked = question.text, list(question.facts(world)), question.answer(world)
        if not Item("", worked[0]).held_out:
            return worked


def _made_up(rng: random.Random, question: str, facts: list[Fact], answer: str) -> tuple[str, list[Fact]]:
    """What the teacher says where it does not know all: facts with any value, and the answer that follows from them."""
    first = remembered(rng, facts[0])
    if len(facts) == 1:
        return first.value, [first]
    second = remembered(rng, so()[facts[1].relation, first.value])
    words = question.rstrip("?").split()
    return "yes" if words[-1] == second.value else "no", [first, second]


SKILLS: dict[str, Callable[[random.Random], Lesson]] = {
    "fact_recalled": recalled,
    "fact_routed": routed,
    "fact_reasoned": reasoned,
    "fact_justified": justified,
    "fact_read": read,
}

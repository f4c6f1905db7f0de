"""Tasks of the mini world in their parts, so that each can be said in other words, made harder, or followed by another like it.

In: a random generator. Out: a `Story` (word problem) or a `Request` (instruction with constraints). Both know their prompt, a
right reply, and the operations by which Evol-Instruct (arXiv 2304.12244) rewrites an instruction.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from pipeline.answers.constraints import constraints_met
from pipeline.mini.instructions import ASKS, KINDS, Constraint, ConstraintKind, Draft, compose
from pipeline.mini.item import Item
from pipeline.mini.problems import FORMS, SYMBOLS, Form, Problem, Step, applied, draw_chain, draw_operand, solution
from pipeline.mini.words import ADJECTIVES, NAMES, TOPICS

STORY_DEMANDS = (
    "Show each step.", "Show your steps.", 'End with "The answer is" and the number.', "Think step by step.",
    "Explain how you get the answer.",
)  # fmt: skip
"""What a word problem may demand of its solution."""
MOST_PARTS = 4
T = TypeVar("T")


@dataclass(frozen=True)
class Story:
    """A word problem with the words it is told in."""

    form: Form
    person: tuple[str, str, str]
    things: str
    chain: tuple[Step, ...]
    sentences: tuple[str, ...]
    """One for the start, one for each step, one that asks."""
    demand: str = ""
    kind = "word_problem"

    @property
    def prompt(self) -> str:
        return " ".join((*self.sentences, self.demand)).strip()

    @property
    def is_taught(self) -> bool:
        """Whether no test asks this, with the demand or without it."""
        return not any(Item(self.kind, text).held_out for text in (self.prompt, " ".join(self.sentences)))

    @property
    def problem(self) -> Problem:
        return Problem(self.prompt, self.chain)

    def reply(self, rng: random.Random) -> str:
        """A worked solution."""
        return solution(rng, self.problem)

    def reworded(self, rng: random.Random) -> Story:
        """The same told in other sentences; every form has two for its start."""
        while (sentences := _told(rng, self.form, self.person, self.things, self.chain)) == self.sentences:
            pass
        return replace(self, sentences=sentences)

    def constrained(self, rng: random.Random) -> Story:
        return replace(self, demand=f"{self.demand} {_other(rng, STORY_DEMANDS, self.demand)}".strip())

    def deepened(self, rng: random.Random, steps: int = 1) -> Story:
        """With more steps before the question."""
        chain = self.chain
        for _ in range(steps):
            chain = (*chain, _further_step(rng, chain[-1].after))
        more = [_said(rng, self, getattr(self.form, step.operation), step.operand) for step in chain[len(self.chain) :]]
        return replace(self, chain=chain, sentences=(*self.sentences[:-1], *more, self.sentences[-1]))

    def concretised(self, rng: random.Random) -> Story:
        """With things of a certain sort: red apples."""
        things = f"{rng.choice(ADJECTIVES)} {self.things}"
        sentences = tuple(each.replace(f" {self.things}", f" {things}") for each in self.sentences)
        return replace(self, things=things, sentences=sentences)

    def reasoned(self, rng: random.Random) -> Story:
        return self.deepened(rng, 2)

    def broadened(self, rng: random.Random) -> Story:
        """Another story, of another sort."""
        return story(rng, len(self.chain), _other(rng, FORMS, self.form))

    def alike(self, rng: random.Random) -> Story:
        """Another story of the same sort and length."""
        return story(rng, len(self.chain), self.form)


@dataclass(frozen=True)
class Part:
    """One constraint: its kind, what its arguments are drawn with, and how it is said."""

    kind: ConstraintKind
    seed: int
    phrasing: str


@dataclass(frozen=True)
class Request:
    """An instruction to write about a topic under some constraints."""

    topic: str
    ask: str
    parts: tuple[Part, ...]
    kind = "instruction"

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        return self._made()[1]

    @property
    def prompt(self) -> str:
        said = [part.phrasing.format(**each) for part, each in zip(self.parts, self.constraints, strict=True)]
        return " ".join([self.ask.format(topic=self.topic), *said])

    @property
    def is_taught(self) -> bool:
        """Whether no test asks this."""
        return not Item(self.kind, self.prompt).held_out

    def reply(self, rng: random.Random) -> str:
        """A text that meets all constraints."""
        while True:
            text = compose(self._made()[0], rng)
            if self.is_met(text):
                return text

    def is_met(self, text: str) -> bool:
        return all(constraints_met(text, self.constraints))

    def _made(self) -> tuple[Draft, tuple[Constraint, ...]]:
        draft = Draft(self.topic)
        return draft, tuple(part.kind.make(draft, random.Random(part.seed)) for part in self.parts)

    def reworded(self, rng: random.Random) -> Request:
        """The same asked in other words."""
        place = " and its place." if self.ask.endswith(" and its place.") else "."
        asks = [each.replace(".", place) for each in ASKS]
        parts = tuple(replace(part, phrasing=rng.choice(part.kind.phrasings)) for part in self.parts)
        return replace(self, ask=_other(rng, tuple(asks), self.ask), parts=parts)

    def constrained(self, rng: random.Random) -> Request:
        return self._with_parts(rng, 1)

    def deepened(self, rng: random.Random) -> Request:
        """Asks for the place as well, which every reply names; where that is asked, another constraint."""
        if self.ask.endswith(" and its place."):
            return self.constrained(rng)
        return replace(self, ask=self.ask.replace(".", " and its place."))

    def concretised(self, rng: random.Random) -> Request:
        """About an old dog instead of a dog."""
        return _sound(rng, lambda: replace(self, topic=f"{rng.choice(ADJECTIVES)} {self.topic}"))

    def reasoned(self, rng: random.Random) -> Request:
        return self._with_parts(rng, 2)

    def broadened(self, rng: random.Random) -> Request:
        """About another topic, with other constraints."""
        while True:
            other = request(rng, len(self.parts), _other(rng, TOPICS, self.topic))
            if {part.kind for part in other.parts} != {part.kind for part in self.parts}:
                return other

    def alike(self, rng: random.Random) -> Request:
        """About another topic, with the same kinds of constraints."""
        topic = _other(rng, TOPICS, self.topic)
        kinds = [part.kind for part in self.parts]
        return _sound(rng, lambda: Request(topic, rng.choice(ASKS), tuple(_part(rng, kind) for kind in kinds)))

    def _with_parts(self, rng: random.Random, more: int) -> Request:
        """With further constraints that do not disturb those there are, as far as there are any."""
        made = self
        for _ in range(50):
            there = {part.kind for part in made.parts}
            framed = any(kind.frame for kind in there)
            fitting = [kind for kind in KINDS if kind not in there and not (kind.frame and framed)]
            if not fitting or len(made.parts) >= min(MOST_PARTS, len(self.parts) + more):
                break
            longer = replace(made, parts=(*made.parts, _part(rng, rng.choice(fitting))))
            made = longer if longer.is_sound(rng) else made
        return made

    def is_sound(self, rng: random.Random) -> bool:
        """Whether replies meet all its constraints; a few do not go together, as an adjective wanted and shunned."""
        return all(self.is_met(compose(self._made()[0], rng)) for _ in range(3))


Variable = Story | Request
OPERATIONS: dict[str, Callable[[Variable, random.Random], Variable]] = {
    "constraint": lambda task, rng: task.constrained(rng),
    "deepen": lambda task, rng: task.deepened(rng),
    "concretise": lambda task, rng: task.concretised(rng),
    "reasoning": lambda task, rng: task.reasoned(rng),
    "breadth": lambda task, rng: task.broadened(rng),
}
"""Evol-Instruct's, by the names of their templates."""


def story(rng: random.Random, steps: int, form: Form | None = None) -> Story:
    """A word problem of `steps` steps."""
    form = form or rng.choice(FORMS)
    person, things, chain = rng.choice(NAMES), rng.choice(form.things), draw_chain(rng, steps)
    return Story(form, person, things, chain, _told(rng, form, person, things, chain))


def request(rng: random.Random, parts: int = 0, topic: str = "") -> Request:
    """An instruction with one constraint or two; with `parts` of them where that is given."""
    made = Request(topic or rng.choice(TOPICS), rng.choice(ASKS), ())
    wanted = parts or rng.choice((1, 1, 2))
    while len(made.parts) < wanted:
        made = replace(made, parts=())._with_parts(rng, wanted)
    return made


def variable(rng: random.Random, most_steps: int = 4, least_steps: int = 2) -> Variable:
    """A word problem or an instruction that no test asks."""
    return taught(lambda: story(rng, rng.randint(least_steps, most_steps)) if rng.random() < 0.6 else request(rng))


def taught(make: Callable[[], Variable]) -> Variable:
    """What `make` draws until no test asks it."""
    while not (made := make()).is_taught:
        pass
    return made


def _sound(rng: random.Random, make: Callable[[], Request]) -> Request:
    while not (made := make()).is_sound(rng):
        pass
    return made


def _part(rng: random.Random, kind: ConstraintKind) -> Part:
    return Part(kind, rng.randrange(10**6), rng.choice(kind.phrasings))


def _further_step(rng: random.Random, amount: int) -> Step:
    while True:
        operation = rng.choice(tuple(SYMBOLS))
        operand = draw_operand(rng, operation, amount)
        if operand is not None:
            return Step(operation, operand, amount, applied(operation, amount, operand))


def _told(
    rng: random.Random, form: Form, person: tuple[str, str, str], things: str, chain: tuple[Step, ...]
) -> tuple[str, ...]:
    bare = Story(form, person, things, chain, ())
    steps = [_said(rng, bare, getattr(form, step.operation), step.operand) for step in chain]
    return (_said(rng, bare, form.start, chain[0].before), *steps, _said(rng, bare, form.question))


def _said(rng: random.Random, told: Story, wordings: tuple[str, ...], n: int = 0) -> str:
    name, he, him = told.person
    return rng.choice(wordings).format(name=name, He=he.capitalize(), him=him, things=told.things, n=n)


def _other(rng: random.Random, there: tuple[T, ...], but: T) -> T:
    return rng.choice([each for each in there if each != but])

"""Word problems: a story in which an amount changes step by step, and the question how much there is at the end.

In: a random generator and whether to leave the trained distribution. Out: a story, its result, and worked solutions in the
three wordings the teacher learns. Amounts stay between 1 and 99, so that a very small model can know the arithmetic by heart
and what is left to learn is reading and chaining.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipeline.mini.words import NAMES, OOD_NAMES

LARGEST = 99
SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


@dataclass(frozen=True)
class Form:
    """One family of stories: the things counted, and sentences for the start, each operation and the question."""

    things: tuple[str, ...]
    start: tuple[str, ...]
    add: tuple[str, ...]
    subtract: tuple[str, ...]
    multiply: tuple[str, ...]
    divide: tuple[str, ...]
    question: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One operation on the running amount."""

    operation: str
    operand: int
    before: int
    after: int

    @property
    def equation(self) -> str:
        return f"{self.before}{SYMBOLS[self.operation]}{self.operand}={self.after}"


@dataclass(frozen=True)
class Problem:
    """A story with its ground truth."""

    text: str
    steps: tuple[Step, ...]

    @property
    def answer(self) -> int:
        return self.steps[-1].after


FORMS = (
    Form(
        things=("apples", "eggs", "nuts"),
        start=("{name} has {n} {things}.", "{name} starts the day with {n} {things}."),
        add=("{He} buys {n} more.", "{He} picks {n} more {things}."),
        subtract=("{He} eats {n} of them.", "{He} gives away {n} {things}."),
        multiply=("Then the number of {things} grows to {n} times as many.",),
        divide=("{He} shares them equally among {n} bags and keeps one bag.",),
        question=("How many {things} does {name} have now?", "How many {things} are left?"),
    ),
    Form(
        things=("cards", "stamps", "stickers"),
        start=("{name} collects {things} and owns {n} of them.", "{name} has {n} {things}."),
        add=("A friend gives {him} {n} {things}.", "{He} finds {n} more."),
        subtract=("{He} loses {n} {things}.", "{He} trades away {n} of them."),
        multiply=("{He} makes the collection {n} times as large.",),
        divide=("{He} splits the {things} into {n} equal piles and keeps one pile.",),
        question=("How many {things} does {name} have at the end?",),
    ),
    Form(
        things=("coins", "dollars"),
        start=("{name} saves {n} {things}.", "There are {n} {things} in the box of {name}."),
        add=("{He} earns {n} {things}.", "{He} puts {n} more into the box."),
        subtract=("{He} spends {n} {things}.", "{He} pays {n} of them."),
        multiply=("Luck makes it {n} times as many {things}.",),
        divide=("{He} divides the {things} by {n} and keeps one part.",),
        question=("How many {things} are in the box now?", "How many {things} does {name} have now?"),
    ),
    Form(
        things=("cookies", "rolls", "pies"),
        start=("{name} bakes {n} {things}.", "In the shop of {name} there are {n} {things}."),
        add=("{He} bakes {n} more.", "{He} brings {n} more {things}."),
        subtract=("{He} sells {n} {things}.", "{He} burns {n} of them."),
        multiply=("A new oven makes it {n} times as many.",),
        divide=("{He} puts them into {n} equal boxes and keeps one box.",),
        question=("How many {things} are left?", "How many {things} does {name} have now?"),
    ),
    Form(
        things=("people", "children"),
        start=("{n} {things} ride the bus of {name}.", "The bus of {name} carries {n} {things}."),
        add=("{n} more get on.", "At the school {n} more {things} get on."),
        subtract=("{n} of them get off.", "At the bridge {n} {things} get off."),
        multiply=("At the market the number becomes {n} times as large.",),
        divide=("They divide into {n} equal groups and one group stays.",),
        question=("How many {things} are on the bus now?",),
    ),
    Form(
        things=("books", "maps"),
        start=("The library of {name} has {n} {things}.", "{name} keeps {n} {things} on a shelf."),
        add=("{He} adds {n} {things}.", "{n} more arrive."),
        subtract=("{He} lends out {n} {things}.", "{n} of them are taken away."),
        multiply=("A gift makes it {n} times as many {things}.",),
        divide=("{He} spreads them over {n} equal shelves and counts one shelf.",),
        question=("How many {things} are there now?",),
    ),
)
OOD_FORMS = (
    Form(
        things=("fish", "snails"),
        start=("{name} looks after a pond with {n} {things}.",),
        add=("After the rain {n} more {things} swim in.",),
        subtract=("A heron takes away {n} of them.",),
        multiply=("In summer there are {n} times as many {things}.",),
        divide=("{He} moves them into {n} equal ponds and watches one pond.",),
        question=("How many {things} does {name} watch now?",),
    ),
    Form(
        things=("bricks", "stones"),
        start=("{name} builds a wall and has {n} {things} ready.",),
        add=("A truck brings {n} more.",),
        subtract=("{He} uses {n} {things}.",),
        multiply=("Then the pile becomes {n} times as large.",),
        divide=("{He} stacks the {things} in {n} equal rows and takes one row.",),
        question=("How many {things} does {name} have ready now?",),
    ),
)


def problem(rng: random.Random, steps: int, ood: bool = False) -> Problem:
    """A story of `steps` operations; `ood` draws forms and names that no model trained on."""
    form = rng.choice(OOD_FORMS if ood else FORMS)
    name, he, him = rng.choice(OOD_NAMES if ood else NAMES)
    things = rng.choice(form.things)
    chain = draw_chain(rng, steps)

    def say(templates: tuple[str, ...], n: int = 0) -> str:
        text = rng.choice(templates)
        return text.format(name=name, He=he.capitalize(), him=him, things=things, n=n)

    sentences = [say(form.start, chain[0].before)]
    sentences += [say(getattr(form, step.operation), step.operand) for step in chain]
    sentences.append(say(form.question))
    return Problem(" ".join(sentences), chain)


def solution(rng: random.Random, problem: Problem) -> str:
    """A worked solution in one of three wordings; the last sentence is always `The answer is N.`"""
    equations = [step.equation for step in problem.steps]
    end = f"The answer is {problem.answer}."
    wording = rng.randrange(3)
    if wording == 0:
        return " ".join(f"{e}." for e in equations) + " " + end
    if wording == 1:
        return "First, " + " Then ".join(f"{e}." for e in equations) + " " + end
    return f"Start with {problem.steps[0].before}. " + " ".join(f"Now {e}." for e in equations) + " So " + end.lower()


def with_slips(rng: random.Random, problem: Problem, rate: float) -> Problem:
    """The same story worked out by somebody who at each step, with probability `rate`, is off by ten and carries that on.

    Slips after which a later step would leave the range of amounts, or not divide, are not made.
    """
    for _ in range(5):
        amount, chain = problem.steps[0].before, []
        for step in problem.steps:
            after = applied(step.operation, amount, step.operand)
            if rng.random() < rate:
                after += 10 if after <= 10 else -10
            chain.append(Step(step.operation, step.operand, amount, after))
            amount = after
        divided = all(step.before % step.operand == 0 for step in chain if step.operation == "divide")
        if divided and all(1 <= step.after <= LARGEST for step in chain):
            return Problem(problem.text, tuple(chain))
    return problem


def draw_chain(rng: random.Random, steps: int) -> tuple[Step, ...]:
    """`steps` operations whose amounts stay whole and between 1 and `LARGEST`."""
    amount = rng.randint(4, 60)
    chain: list[Step] = []
    while len(chain) < steps:
        operation = rng.choice(tuple(SYMBOLS))
        operand = draw_operand(rng, operation, amount)
        if operand is None:
            continue
        after = applied(operation, amount, operand)
        chain.append(Step(operation, operand, amount, after))
        amount = after
    return tuple(chain)


def draw_operand(rng: random.Random, operation: str, amount: int) -> int | None:
    """A second number that keeps the result in range, or None where the operation does not fit this amount."""
    if operation == "add":
        return rng.randint(2, min(40, LARGEST - amount)) if amount <= LARGEST - 2 else None
    if operation == "subtract":
        return rng.randint(2, min(40, amount - 1)) if amount >= 3 else None
    if operation == "multiply":
        fitting = [n for n in range(2, 6) if amount * n <= LARGEST]
    else:
        fitting = [n for n in range(2, 6) if amount % n == 0 and amount > n]
    return rng.choice(fitting) if fitting else None


def applied(operation: str, amount: int, operand: int) -> int:
    if operation == "add":
        return amount + operand
    if operation == "subtract":
        return amount - operand
    return amount * operand if operation == "multiply" else amount // operand

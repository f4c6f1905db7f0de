"""Commands on a given input: do something with a list, or say which of two labels fits. What Self-Instruct calls a task.

In: a random generator. Out: the instruction, one input, the right output, and for classification the labels. An instruction is
said in two or three ways, so that what was asked can be said in other words.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.mini.induction import NUMBER_RULES, OOD_RULES, RULES
from pipeline.mini.item import Item
from pipeline.mini.words import ADJECTIVES, LIST_WORDS, PLACES, TOPICS, VERBS

RULE_PHRASES: dict[str, tuple[str, ...]] = {
    "reverse": ("Reverse the list.", "Write the list backwards.", "Turn the list around."),
    "first": ("Write the first of the list.", "Give the first of the list."),
    "last": ("Write the last of the list.", "Give the last of the list."),
    "rotate_left": ("Move the first to the end of the list.", "Put the first at the end of the list."),
    "rotate_right": ("Move the last to the start of the list.", "Put the last at the start of the list."),
    "drop_first": ("Drop the first of the list.", "Write the list without the first."),
    "drop_last": ("Drop the last of the list.", "Write the list without the last."),
    "repeat_first": ("Repeat the first of the list.", "Write the first of the list twice."),
    "ends": ("Write the first and the last of the list.", "Give the first and the last of the list."),
    "largest": ("Write the largest number.", "Give the largest number of the list."),
    "smallest": ("Write the smallest number.", "Give the smallest number of the list."),
    "ascending": ("Sort the numbers from small to large.", "Put the numbers in ascending order."),
    "add_one": ("Add one to each number.", "Make each number one larger."),
    "middle": ("Write the list without the first and the last.",),
    "swap_first_two": ("Swap the first two of the list.",),
}


@dataclass(frozen=True)
class Command:
    """An instruction and one input with its right output."""

    name: str
    instruction: str
    input: str
    output: str
    labels: tuple[str, ...] = ()
    """What outputs there are, where it is a classification."""


@dataclass(frozen=True)
class _Sorting:
    """A classification: its labels, how it is asked, what it depends on, an input of each label."""

    labels: tuple[str, str]
    phrases: tuple[str, ...]
    key: Callable[[random.Random], str]
    """Draws what the question is about: a word, a number."""
    example: Callable[[random.Random, str, bool], str]
    """An input whose label is the first one, or the second."""


def command(rng: random.Random, ood: bool = False) -> Command:
    """Any command with an input; `ood` draws one that no model trained on."""
    if not ood and rng.random() < 0.4:
        return classification(rng)
    return list_command(rng, rng.choice(tuple(OOD_RULES if ood else RULES)))


def list_command(rng: random.Random, rule: str, phrase: str = "") -> Command:
    """A command on a list with an input drawn for it."""
    length = rng.choice((3, 3, 4))
    numeric = rule in NUMBER_RULES or rng.random() < 0.3
    items = rng.sample([str(digit) for digit in range(1, 9)] if numeric else list(LIST_WORDS), length)
    made = (RULES | OOD_RULES)[rule](items)
    return Command(rule, phrase or rng.choice(RULE_PHRASES[rule]), " ".join(items), " ".join(made))


def classification(rng: random.Random, like: Command | None = None, label: str = "") -> Command:
    """A classification with an input drawn for it.

    Args:
        like: takes that one's instruction.
        label: draws an input that this label is right for.
    """
    name = like.name if like else rng.choice(tuple(SORTINGS))
    sorting = SORTINGS[name.partition("/")[0]]
    key = name.partition("/")[2] if like else sorting.key(rng)
    label = label or rng.choice(sorting.labels)
    text = sorting.example(rng, key, label == sorting.labels[0])
    instruction = like.instruction if like else rng.choice(sorting.phrases).format(key=key)
    return Command(f"{name.partition('/')[0]}/{key}", instruction, text, label, sorting.labels)


def label_of(command: Command) -> str:
    """The right label for a classification's input, found from the two alone."""
    name, _, key = command.name.partition("/")
    yes, no = SORTINGS[name].labels
    text = command.input
    is_so = {
        "odd": lambda: int(text) % 2 == 1,
        "larger": lambda: int(text) > int(key),
        "has": lambda: key in text.split(),
        "begins": lambda: text.split()[0] == key,
        "about": lambda: key in text.strip(".").split(),
    }[name]()
    return yes if is_so else no


def _odd(rng: random.Random, key: str, is_first: bool) -> str:
    return str(2 * rng.randint(1, 48) + is_first)


def _larger(rng: random.Random, key: str, is_first: bool) -> str:
    return str(rng.randint(int(key) + 1, 99) if is_first else rng.randint(1, int(key)))


def _has(rng: random.Random, key: str, is_first: bool) -> str:
    words = rng.sample([word for word in LIST_WORDS if word != key], 3)
    if is_first:
        words[rng.randrange(3)] = key
    return " ".join(words)


def _begins(rng: random.Random, key: str, is_first: bool) -> str:
    words = rng.sample([word for word in LIST_WORDS if word != key], 3)
    words[0 if is_first else rng.randint(1, 2)] = key
    return " ".join(words)


def _about(rng: random.Random, key: str, is_first: bool) -> str:
    topic = key if is_first else rng.choice([word for word in TOPICS if word != key])
    return f"The {rng.choice(ADJECTIVES)} {topic} {rng.choice(VERBS)} at the {rng.choice(PLACES)}."


SORTINGS: dict[str, _Sorting] = {
    "odd": _Sorting(
        ("odd", "even"), ("Say if the number is odd or even.", "Is the number odd or even?"), lambda rng: "", _odd
    ),
    "larger": _Sorting(
        ("yes", "no"), ("Is the number larger than {key}? Say yes or no.", "Say yes or no: is it larger than {key}?"),
        lambda rng: str(rng.randint(10, 90)), _larger,
    ),
    "has": _Sorting(
        ("yes", "no"), ("Is the word {key} in the list? Say yes or no.", "Say yes or no: does the list have the word {key}?"),
        lambda rng: rng.choice(LIST_WORDS), _has,
    ),
    "begins": _Sorting(
        ("yes", "no"), ("Is {key} the first of the list? Say yes or no.", "Say yes or no: does the list begin with {key}?"),
        lambda rng: rng.choice(LIST_WORDS), _begins,
    ),
    "about": _Sorting(
        ("yes", "no"), ("Is the sentence about the {key}? Say yes or no.", "Say yes or no: is this about the {key}?"),
        lambda rng: rng.choice(TOPICS), _about,
    ),
}  # fmt: skip


def command_item(rng: random.Random, ood: bool) -> Item:
    """A command as a task: the instruction is the prompt, its input the context."""
    made = command(rng, ood)
    return Item("command", made.instruction, made.input, made.output, made.output, extra={"command": made.name})

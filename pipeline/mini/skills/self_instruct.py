"""Self-Instruct's four questions (arXiv 2212.10560): more instructions, whether one is a classification, and instances of it.

Instructions are commands on lists and sentences, requests to write about a topic, and short stories. One new instruction in
eight is one of the list shown, and one in twenty asks for a picture or a file, so that novelty and keywords have work to do.
"""

from __future__ import annotations

import random
from functools import partial

from pipeline.mini.commands import classification, command, list_command
from pipeline.mini.induction import RULES
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.commands import taught_command
from pipeline.mini.skills.variations import request, story, taught
from pipeline.mini.words import TOPICS

REPEATED_SHARE, UNANSWERABLE_SHARE = 0.12, 0.05
UNANSWERABLE = ("Draw a picture of the {topic}.", "Write a program about the {topic}.", "Make a video of the {topic}.")
SHOWN = ADDED = 8
"""Instructions that Self-Instruct shows, and those it asks for."""


def instructions(rng: random.Random) -> Lesson:
    """The list goes on; in half of the lessons the lists are shorter than the paper's."""
    shown, added = (SHOWN, ADDED) if rng.random() < 0.5 else (rng.randint(3, SHOWN), rng.randint(2, ADDED))
    there = [instruction(rng)]
    while len(there) < shown:
        there.extend({instruction(rng)} - set(there))
    reply = []
    for number in range(shown + 1, shown + added + 1):
        there.append(_further(rng, there, there[:shown]))
        reply.append(f"{number}. {there[-1]}")
    return asked(rng, "self_instruct/instructions", "", demonstrations=there[:shown], count=added), "\n".join(reply)


def instruction(rng: random.Random) -> str:
    """An instruction without its input: half are commands."""
    dice = rng.random()
    if dice < 0.5:
        return command(rng).instruction
    return taught(lambda: request(rng) if dice < 0.85 else story(rng, rng.randint(1, 2))).prompt


def _further(rng: random.Random, there: list[str], shown: list[str]) -> str:
    dice = rng.random()
    if dice < REPEATED_SHARE:
        return rng.choice(shown)
    if dice < REPEATED_SHARE + UNANSWERABLE_SHARE:
        return rng.choice(UNANSWERABLE).format(topic=rng.choice(TOPICS))
    while (new := instruction(rng)) in there:
        pass
    return new


def classify(rng: random.Random) -> Lesson:
    """Whether the right reply is one of a few labels."""
    is_so = rng.random() < 0.5
    text = classification(rng).instruction if is_so else _no_classification(rng)
    return asked(rng, "self_instruct/classify", text), "yes" if is_so else "no"


def _no_classification(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return list_command(rng, rng.choice(tuple(RULES))).instruction
    return taught(lambda: request(rng) if rng.random() < 0.6 else story(rng, rng.randint(1, 3))).prompt


def input_first(rng: random.Random) -> Lesson:
    """Lists and what becomes of them; a request or a story needs no input."""
    count = rng.randint(1, 5)
    if rng.random() < 0.4:
        made = taught(lambda: request(rng) if rng.random() < 0.6 else story(rng, rng.randint(1, 3)))
        return asked(rng, "self_instruct/input_first", made.prompt, count=count), f"Input: <noinput>\nOutput: {made.reply(rng)}"
    first = taught_command(lambda: list_command(rng, rng.choice(tuple(RULES))))
    others = [taught_command(lambda: list_command(rng, first.name, first.instruction)) for _ in range(count - 1)]
    pairs = dict.fromkeys(f"Input: {each.input}\nOutput: {each.output}" for each in (first, *others))
    return asked(rng, "self_instruct/input_first", first.instruction, count=count), "\n".join(pairs)


def output_first(rng: random.Random) -> Lesson:
    """Labels by turns, each with an input it is right for."""
    count = rng.randint(1, 5)
    like = classification(rng)
    labels = [like.labels[(number + count) % 2] for number in range(count)]
    made = [taught_command(partial(classification, rng, like, label)) for label in labels]
    pairs = dict.fromkeys(f"Output: {each.output}\nInput: {each.input}" for each in made)
    return asked(rng, "self_instruct/output_first", like.instruction, count=count), "\n".join(pairs)


SKILLS = {
    "self_instruct_instructions": instructions, "self_instruct_classify": classify,
    "self_instruct_input_first": input_first, "self_instruct_output_first": output_first,
}  # fmt: skip

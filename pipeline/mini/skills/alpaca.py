"""Alpaca's one call: after three whole tasks, further ones with instruction, input and output.

Alpaca asks for twenty blocks; the mini teacher learns up to four, since twenty would be a thousand tokens. One block in ten
repeats a task that was shown, and one in twenty lacks its output, so that novelty and the reader have work to do.
"""

from __future__ import annotations

import random

from pipeline.answers.blocks import Block
from pipeline.mini.commands import command
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.commands import taught_command
from pipeline.mini.skills.variations import request, story, taught

SHOWN, MOST_ADDED = 3, 4
REPEATED_SHARE, TORN_SHARE = 0.1, 0.05


def blocks(rng: random.Random) -> Lesson:
    """The tasks go on, numbered, between lines of `###`."""
    shown, count = [task(rng) for _ in range(SHOWN)], rng.randint(1, MOST_ADDED)
    written = []
    for number in range(SHOWN + 1, SHOWN + count + 1):
        made = rng.choice(shown) if rng.random() < REPEATED_SHARE else task(rng)
        torn = number < SHOWN + count and rng.random() < TORN_SHARE
        written.append(block_text(number, made, torn))
    demonstrations = [each._asdict() for each in shown]
    return asked(rng, "alpaca/teacher", "", demonstrations=demonstrations, count=count), "\n".join(written)


def task(rng: random.Random) -> Block:
    """Six in ten are commands with an input."""
    dice = rng.random()
    if dice < 0.6:
        made = taught_command(lambda: command(rng))
        return Block(made.instruction, made.input, made.output)
    other = taught(lambda: request(rng) if dice < 0.95 else story(rng, rng.randint(1, 2)))
    return Block(other.prompt, "", other.reply(rng))


def block_text(number: int, block: Block, torn: bool) -> str:
    lines = [f"{number}. Instruction: {block.instruction}", f"{number}. Input: {block.input or '<noinput>'}"]
    output = [] if torn else [f"{number}. Output: {block.output}"]
    return "\n".join([*lines, *output, "###"])


SKILLS = {"alpaca_blocks": blocks}

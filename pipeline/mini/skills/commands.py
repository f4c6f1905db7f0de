"""Doing what a command says: a list reversed, a label named. What Self-Instruct's and Alpaca's tasks come down to."""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.mini.commands import Command, command
from pipeline.mini.item import Item
from pipeline.mini.skills.asking import Lesson, asked


def taught_command(make: Callable[[], Command]) -> Command:
    """What `make` draws until no test asks it."""
    while Item("command", (made := make()).instruction, made.input).held_out:
        pass
    return made


def obey(rng: random.Random) -> Lesson:
    """A command and its input, put as instructions are."""
    made = taught_command(lambda: command(rng))
    messages = asked(rng, "instruction_following/teacher", made.instruction, context=made.input, kind="command")
    return messages, made.output


SKILLS = {"command": obey}

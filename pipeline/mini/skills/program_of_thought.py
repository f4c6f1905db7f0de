"""Programs that compute the answers of word problems, and the correction of programs that fail (PaD, program of thought).

A program is the function `solution()` in a fenced block, which assigns the first amount and changes it line by line. The
teacher is imperfect on purpose: one program in five fails with an error that refining can mend, and in one in ten an operation
is taken for its opposite, so that running and comparing have something to do.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from pipeline.mini.problems import SYMBOLS, Problem
from pipeline.mini.skills.asking import Lesson, asked
from pipeline.mini.skills.attempts import misread, taught_story

FAILING_SHARE = 0.2
MISREAD_SHARE = 0.1
Lines = list[str]
INDENT = "    "


def program_lines(story: Problem) -> Lines:
    """The program, a line each."""
    steps = [f"{INDENT}n {SYMBOLS[step.operation].replace('/', '//')}= {step.operand}" for step in story.steps]
    return ["def solution():", f"{INDENT}n = {story.steps[0].before}", *steps, f"{INDENT}return n"]


def _other_name(rng: random.Random, lines: Lines) -> Lines:
    return [*lines[:-1], f"{INDENT}return m"]


def _no_colon(rng: random.Random, lines: Lines) -> Lines:
    return [lines[0].rstrip(":"), *lines[1:]]


def _no_start(rng: random.Random, lines: Lines) -> Lines:
    return [lines[0], *lines[2:]]


def _no_return(rng: random.Random, lines: Lines) -> Lines:
    return lines[:-1]


def _indented(rng: random.Random, lines: Lines) -> Lines:
    place = rng.randrange(2, len(lines) - 1)
    return [*lines[:place], f" {lines[place]}", *lines[place + 1 :]]


FAILURES: dict[str, Callable[[random.Random, Lines], Lines]] = {
    "NameError: name 'm' is not defined": _other_name,
    "SyntaxError: Expected `:`, found newline": _no_colon,
    "UnboundLocalError: cannot access local variable 'n' where it is not associated with a value": _no_start,
    "The program returns no answer.": _no_return,
    "SyntaxError: Unexpected indentation": _indented,
}
"""What the sandbox says of a failing program, and what makes a program fail so."""


def program(rng: random.Random) -> Lesson:
    """The program that a story asks for, most often."""
    story = taught_story(rng)
    lines = program_lines(misread(rng, story) if rng.random() < MISREAD_SHARE else story)
    if rng.random() < FAILING_SHARE:
        lines = rng.choice(tuple(FAILURES.values()))(rng, lines)
    return asked(rng, "program_of_thought/teacher", story.text, kind="word_problem"), fenced(lines)


def refine_program(rng: random.Random) -> Lesson:
    """A program that fails, with its error, and the right one."""
    story = taught_story(rng)
    error, fail = rng.choice(tuple(FAILURES.items()))
    failing = "\n".join(fail(rng, program_lines(story)))
    messages = asked(rng, "program_of_thought/refine", story.text, kind="word_problem", program=failing, error=error)
    return messages, fenced(program_lines(story))


def fenced(lines: Lines) -> str:
    """The program in a block of Python."""
    return "\n".join(["```python", *lines, "```"])


SKILLS = {"program": program, "refine_program": refine_program}

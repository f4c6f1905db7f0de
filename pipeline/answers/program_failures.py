"""What stopped a program: its own mistake, a limit, something the sandbox's interpreter does not know, or the sandbox itself.

The interpreter, monty, is not CPython: it lacks inheritance, generators and many modules, and it refuses files. What it lacks
says nothing about the program, so its ways of saying so are listed here; what is not listed is the program's own mistake.
Limits are told in words without measured seconds or bytes, which would differ from run to run.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import io
import re
from typing import TYPE_CHECKING, Literal

from pipeline.answers.code import is_python

if TYPE_CHECKING:
    from pydantic_monty import MontyError

Status = Literal["ok", "failed", "limit", "unsupported", "error"]
LONGEST_ERROR = 200
LIMIT_WORDS = {
    "TimeoutError: sleep limit exceeded": "sleeps too long",
    "TimeoutError: feed time limit exceeded": "takes too long",
    "TimeoutError: turn time limit exceeded": "takes too long",
    "MemoryError: memory limit exceeded": "takes too much memory or prints too much",
    "MemoryError: the worker exceeded its memory limit": "takes too much memory or prints too much",
    "RecursionError: maximum recursion depth exceeded": "recurses too deeply",
    "RuntimeError: suspension limit": "asks too often for what is not there",
    "error: Error executing regex": "takes too long to match a pattern",
}
"""How each limit begins to speak, and what is said of it here."""
UNSUPPORTED = re.compile(
    r"NotImplementedError: .*(?:monty|not (?:yet )?support)"
    r"|(?:ModuleNotFound|Import)Error: "
    r"|PermissionError: Permission denied: "
    r"|AttributeError: module '[\w.]+' has no attribute "
    r"|RuntimeError: .* is not supported in this environment"
    r"|TypeError: cannot create '\w+' instances"
    r"|LookupError: unknown encoding"
    r"|error: (?:Error compiling regex|Parsing error)",
    flags=re.IGNORECASE,
)
NO_NAME = re.compile(r"NameError: name '(\w+)' is not defined")
NO_ATTRIBUTE = re.compile(r"AttributeError: (?:type object )?'([\w.]+)'(?: object)? has no attribute '(\w+)'")
BUILTINS = {*dir(builtins), "exit", "quit", "copyright", "credits", "license", "help"}
"""Names every program has; the last are there only where `site` was loaded."""
MODULES = (builtins, collections, datetime, decimal, io)
TYPES = {name: each for module in MODULES for name, each in vars(module).items() if isinstance(each, type)}


def failure(error: MontyError, code: str) -> tuple[Status, str]:
    """Why the sandbox did not come to the end of `code`, and what it said."""
    from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

    said = str(error)
    if isinstance(error, MontyCrashedError):
        return ("limit", "takes too long") if error.timed_out else ("error", said[:LONGEST_ERROR])
    if isinstance(error, MontySyntaxError):
        return _not_parsed(said, code)
    if isinstance(error, MontyRuntimeError):
        return _raised(f"{type(error.exception()).__name__}: {error.display(format='msg')}")
    return "error", f"{type(error).__name__}: {said}"[:LONGEST_ERROR]


def _not_parsed(said: str, code: str) -> tuple[Status, str]:
    """Of a syntax error: is it one for Python, too? `(<string>` is what the program gave to eval."""
    evaluated = "(<string>" in said and "too deeply nested" not in said
    return "failed" if evaluated or is_python(code) is False else "unsupported", f"SyntaxError: {said}"[:LONGEST_ERROR]


def _raised(said: str) -> tuple[Status, str]:
    for beginning, words in LIMIT_WORDS.items():
        if said.startswith(beginning):
            return "limit", words
    if "Internal error in monty" in said:
        return "error", said[:LONGEST_ERROR]
    return "unsupported" if _is_lacking(said) else "failed", said[:LONGEST_ERROR]


def _is_lacking(said: str) -> bool:
    """Whether CPython has what monty says is not there."""
    if name := NO_NAME.match(said):
        return name[1] in BUILTINS
    if attribute := NO_ATTRIBUTE.match(said):
        return hasattr(TYPES.get(attribute[1].rpartition(".")[2]), attribute[2])
    return UNSUPPORTED.match(said) is not None

"""Commands of `distill` in this very process, which takes a tenth of the time that one of their own would take to start.

In: words, the working folder, the environment. Out: how it ended, and what it wrote into pipes or into a real terminal.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline import prompts
from pipeline.cli import main

OURS = ("DISTILL_", "OPENAI_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
"""Beginnings of variables that a command shall not have from whoever runs the tests."""


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str = ""


def piped(words: list[str] | tuple[str, ...], folder: Path, **variables: str) -> Ended:
    """A command whose output goes into pipes."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with _place(folder, variables), redirect_stdout(out), redirect_stderr(err):
        code = _ran(words)
    return Ended(code, *(each.buffer.getvalue().decode("utf-8") for each in (out, err)))  # type: ignore[attr-defined]


def shown(words: list[str] | tuple[str, ...], folder: Path, columns: int = 80, **variables: str) -> Ended:
    """A command in a terminal of so many columns; all that it writes, both ways, is in `out`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    written: list[bytes] = []
    reader = threading.Thread(target=lambda: written.extend(all_of(ours)), daemon=True)
    reader.start()
    with _place(folder, {"TERM": "xterm-256color", **variables}), _standard_streams(theirs):
        code = _ran(words)
    reader.join(60)
    os.close(ours)
    return Ended(code, b"".join(written).decode("utf-8").replace("\r\n", "\n"))


def _ran(words: list[str] | tuple[str, ...]) -> int:
    try:
        return main(words)
    except SystemExit as ended:  # how the parser ends
        return int(ended.code or 0)


@contextmanager
def _place(folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    hook = sys.excepthook
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name in [each for each in os.environ if each.startswith(OURS)]:
            patched.delenv(name)
        for name, value in variables.items():
            patched.setenv(name, value)
        prompts.templates_folder.cache_clear()  # a program stays in its working folder, and reads a template once
        prompts._load.cache_clear()
        try:
            yield
        finally:
            prompts.templates_folder.cache_clear()
            sys.excepthook = hook


@contextmanager
def _standard_streams(terminal: int) -> Iterator[None]:
    """Lets a terminal stand for the standard streams, by their numbers too, by which its width is asked."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = [os.dup(number) for number in range(3)]
    for number, place in enumerate((nothing, terminal, terminal)):
        os.dup2(place, number)
    os.close(nothing)
    os.close(terminal)
    try:
        with (
            open(1, "w", encoding="utf-8", closefd=False) as out,
            open(2, "w", encoding="utf-8", closefd=False) as err,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            yield
    finally:
        for number, place in enumerate(kept):
            os.dup2(place, number)
            os.close(place)


def all_of(terminal: int) -> Iterator[bytes]:
    """What is written to a terminal, until nobody has its other end any more."""
    while True:
        try:
            some = os.read(terminal, 2**16)
        except OSError:  # Linux says so when the other end is closed
            return
        if not some:
            return
        yield some

"""Text as a model may write it to harm whoever reads it, and how to see in a command's output that it did nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from tests.here import all_of

HOSTILE = {
    "script": "<script>alert('owned')</script><img src=x onerror=alert(1)>",
    "colours": "\x1b[31;5mred and blinking\x1b[0m",
    "clears the screen": "gone \x1b[2J\x1b[H\x1bc",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "title and link": "\x1b]0;owned\x07\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "C1": "\x9b2J\x9d0;owned\x9c \x85next",
    "overwrites": "safe: no\rsafe: yes\b\b\b",
    "turns": "user\u202egnp.exe \u2066\u2067isolated\u2069 \u200f",
    "unseen": "pass\u200bword \u2060\ufeff\u00ad \U000e0041\U000e0042",
    "null": "before\x00after",
    "long line": "x" * 2**20,
    "many lines": "y\n" * 50_000,
}
"""By what it does."""
SGR = re.compile(r"\x1b\[[0-9;]*m")
"""The program's own colours."""
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def acting(text: str, colours: bool = False) -> set[str]:
    """The characters of an output that act on a terminal or cannot be seen; none is wanted.

    Args:
        colours: whether the program's own are allowed.
    """
    left = SGR.sub("", text) if colours else text
    return {each for each in set(left) - {"\n", "\t"} if unicodedata.category(each) in UNSEEN}


def in_terminal(words: Sequence[str], folder: Path, columns: int = 80, **environment: str) -> str:
    """What a command writes, both ways, into a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    given |= {"TERM": "xterm-256color", **environment}
    process = subprocess.Popen(list(words), cwd=folder, env=given, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b"".join(all_of(ours))
    os.close(ours)
    process.wait(timeout=60)
    return written.decode("utf-8").replace("\r\n", "\n")

"""Processes an engine leaves behind: found by a mark in their environment, and killed.

vLLM's engine does not notice when the program that started it is killed, and holds on to its GPU for ever; the same command
could then not be started again. So a guard waits for the end of the program and kills what is left. It is this file, run as a
program: `python leftovers.py MARK` waits until its standard input is closed by whoever holds it, or by their end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path

NAME = "DISTILL_ENGINE"
"""The variable that holds the mark."""


class Guard:
    """Watches over what is started with its mark in the environment."""

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        command = [sys.executable, "-S", "-E", __file__, self.mark]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env={}, start_new_session=True)

    def sweep(self) -> None:
        """Kills what carries the mark now."""
        kill(self.mark)

    def end(self) -> None:
        """Lets the guard kill what is left, and waits for it."""
        self._process.communicate()


def marked(mark: str) -> list[int]:
    """The processes that carry a mark; none where the system has no /proc. Python's own resource tracker ends by itself."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            carries = f"{NAME}={mark}".encode() in (folder / "environ").read_bytes()
            if carries and b"resource_tracker" not in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def kill(mark: str) -> None:
    for process in marked(mark):
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    kill(sys.argv[1])

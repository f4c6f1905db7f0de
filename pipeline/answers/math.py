"""Whether two formulas are the same mathematics, by math-verify in processes of its own; None where nobody can tell.

A comparison that takes too long, too much memory or cannot be read is None, and a process that was ended for it is replaced by
a new one. sympy is never loaded here, and no alarm is set, so this works in any thread and in workers of any pool. A process
ends with its parent, however that ends: its input does, and it never computes for longer than `math_worker.CPU_SECONDS`.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

PROGRAM = Path(__file__).with_name("math_worker.py")
START_SECONDS = 60.0
"""sympy takes 1.2 s to load, and longer on a busy machine or a slow disk."""
REPLY_SECONDS = 8.0
"""By the clock, four times what the process may take of the processor: only a machine under such a load gets here."""
COMPARISONS = 2000
"""After so many a process is replaced, since sympy's caches grow."""
KEPT = 100_000
"""Comparisons that are remembered: the samples of one task often end with the same formula."""


class Worker:
    """One process, asked one comparison at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", str(PROGRAM)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self.owner = os.getpid()
        self.comparisons = 0
        self.alive = self._line(START_SECONDS) == '"ready"'

    def compare(self, gold: str, prediction: str) -> bool | None:
        """Its word, or None where it was ended over it."""
        assert self._process.stdin is not None
        self.comparisons += 1
        try:
            self._process.stdin.write(json.dumps([gold, prediction]).encode() + b"\n")
            word = self._line(REPLY_SECONDS)
        except OSError:
            word = ""
        self.alive = word in ("true", "false", "null") and self.comparisons < COMPARISONS
        return {"true": True, "false": False}.get(word)

    def _line(self, seconds: float) -> str:
        """What it says within so many seconds; empty where it says nothing, or is no more."""
        assert self._process.stdout is not None
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        return self._process.stdout.readline().decode().strip() if poll.poll(seconds * 1000) else ""

    def is_running(self) -> bool:
        """Whether nobody else ended it meanwhile."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ends the process and waits for it; in a fork of its owner, only lets go of it."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        if self.owner == os.getpid():
            self._process.kill()
            self._process.wait()


class Workers:
    """As many processes as comparisons are made at once, at most one a core."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()

    def compare(self, gold: str, prediction: str) -> bool | None:
        """The word of whichever is idle."""
        with self._free:
            worker = self._taken()
            try:
                return worker.compare(gold, prediction) if worker.alive else None
            finally:
                self._put_back(worker)

    def _taken(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_running():
                return worker
            self._end(worker)
        worker = Worker()
        self._all.add(worker)
        return worker

    def _put_back(self, worker: Worker) -> None:
        if worker.alive:
            self._idle.append(worker)
        else:
            self._end(worker)

    def _end(self, worker: Worker) -> None:
        self._all.discard(worker)
        worker.end()

    def end(self) -> None:
        """Ends all of them, those that are busy too."""
        self._idle.clear()
        while self._all:
            self._all.pop().end()


_workers = Workers()


def _start_anew() -> None:
    """In a fork: lets go of the parent's processes, which would else hear two voices, and would outlive the parent."""
    global _workers
    _workers.end()
    _workers = Workers()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(lambda: _workers.end())


@lru_cache(maxsize=1)
def is_installed() -> bool:
    """Whether formulas can be compared here at all."""
    return find_spec("math_verify") is not None


def verifier() -> str:
    """What decides here, with its version, for the name of what verdicts rest on."""
    return f"math-verify {version('math-verify')}" if is_installed() else "no math-verify"


@lru_cache(maxsize=KEPT)
def same_formula(gold: str, prediction: str) -> bool | None:
    """Whether the prediction is the same mathematics as the gold answer; it is not symmetric: `x=5` is given by `5`.

    Args:
        gold: the right formula, in LaTeX without delimiters.
        prediction: the formula of a reply, likewise.
    """
    return _workers.compare(gold, prediction) if is_installed() else None

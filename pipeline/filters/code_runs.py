"""Keeps replies whose Python program runs to its end in the sandbox: no exception, no endless loop, no flood of output.

The program is the reply's last block of Python, the whole reply where that is code, or the prompt's unfinished function with
the reply as its body. What the sandbox's interpreter does not know is unverifiable: inheritance, generators, most modules,
files.
"""

from __future__ import annotations

import re
from abc import ABC
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.answers.code import is_python, program
from pipeline.answers.sandbox import Limits, Ran, run_code, sandbox_version
from pipeline.filters.verdicts import Negatives, RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task

SESSION = re.compile(r"^[ \t]*+(?:>>> |!|%\w|(?:\$ )?pip3? install)", flags=re.MULTILINE)
"""Lines that are written for an interpreter, a notebook or a shell."""


class Programs(RowFilter, ABC):
    """What filters that run programs have in common."""

    seconds: float = Field(default=3.0, gt=0, le=60)
    """Longest running time of a program, and of each test."""
    megabytes: int = Field(default=64, ge=8, le=4096)
    """Most memory of a program."""

    def run(self, code: str, *more: str) -> Ran:
        return run_code(code, *more, limits=Limits(seconds=self.seconds, megabytes=self.megabytes))

    def rests_on(self) -> list[str]:
        return [sandbox_version()]


class CodeRuns(Programs):
    """The program in the target runs to its end."""

    source: ClassVar[str] = "Chen et al. 2021, arXiv 2107.03374, section 2.3 (running untrusted programs)"
    negatives: ClassVar[Negatives] = "passed"
    filter: Literal["code_runs"]
    """Runs to its end."""

    def judge(self, task: Task, sample: Sample) -> Word:
        code = program(task.prompt, sample.target)
        if code is None:
            return drop("no Python program")
        if SESSION.search(code) and is_python(code) is False:
            return unverifiable("a session or notebook, no program")
        ran = self.run(code)
        if ran.status == "failed" and ran.error.startswith("SystemExit"):
            return unverifiable("ends itself", ran.error)
        return stopped(ran) or keep("runs to its end")


def stopped(ran: Ran, score: float | None = None) -> Word | None:
    """The word on a program that did not come to its end; None where it did."""
    if ran.status == "failed":
        return drop("ends with an error", score, ran.error)
    if ran.status == "limit":
        return drop("stopped at a limit", score, ran.error)
    return None if ran.status == "ok" else undecided(ran)


def undecided(ran: Ran) -> Word:
    """The word on a program that could not be run, or whose tests could not."""
    return unverifiable("the sandbox cannot run it" if ran.status == "unsupported" else "the sandbox failed", ran.error)

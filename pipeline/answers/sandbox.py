"""Runs a program that nobody trusts: no files, no network, no clock, no environment, and an end to its time, memory and output.

The interpreter is pydantic-monty's: Python written anew in Rust, in worker processes, with no way to the machine. The clock
stands still and chance is seeded, so the same program gives the same result. What the interpreter lacks (inheritance,
generators, most modules) makes a program *unsupported*, which says nothing about whether it is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pipeline.answers.code import LONGEST
from pipeline.answers.program_failures import LONGEST_ERROR, Status, failure
from pipeline.answers.sandbox_workers import in_fresh_process, is_forked, pool
from pipeline.errors import DistillError

if TYPE_CHECKING:
    from pydantic_monty import CollectString, MontySession, OSPolicy, ResourceLimits


@dataclass(frozen=True)
class Limits:
    """What a program may use up; it is stopped at the first it reaches."""

    seconds: float = 3.0
    """Running time of each part: that of HumanEval's own harness."""
    megabytes: int = 64
    """Memory of the interpreter."""
    recursion_depth: int = 1000
    """Calls within calls, as in CPython."""
    suspensions: int = 100
    """Requests to the host, such as for names that are not defined."""
    sleep_seconds: float = 0.1
    """Sleep in all; it does not count as running time."""
    printed_bytes: int = 100_000
    """Output in all."""


@dataclass(frozen=True)
class Ran:
    """What became of a program."""

    status: Status
    """ok; failed: by its own mistake; limit: it was stopped; unsupported: it cannot be run here; error: the sandbox failed."""
    printed: str = ""
    """What it printed before it ended."""
    value: str | int | float | bool | None = None
    """What its last expression gave, where that is text, a number or a truth value."""
    error: str = ""
    """What stopped it, in at most 200 characters."""
    part: int = 0
    """Which part it ended in, from 0."""


DEFAULT_LIMITS = Limits()
STILL: OSPolicy = {"datetime": datetime(2026, 1, 1), "timezone": "utc", "random_start": {"seed": 0}}


def run_code(code: str, *more: str, limits: Limits = DEFAULT_LIMITS) -> Ran:
    """Runs a program, and then further parts that see its names, until one does not come to its end.

    May be called from any thread, and from any process, forked ones included.

    Args:
        more: what is run after `code` whatever that looks like: an open bracket or quote there swallows nothing of it.

    Raises:
        UserError: pydantic-monty is not installed, or cannot be started.
    """
    if len(code) > LONGEST:
        return Ran("limit", error=f"is longer than {LONGEST} characters")
    try:
        return in_fresh_process(_run, (code, *more), limits) if is_forked() else _run((code, *more), limits)
    except DistillError:
        raise
    except Exception as error:
        return Ran("error", error=f"{type(error).__name__}: {error}"[:LONGEST_ERROR])


def sandbox_version() -> str:
    """Name and version of the interpreter, which decides what can be run; empty where there is none."""
    try:
        return f"pydantic-monty {version('pydantic-monty')}"
    except PackageNotFoundError:
        return ""


def _run(parts: tuple[str, ...], limits: Limits) -> Ran:
    """Twice where the sandbox itself failed: somebody may have killed its worker."""
    ran = _run_once(parts, limits)
    return _run_once(parts, limits) if ran.status == "error" else ran


def _run_once(parts: tuple[str, ...], limits: Limits) -> Ran:
    workers = pool()
    from pydantic_monty import CollectString, MontyError

    printed, number, value = CollectString(max_bytes=limits.printed_bytes), 0, None
    try:
        with workers.checkout(limits=_resources(limits), os_policy=STILL) as session:
            for number in range(len(parts)):
                value = _fed(session, parts[number], printed)
    except MontyError as error:
        status, said = failure(error, parts[number])
        return Ran(status, printed.output, error=said, part=number)
    return Ran("ok", printed.output, value if isinstance(value, str | int | float) else None, part=number)


def _resources(limits: Limits) -> ResourceLimits:
    return {
        "max_feed_duration_secs": limits.seconds,
        "max_turn_duration_secs": limits.seconds,
        "max_memory": limits.megabytes * 2**20,
        "max_recursion_depth": limits.recursion_depth,
        "max_suspensions": limits.suspensions,
        "max_total_sleep_secs": limits.sleep_seconds,
    }


def _fed(session: MontySession, part: str, printed: CollectString) -> Any:
    try:
        return session.feed_run(part, print_callback=printed)
    except TypeError:  # it ran, but a set of its own objects is no value that can leave the sandbox
        return None

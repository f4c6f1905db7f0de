"""What every driver shares: the job, the prompts and the clock.

In: the job as JSON in the first argument. Out: one line of JSON: rows returned, wall and CPU seconds of the work, seconds of
imports, peak memory. A driver imports its library, defines `work(job, prompts)` and calls `run`. The clock goes from a plain
list of prompts to all answers in hand, so building clients and data sets counts. Imports do not, nor those that a library puts
off until it works: a first run, which is not timed, tells their names (`late`), and timed runs import them before the clock.
Standard library only, since it runs in the virtual environment of every peer.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, TypeVar

MODEL = "bench"
SYSTEM = "You follow instructions exactly."
"""What `instruction_following` tells the teacher, so all tell it."""
TEMPERATURE, MAX_TOKENS = 0.7, 256
WORDS_A_PROMPT = 60
WORDS = re.findall(
    r"\w+",
    "river stone market ladder seven paper window garden often bring carry count write under twelve silver north evening "
    "table bread small answer reason number question before after weight letter story green simple middle corner bridge",
)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Job:
    """What a driver is to do."""

    url: str
    """The endpoint up to and with `/v1`."""
    rows: int
    in_flight: int
    began: float
    """When its process was started, in seconds since 1970."""
    preload: list[str]
    """Modules to import before the clock starts."""


def prompts(rows: int) -> list[str]:
    """As many different prompts of about 60 words, the same ones every time."""
    dice = random.Random(0)
    return [f"Task {number}: " + " ".join(dice.choices(WORDS, k=WORDS_A_PROMPT)) + "." for number in range(rows)]


def messages(prompt: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]


def run(package: str, work: Callable[[Job, list[str]], Any], count: Callable[[Any], int] = len) -> None:
    """Does the work, times it and prints the line.

    Args:
        package: the distribution whose version is reported.
        work: from prompts to answers.
        count: how many answers there are in what `work` returned; not timed.
    """
    job = Job(**json.loads(sys.argv[1]))
    asked = prompts(job.rows)
    for name in job.preload:
        with suppress(Exception):  # some modules only load as part of others, which are in the list, too
            import_module(name)
    known, imports = set(sys.modules), time.time() - job.began
    cpu, started = _cpu_seconds(), time.perf_counter()
    answers = work(job, asked)
    line = {
        "wall_seconds": time.perf_counter() - started,
        "cpu_seconds": _cpu_seconds() - cpu,
        "import_seconds": imports,
        "peak_mb": _peak_mb(),
        "child_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "library": f"{package} {metadata.version(package)}",
        "late": [name for name, module in sys.modules.items() if name not in known and getattr(module, "__file__", None)],
    }
    print("\n" + json.dumps({"rows": count(answers), **line}), flush=True)


async def ask_all(prompts: list[str], ask: Callable[[str], Awaitable[Answer]], in_flight: int) -> list[Answer]:
    """The answers in the order they come, from as many workers as may be in flight."""
    waiting, answers = iter(prompts), []

    async def worker() -> None:
        for prompt in waiting:
            answers.append(await ask(prompt))

    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return answers


def _cpu_seconds() -> float:
    """Seconds of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_mb() -> float:
    """The most memory this process held; `ru_maxrss` would count that of whoever started it, too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))

"""Random faults for as long as one likes: `SOAK_SECONDS` of them, two minutes unless said, `make soak` half an hour.

Cycle after cycle two runs share a store and most of their questions, while the server's troubles, its rate limit and the runs'
own limits change at random, and the runs are killed, interrupted and started again. Each cycle is drawn from its number, so one
that fails can be run alone: `SOAK_FIRST=17`. At its end everything is calm and both runs are finished: the tables must be those
of undisturbed runs, and no answer may have been paid for twice but what was in flight at a kill.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests import trouble
from tests.limits import RateLimit
from tests.servers import ChatServer, Trouble
from tests.small_runs import done, end, make_folder, replies, start, stop, tables

SECONDS, FIRST = float(os.environ.get("SOAK_SECONDS", "120")), int(os.environ.get("SOAK_FIRST", "0"))
RUNS = {"one": range(0, 300), "two": range(150, 450)}
QUESTIONS = 450
DISTURBED_SECONDS = 20.0
"""How long a cycle is disturbed; finishing it takes about half as long."""
CALAMITIES: tuple[list[Trouble], ...] = (
    [Trouble(500)],
    [Trouble(429)],
    [Trouble(429, headers={"Retry-After": "1"})],
    [Trouble(503, "<html>", share=0.7)],
    [Trouble(cut=True, share=0.8)],
    [Trouble(wire=trouble.hang, share=0.5)],
    [trouble.WRONG_KEY],
    [trouble.NO_CREDIT],
)
"""What befalls all rows, for a second or two."""
STOPPED = {0, 2, 3, 130, -signal.SIGKILL}
"""How a disturbed run may end; 1 would be our fault. Python alone speaks of an interrupt during its own start."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 600)]


@dataclass
class Soaked:
    """What happened in one cycle."""

    draw: random.Random
    store: Path
    folders: dict[str, Path]
    server: ChatServer
    running: dict[str, tuple[subprocess.Popen[str], int]] = field(default_factory=dict)
    """The processes, and how many calls each may have in flight."""
    allowed: int = QUESTIONS
    """Right answers the server may be asked for: each once, and what was in flight at a kill once more."""
    ends: list[int] = field(default_factory=list)
    landed: int = 0
    """Right answers when it became calm."""

    def disturb(self, seconds: float) -> None:
        """Something happens every other moment."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._start_what_stands()
            self._wait_for_calls(self.draw.randint(1, 60), self.draw.uniform(0.5, 3.0))
            self.draw.choices((self._weather, self._calamity, self._limit, self._kill, self._interrupt), (4, 2, 2, 3, 2))[0]()
        for name in list(self.running):
            self._stop(name, signal.SIGINT)

    def _wait_for_calls(self, calls: int, seconds: float) -> None:
        with suppress(TimeoutError):
            self.server.wait_for_hits(self.server.hits + calls, seconds)

    def _start_what_stands(self) -> None:
        for name, (process, _) in list(self.running.items()):
            if process.poll() is not None:
                self._ended(name)
        for name, folder in self.folders.items():
            if name not in self.running:
                settings = self._settings()
                process = start(folder, self.server.url, "--store", str(self.store), **settings)
                self.running[name] = (process, settings["concurrency"])

    def _settings(self) -> dict[str, Any]:
        """Limits of a run: other ones at each start, for they make no other data."""
        drawn: dict[str, Any] = {"concurrency": self.draw.choice((1, 4, 16, 48)), "read_seconds": 4, "total_seconds": 8}
        ceiling = self.draw.choice(("", "", "max_tokens", "max_calls", "requests_per_minute"))
        if ceiling:
            drawn[ceiling] = {"max_tokens": 1500, "max_calls": 30, "requests_per_minute": 900}[ceiling]
        return drawn

    def _weather(self) -> None:
        self.server.troubles = self.draw.sample(trouble.WEATHER, self.draw.randint(0, len(trouble.WEATHER)))

    def _calamity(self) -> None:
        before, self.server.troubles = self.server.troubles, self.draw.choice(CALAMITIES)
        time.sleep(self.draw.uniform(0.3, 2.0))
        self.server.troubles = before

    def _limit(self) -> None:
        rate = self.draw.choice((None, 20, 60))
        told = self.draw.choice(("nothing", "openai", "anthropic"))
        self.server.limit = RateLimit(rate, burst=10, retry_after=self.draw.random() < 0.5, tells=told) if rate else None

    def _kill(self) -> None:
        if self.running:
            self._stop(self.draw.choice(sorted(self.running)), signal.SIGKILL)

    def _interrupt(self) -> None:
        if self.running:
            self._stop(self.draw.choice(sorted(self.running)), signal.SIGINT)

    def _stop(self, name: str, how: signal.Signals) -> None:
        process, in_flight = self.running[name]
        alive, began = process.poll() is None, time.monotonic()
        if alive and how == signal.SIGKILL:
            self.allowed += in_flight
        stop(process, how)
        assert time.monotonic() - began < 10, "an interrupt took more than five seconds, and this machine is not that busy"
        self._ended(name)

    def _ended(self, name: str) -> None:
        process, _ = self.running.pop(name)
        ended = end(process)
        if "Traceback" in ended.err:
            assert ended.code == -signal.SIGINT or "init_import_site" in ended.err, ended.err
        else:
            assert ended.code in STOPPED | {-signal.SIGINT}, f"{name} ended with {ended.code}: {ended.err}"
        self.ends.append(ended.code)

    def calm_down(self) -> None:
        """Everything works again, and both runs are finished."""
        self.server.troubles, self.server.limit, self.server.seconds = [], None, 0.0
        for folder in self.folders.values():
            done(folder, self.server.url, "--store", str(self.store))


def soak(cycle: int, root: Path) -> Soaked:
    """One cycle, from nothing to finished tables."""
    draw = random.Random(f"soak/{cycle}")
    folders = {name: make_folder(root / name, rows) for name, rows in RUNS.items()}
    with ChatServer(seconds=draw.choice((0.01, 0.05, 0.2)), seed=cycle) as server:
        soaked = Soaked(draw, root / "replies.sqlite", folders, server)
        try:
            soaked.disturb(DISTURBED_SECONDS)
            soaked.landed = server.answered.total()
            soaked.calm_down()
        finally:
            for process, _ in soaked.running.values():
                process.kill()
        return soaked


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("undisturbed")
    folders = {name: make_folder(root / name, rows) for name, rows in RUNS.items()}
    with ChatServer() as server:
        for folder in folders.values():
            done(folder, server.url)
    return folders


def test_random_faults_change_nothing_and_cost_nothing_twice(undisturbed: dict[str, Path], tmp_path: Path) -> None:
    until, ends = time.monotonic() + SECONDS, []
    for cycle in count(FIRST):
        soaked = soak(cycle, tmp_path / f"cycle-{cycle}")
        server, again = soaked.server, f"; again with SOAK_FIRST={cycle}"
        paid = f"{server.answered.total()} answers ({soaked.landed} before it was calm, {soaked.allowed} allowed)"
        print(f"cycle {cycle}: {server.hits} hits, {paid}, ends {soaked.ends}", flush=True)
        assert len(server.by_body) == len(server.answered) == QUESTIONS, again
        assert server.answered.total() <= soaked.allowed, again
        assert replies(tmp_path, f"cycle-{cycle}/replies.sqlite") == QUESTIONS, again
        for name, folder in soaked.folders.items():
            assert tables(folder) == tables(undisturbed[name]), name + again
        ends += soaked.ends
        if time.monotonic() > until:
            break
    assert {-signal.SIGKILL, 130} <= set(ends)

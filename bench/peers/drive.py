"""Starts drivers and the server they ask, each in a process of its own, and watches them.

In: a client, a load, a folder. Out: what the driver measured (`clock.py`), the memory of its child processes, and the server's
counts. Every run has a fresh home and working folder, so nothing a client cached helps its next run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peers.install import interpreter

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CLIENTS = {
    "bare": ["bare"],
    "openai": ["openai"],
    "openai-aiohttp": ["openai", "aiohttp"],
    "curator": ["curator"],
    "distilabel": ["distilabel"],
    "data-designer": ["data_designer"],
    "sdg_hub": ["sdg_hub"],
    "distill": ["distill"],
}
"""The driver of each client, and what else it is told."""
OURS = ("bare", "openai", "openai-aiohttp", "distill")
"""Clients that run in the project's own environment, and so with the same versions of what they share."""
QUIET = {
    "TELEMETRY_ENABLED": "false", "NEMO_TELEMETRY_ENABLED": "false", "HF_HUB_DISABLE_TELEMETRY": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1", "OPENAI_API_KEY": "none",
}  # fmt: skip
"""Nobody calls home, and nobody waits for an answer from there."""
KEPT = ("PATH", "LANG", "LC_ALL", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""What clients see of the environment of whoever measures."""
TOKENIZERS = "lib/python*/site-packages/litellm/litellm_core_utils/tokenizers"
"""litellm ships the files tiktoken would download: without a network curator fails for want of them, data-designer crawls."""
LONGEST_RUN = 1800.0
LOOK_EVERY = 0.5
"""Seconds between two looks at the memory of child processes."""


class Failed(Exception):
    """A run that did not end well, with the last line it wrote."""


@contextmanager
def serving(latency: float) -> Iterator[int]:
    """The port of a server in a process of its own.

    It is tied to the last core; no client is tied to any. So every client has what its user would have: all cores for its
    threads and processes. Tying clients to the other cores would punish those that use several processes, and a server that
    wanders between cores would add to everybody's spread. Where server and client meet on a core, the server goes first, since
    it sleeps most of the time; by how much its answers were late all the same, it counts itself (`late_seconds`).
    """
    command = [sys.executable, str(REPOSITORY / "bench/server.py"), "--latency", str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
        try:
            yield json.loads(process.stdout.readline())["port"]
        finally:
            process.stdin.close()  # it stops when this ends
            process.wait(10)


def call(port: int, method: str, path: str, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the server says to `GET /stats` or `POST /reset`."""
    body = json.dumps(settings or {}).encode() if method == "POST" else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@dataclass
class Bench:
    """What is the same for all runs: the server and how much it is asked at once."""

    port: int
    in_flight: int
    late: dict[str, list[str]] = field(default_factory=dict)
    """Modules a client imported only while it worked, as a first run that is not timed showed."""

    def measure(self, client: str, rows: int, folder: Path | None = None) -> dict[str, Any]:
        """One run, in a fresh folder unless said.

        Raises:
            NotInstalled, Failed: there is no figure, and why.
        """
        if client not in self.late:
            with tempfile.TemporaryDirectory() as fresh:
                self.late[client] = self._drive(client, min(rows, self.in_flight), Path(fresh))["late"]
        with tempfile.TemporaryDirectory() as fresh:
            return self._drive(client, rows, folder or Path(fresh))

    def _drive(self, client: str, rows: int, folder: Path) -> dict[str, Any]:
        python = Path(sys.executable) if client in OURS else interpreter(client)
        call(self.port, "POST", "/reset")
        job = {
            "url": f"http://127.0.0.1:{self.port}/v1", "rows": rows, "in_flight": self.in_flight,
            "began": time.time(), "preload": self.late.get(client, []),
        }  # fmt: skip
        driver, *told = CLIENTS[client]
        # -P keeps the working folder off the path, so that nothing a client writes there stands in for a module
        command = [str(python), "-P", "-m", f"bench.peers.{driver}", json.dumps(job), *told]
        output, child_mb = _watch(command, folder, _environment(python, folder))
        return {**json.loads(output), "child_mb": child_mb, "server": call(self.port, "GET", "/stats")}


def _environment(python: Path, folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    tokenizers = next(python.parent.parent.glob(TOKENIZERS), None)
    cache = {"TIKTOKEN_CACHE_DIR": str(tokenizers)} if tokenizers else {}
    return kept | QUIET | cache | {"HOME": str(folder), "PYTHONPATH": str(REPOSITORY)}


def _watch(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[str, float]:
    """The line a driver prints, and the most memory its child processes held together, in MB.

    Raises:
        Failed: it printed none, or did not end in time.
    """
    child_mb, ends = 0.0, time.monotonic() + LONGEST_RUN
    with (folder / ".said").open("w+") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT)
        try:
            while not _ended(process) and time.monotonic() < ends:
                child_mb = max(child_mb, sum(_proportional_mb(each) for each in _descendants(process.pid)))
        finally:
            process.kill()
            code = process.wait()
        said.seek(0)
        lines = [line.strip() for line in said if line.strip()]
    figures = [line for line in lines if line.startswith('{"rows": ')]
    if not figures:
        raise Failed(f"exit code {code}; its last words: {lines[-1][-300:] if lines else 'none'}")
    return figures[-1], child_mb


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ends until the next look."""
    try:
        process.wait(LOOK_EVERY)
    except subprocess.TimeoutExpired:
        return False
    return True


def _descendants(process: int) -> Iterator[int]:
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found = [int(child) for child in children.read_text().split()]
        except OSError:  # it has ended meanwhile
            continue
        for child in found:
            yield child
            yield from _descendants(child)


def _proportional_mb(process: int) -> float:
    """Memory of a process, where a page shared by several counts in parts."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))

"""Processes that nobody ends: the guard does, when its program says so or is no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from pipeline.llm.backends.engine_log import ELSEWHERE, LOG, reason, size
from pipeline.llm.backends.leftovers import NAME, Guard, marked

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
PROGRAM = """
import os, subprocess, sys, time
from pipeline.llm.backends.leftovers import NAME, Guard
guard = Guard()
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=os.environ | {NAME: guard.mark})
print(guard.mark, flush=True)
time.sleep(60)
"""


def test_the_guard_ends_what_carries_its_mark_and_nothing_else() -> None:
    guard, other = Guard(), Guard()
    mine = subprocess.Popen(SLEEP, env=os.environ | {NAME: guard.mark})
    others = subprocess.Popen(SLEEP, env=os.environ | {NAME: other.mark})
    assert _wait_for(guard.mark) == [mine.pid]
    guard.end()
    assert mine.wait(5) == -signal.SIGKILL
    assert others.poll() is None
    other.end()
    assert others.wait(5) == -signal.SIGKILL


def test_a_program_that_is_killed_leaves_nothing() -> None:
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    mark = program.stdout.readline().strip()
    assert len(_wait_for(mark)) == 1
    program.kill()
    program.communicate()
    deadline = time.monotonic() + 5
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marked(mark) == []


def _wait_for(mark: str) -> list[int]:
    """The marked processes, once there are any."""
    deadline = time.monotonic() + 5
    while not (found := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_the_reason_is_the_first_error_said_since() -> None:
    assert reason(size()) == ELSEWHERE
    LOG.write_text("EngineCore ERROR ValueError: of an engine before\n")
    since = size()
    with LOG.open("a") as log:
        log.write("Worker INFO loading\nWorker ERROR WorkerProc failed to start.\n")
        assert reason(since) == ELSEWHERE
        log.flush()
        assert reason(since) == "WorkerProc failed to start."
        log.write("torch.OutOfMemoryError: CUDA out of memory.\nRuntimeError: Engine core initialization failed.\n")
    assert reason(since) == "torch.OutOfMemoryError: CUDA out of memory."
    LOG.unlink()

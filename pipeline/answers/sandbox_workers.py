"""The sandbox's worker processes: one pool a process, started when first needed and closed at its end.

A worker starts with an empty environment, so it holds no keys, may write no file, and is silent on stderr, where it would
report each program that runs out of memory. Its threads do not survive a fork: a process forked from one that used the
sandbox has its programs run by a fresh process of its own, which ends with it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
import threading
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from pipeline.errors import UserError

if TYPE_CHECKING:
    from pydantic_monty import Monty

REQUEST_SECONDS = 75.0
"""No program may take longer than 60 s (`Programs.seconds`), and the pool allows each another second; what is beyond hangs."""
CHECKOUT_SECONDS = 300.0
"""For a free worker, where there are more threads than cores."""
CHECKOUTS = 1000
"""A worker is replaced after so many programs."""
WRAPPER = '#!/bin/sh\nulimit -c 0\nulimit -f 0\nexec env -i {binary} "$@" 2>/dev/null\n'

P = ParamSpec("P")
Answer = TypeVar("Answer")

_lock = threading.RLock()
_pools: dict[int, Monty] = {}
"""By process: one that was forked holds its parent's, and must neither use nor close it."""
_others: dict[int, Connection] = {}
"""By process: the way to the fresh process that runs a forked one's programs."""


def _unlock_in_child() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)


def is_forked() -> bool:
    """Whether a process before this one used the sandbox, whose threads are missing here."""
    return bool(_pools) and os.getpid() not in _pools


def pool() -> Monty:
    """This process's workers.

    Raises:
        UserError: pydantic-monty is not installed, or not wholly, or its program cannot be started.
    """
    with _lock:
        if os.getpid() not in _pools:
            _pools[os.getpid()] = _started()
        return _pools[os.getpid()]


def in_fresh_process(function: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
    """The function's answer from a process that was started, not forked; what it raises is raised here.

    Raises:
        EOFError, OSError: that process ended; the next call starts another.
    """
    with _lock:
        here = os.getpid()
        if here not in _others:
            _others[here] = _opened()
        try:
            _others[here].send((function, args, kwargs))
            answer = _others[here].recv()
        except (EOFError, OSError):
            _others.pop(here).close()
            raise
    if isinstance(answer, Exception):
        raise answer
    return cast(Answer, answer)


def _opened() -> Connection:
    here, there = get_context("spawn").Pipe()
    get_context("spawn").Process(target=_answer, args=(there,), daemon=False, name="sandbox").start()
    there.close()
    Finalize(None, here.close, exitpriority=1)  # nobody calls any more, so the other ends, and its workers with it
    return here


def _answer(calls: Connection) -> None:
    """Answers calls until nobody is left to call."""
    while True:
        try:
            function, args, kwargs = calls.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            calls.send(function(*args, **kwargs))
        except Exception as error:
            calls.send(error)


def _started() -> Monty:
    try:
        from pydantic_monty import Monty
        from pydantic_monty._binary import find_monty_binary

        binary = find_monty_binary()
    except (ImportError, FileNotFoundError) as error:
        raise UserError(
            "pydantic-monty is not installed, and filters that run programs need it", "pip install -e '.[code]'"
        ) from error
    folder = Path(tempfile.mkdtemp(prefix="sandbox-"))
    Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=1)
    workers = Monty(
        binary_path=_wrapped(binary, folder),
        checkout_timeout=CHECKOUT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        max_checkouts_per_worker=CHECKOUTS,
    )
    try:
        workers.__enter__()
        with workers.checkout() as session:
            session.feed_run("None")  # a pool begins without a worker, and says nothing where none can be started
    except Exception as error:
        remedy = f"{binary} must be a program, and programs be allowed in {folder.parent}; TMPDIR names another folder."
        raise UserError(f"the sandbox cannot be started: {error}", remedy) from error
    Finalize(None, workers.__exit__, args=(None, None, None), exitpriority=2)
    return workers


def _wrapped(binary: str, folder: Path) -> Path:
    """A program that starts the worker with nothing of ours."""
    if os.name != "posix":
        return Path(binary)
    wrapper = folder / "monty"
    wrapper.write_text(WRAPPER.format(binary=shlex.quote(binary)), encoding="utf-8")
    wrapper.chmod(0o700)
    return wrapper

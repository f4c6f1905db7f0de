"""A virtual environment for every peer, made once, so that no peer's pins reach another or us.

In: a peer's name. Out: the path of its interpreter in `.venv-bench/<peer>`. What is installed is in `requirements-<peer>.txt`,
and in `requirements-<peer>-alone.txt` what goes in without its dependencies. A changed file makes the environment anew.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / ".venv-bench"
SECONDS = 1800
"""Longest an installation may take; the largest takes about three minutes."""


class NotInstalled(Exception):
    """A peer that cannot be had here, with the reason."""


def interpreter(peer: str) -> Path:
    """The Python that has this peer installed.

    Raises:
        NotInstalled: pip could not.
    """
    wanted = _wanted(peer)
    venv, ready = FOLDER / peer, FOLDER / peer / ".ready"
    python = venv / "bin/python"
    if not (ready.is_file() and ready.read_text(encoding="utf-8") == wanted and python.exists()):
        print(f"installing {peer} into {venv} …", file=sys.stderr)
        _run([sys.executable, "-m", "venv", "--clear", str(venv)])
        for path, flags in _lists(peer):
            _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *flags, "-r", str(path)])
        ready.write_text(wanted, encoding="utf-8")
    return python


def _lists(peer: str) -> list[tuple[Path, list[str]]]:
    """The files of what to install, with the flags each needs."""
    lists = [
        (HERE / f"requirements-{peer}.txt", []),
        (HERE / f"requirements-{peer}-alone.txt", ["--no-deps"]),
    ]
    return [(path, flags) for path, flags in lists if path.is_file()]


def _wanted(peer: str) -> str:
    return sys.version + "".join(path.read_text(encoding="utf-8") for path, _ in _lists(peer))


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise NotInstalled(next((line for line in lines if line.startswith("ERROR")), lines[-1])[:300])

"""What was figured out of a run's tables, kept until one of them changes: pages of a big run are asked for again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, cast

from pipeline.errors import UserError
from pipeline.identity import Stamp, stamp
from pipeline.tables import TABLES, table_path

TRIES = 5
BESIDE = ("recipe.yaml", "run.json")
"""Files that figures rest on, too."""
T = TypeVar("T")


class Remembered:
    """The figures of one run, by name; each is made once, however many ask for it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, tuple[list[Stamp], object]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def __call__(self, name: str, make: Callable[[], T], *others: Path) -> T:
        """What `make` gives, made anew only after a table of the run has changed.

        Args:
            others: folders of further runs that it rests on.
        """
        with self._lock:
            mine = self._locks.setdefault(name, threading.Lock())
        with mine:
            now = [each for folder in (self._folder, *others) for each in stamps(folder)]
            if name not in self._found or self._found[name][0] != now:
                self._found[name] = now, make()
            return cast(T, self._found[name][1])


def steadily(folder: Path, make: Callable[[], T]) -> T:
    """What `make` gives of tables that stay as they are meanwhile; it is made again where a command has put new ones there.

    Raises:
        UserError: what `make` says of tables that did stay.
    """
    for _ in range(TRIES):
        before = stamps(folder)
        try:
            made = make()
        except UserError:
            if stamps(folder) == before:
                raise
        else:
            if stamps(folder) == before:
                return made
    raise UserError(f"{folder.name}: its tables are made anew faster than they can be read", "Look again in a moment.")


def stamps(folder: Path) -> list[Stamp]:
    """What names the tables of a run as they are now."""
    paths = [*(table_path(folder, name) for name in TABLES), *(folder / name for name in BESIDE)]
    found = []
    for path in paths:
        with suppress(FileNotFoundError):  # most are not there, and one may go while it is looked at
            found.append(stamp(path))
    return found

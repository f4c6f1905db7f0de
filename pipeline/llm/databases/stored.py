"""One remembered reply as a row, and the seam every database fills."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol, Self

from pipeline.errors import UserError
from pipeline.llm.request import Reply

VERSION = 1
"""Version of the tables; 0 had no provider, model and checksum, and took three times the space."""
PAGE = 256
"""Rows read at once where all are read: at 100 kB each, which is a long reply with log-probabilities, 25 MB."""
RESCUE = "`distill store export mended.sqlite` writes what can be read into a fresh store; then set DISTILL_STORE to it."


class Damaged(UserError):
    """The store does not hold what was put into it."""


class Stored(NamedTuple):
    """One row."""

    key: str
    """Hash of all that determined the reply."""
    reply: bytes
    """The `Reply` as JSON, UTF-8."""
    landed: float
    """When it was put, in seconds since 1970."""
    provider: str | None
    """Who answered; None in rows of version 0."""
    model: str | None
    """The model's name there; None in rows of version 0."""
    checksum: int | None
    """CRC-32 of key and reply; None in rows of version 0."""


class Database(Protocol):
    """A place where replies lie; use as a context manager. Every method raises UserError where the place cannot be used."""

    name: str
    """What people call it, without a password."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def find(self, keys: Sequence[str]) -> dict[str, Stored]:
        """The rows there are under these keys."""

    def take(self, keys: Collection[str]) -> set[str]:
        """Claims keys: those that come back are this object's alone until `put`, `drop` or the end of its process."""

    def drop(self, keys: Collection[str]) -> None:
        """Gives claims up."""

    def put(self, rows: Sequence[Stored]) -> None:
        """Adds rows in one commit, durable on return, and ends their claims. A row that is there already stays."""

    def hurry(self, patience: float) -> None:
        """From now on waits at most so many seconds for others."""

    def pages(self, damaged: list[Damaged] | None = None) -> Iterator[list[Stored]]:
        """All rows, some hundred at a time.

        Args:
            damaged: where to note damage and go on; unless given, it is raised.
        """

    def remove(self, keys: Collection[str]) -> int:
        """Removes rows; how many there were."""

    def compact(self) -> None:
        """Gives the space of removed rows back."""

    def size(self) -> int:
        """Bytes it takes."""


def newer(place: str, version: int) -> UserError:
    """The refusal of a store which this program is too old for."""
    return UserError(
        f"{place}: a newer version of this program made this store: version {version}, known here up to {VERSION}",
        "Update the program, or name another store with DISTILL_STORE.",
    )


def nothing_stored(place: str) -> UserError:
    """The refusal to look into a store nobody made."""
    return UserError(f"{place}: no replies are stored there", "Name the store with DISTILL_STORE or --data DIR.")


def checksum(key: str, reply: bytes) -> int:
    """CRC-32 of both: a reply under another key is as wrong as another reply."""
    return zlib.crc32(reply, zlib.crc32(key.encode("utf-8", "replace")))


def reply_in(row: Stored, place: str) -> Reply:
    """The reply of a row.

    Raises:
        Damaged: it is not what was put.
    """
    if row.checksum is not None and row.checksum != checksum(row.key, row.reply):
        raise Damaged(f"{place}: the reply under {row.key} is damaged: its checksum differs", RESCUE)
    try:
        return Reply.model_validate_json(row.reply)
    except ValueError:
        what = "is damaged" if row.checksum is None else "was written by another version of this program"
        raise Damaged(f"{place}: the reply under {row.key} cannot be read: it {what}", RESCUE) from None

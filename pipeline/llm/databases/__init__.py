"""Where replies lie: an SQLite file, or a PostgreSQL database that several machines share, behind one small seam.

In: keys, and the JSON of replies. Out: the rows as they were put, each with a checksum, so that a reply which changed on its
way through a disk is refused instead of believed. Every call blocks and may be repeated; whoever is asynchronous gives it a
thread (`llm/store.py`). Whatever a database raises becomes a `UserError` that names the place, never a password.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UserError
from pipeline.llm.databases.postgres import PostgresDatabase
from pipeline.llm.databases.sqlite import SqliteDatabase
from pipeline.llm.databases.stored import Database

PATIENCE = 60.0
"""Seconds to wait for somebody else's lock on a store."""


def database_at(where: str | Path, patience: float = PATIENCE, *, reading: bool = False) -> Database:
    """The database at a file's path or a `postgresql://` address, not yet open.

    Args:
        reading: look only: a place where nothing was ever stored is refused, and a file that was cut off is not.

    Raises:
        UserError: the address is of another sort, or PostgreSQL's driver is missing.
    """
    scheme, is_address, _ = str(where).partition(":/")  # a path has only one of an address's two slashes left
    if not is_address:
        return SqliteDatabase(Path(where), patience, reading)
    if scheme not in ("postgresql", "postgres") or isinstance(where, Path):
        raise UserError(
            f"DISTILL_STORE={scheme}://…: neither a path nor an address of PostgreSQL",
            "Give the path of an SQLite file, or postgresql://user:password@host/database.",
        )
    return PostgresDatabase(where, patience, reading)

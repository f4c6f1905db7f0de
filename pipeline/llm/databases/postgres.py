"""Replies in a PostgreSQL database, which several machines share.

Claims are rows of an unlogged table, each with the number of its owner, and an owner holds an advisory lock on its number while
it is connected: where that lock can be had, the claims are void. So they vanish with `kill -9`, as the locks of an SQLite store
do, and there may be any number of them; an advisory lock each would use up the server's own table at some 7,000.
The connection must be to the server itself: a pooler gives one session to many.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.llm.databases.session import Session
from pipeline.llm.databases.stored import PAGE, VERSION, Damaged, Stored, newer, nothing_stored

if TYPE_CHECKING:
    import psycopg

MAKING = 0x64697374696C6C
"""The advisory lock of whoever makes the tables."""
TABLES = """
    CREATE TABLE distill_replies (key text COLLATE "C" PRIMARY KEY, reply text NOT NULL, landed double precision NOT NULL,
        provider text, model text, checksum bigint);
    CREATE UNLOGGED TABLE distill_claims (key text COLLATE "C" PRIMARY KEY, owner bigint NOT NULL);
    CREATE TABLE distill_version (version integer NOT NULL);
"""
COLUMNS = "key, reply, landed, provider, model, checksum"
TAKE = """
    INSERT INTO distill_claims (key, owner) SELECT key, %s FROM unnest(%s::text[]) AS asked (key)
    ON CONFLICT (key) DO NOTHING RETURNING key
"""
TAKE_VOID = """
    UPDATE distill_claims SET owner = %s WHERE key IN (
        SELECT key FROM distill_claims WHERE key = ANY(%s) AND pg_try_advisory_xact_lock(owner) FOR UPDATE SKIP LOCKED
    ) RETURNING key
"""
DROP_VOID = """
    DELETE FROM distill_claims WHERE key IN (
        SELECT key FROM distill_claims WHERE owner <> %s AND pg_try_advisory_xact_lock(owner) FOR UPDATE SKIP LOCKED
    )
"""
DROP = "DELETE FROM distill_claims WHERE owner = %s AND key = ANY(%s)"
PUT = f"""
    WITH ended AS ({DROP})
    INSERT INTO distill_replies ({COLUMNS})
    SELECT * FROM unnest(%b::text[], %b::text[], %b::double precision[], %b::text[], %b::text[], %b::bigint[])
    ON CONFLICT (key) DO NOTHING
"""


class PostgresDatabase:
    """The database at `address`; every method may be called from one thread at a time."""

    def __init__(self, address: str, patience: float, reading: bool = False) -> None:
        self._session = Session(address, self._begin)
        self.name = self._session.name
        self._patience, self._reading = patience, reading
        self._owner: int | None = None
        self._held: set[str] = set()

    def __enter__(self) -> PostgresDatabase:
        self._session.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._held.clear()  # the claims ended with their connection

    def find(self, keys: Sequence[str]) -> dict[str, Stored]:
        question = f"SELECT {COLUMNS} FROM distill_replies WHERE key = ANY(%s)"
        return {row.key: row for row in map(_stored, self._rows(question, list(keys)))}

    def take(self, keys: Collection[str]) -> set[str]:
        wanted = sorted(set(keys) - self._held)  # in one order, so that nobody waits for who waits for him
        taken = self._taken(TAKE, wanted)
        taken |= self._taken(TAKE_VOID, [key for key in wanted if key not in taken])
        self._held |= taken
        return taken

    def _taken(self, question: str, keys: list[str]) -> set[str]:
        def work(connection: psycopg.Connection[Any]) -> set[str]:  # a new connection has a new owner
            return {key for (key,) in connection.execute(question, (self._owner, keys))}

        return self._session.run(work) if keys else set()

    def drop(self, keys: Collection[str]) -> None:
        if dropped := self._held.intersection(keys):
            self._session.run(lambda connection: connection.execute(DROP, (self._owner, list(dropped))))
            self._held -= dropped

    def put(self, rows: Sequence[Stored]) -> None:
        ordered = sorted(rows)
        columns = [list(column) for column in zip(*ordered, strict=True)]
        columns[1] = [row.reply.decode() for row in ordered]
        self._session.run(lambda connection: connection.execute(PUT, (self._owner, columns[0], *columns)))
        self._held.difference_update(columns[0])

    def hurry(self, patience: float) -> None:
        self._patience = min(patience, self._patience)
        if self._session.is_open:  # else it holds from the next connection on
            self._session.run(self._set_patience)

    def pages(self, damaged: list[Damaged] | None = None) -> Iterator[list[Stored]]:
        after = ""  # a server that finds damage is its administrator's to mend, so that is raised
        question = f"SELECT {COLUMNS} FROM distill_replies WHERE key > %s ORDER BY key LIMIT %s"
        while rows := list(map(_stored, self._rows(question, after, PAGE))):
            yield rows
            after = rows[-1].key

    def remove(self, keys: Collection[str]) -> int:
        question = "DELETE FROM distill_replies WHERE key = ANY(%s)"
        return self._session.run(lambda connection: connection.execute(question, (list(keys),)).rowcount)

    def compact(self) -> None:
        """The server does so by itself."""

    def size(self) -> int:
        ((size,),) = self._rows("SELECT pg_total_relation_size('distill_replies')")
        return int(size)

    def _rows(self, question: str, *values: Any) -> list[Any]:
        return self._session.run(lambda connection: connection.execute(question, values).fetchall())

    def _begin(self, connection: psycopg.Connection[Any]) -> None:
        """The first words on a connection; on one that replaces another, the claims of that one are taken over."""
        self._set_patience(connection)
        connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
        if self._owner is None:
            self._make_ready(connection)
        owner = secrets.randbits(63)
        connection.execute("SELECT pg_advisory_lock(%s)", (owner,))
        connection.execute("UPDATE distill_claims SET owner = %s WHERE owner = %s", (owner, self._owner))
        connection.execute(DROP_VOID, (owner,))
        self._owner = owner

    def _set_patience(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{int(self._patience * 1000)}ms",))

    def _make_ready(self, connection: psycopg.Connection[Any]) -> None:
        """Makes the tables where there are none, and refuses those of a newer version."""
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (MAKING,))
            (there,) = connection.execute("SELECT to_regclass('distill_version') IS NOT NULL").fetchone() or (False,)
            if not there:
                if self._reading:
                    raise nothing_stored(self.name)
                connection.execute(TABLES)
                connection.execute("INSERT INTO distill_version VALUES (%s)", (VERSION,))
            (version,) = connection.execute("SELECT max(version) FROM distill_version").fetchone() or (0,)
        if version > VERSION:
            raise newer(self.name, version)


def _stored(row: tuple[Any, ...]) -> Stored:
    key, reply, landed, provider, model, total = row
    return Stored(key, reply.encode(), landed, provider, model, total)

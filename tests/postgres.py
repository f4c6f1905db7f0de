"""A real PostgreSQL server for a test, in a folder and on a port of its own, with a user who needs a password.

`with Cluster() as cluster:` runs it until the block ends; `cluster.stop()` and `cluster.start()` in between. PostgreSQL refuses
to run as root, so root lends it the account `postgres`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

PASSWORD = "s3cret/k3y@geheim"
"""With signs an address must escape."""
ESCAPED = "s3cret%2Fk3y%40geheim"


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, newest version first, or None."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else installed
    return next((folder for folder in folders if (folder / "postgres").exists() and (folder / "initdb").exists()), None)


def _account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def why_not() -> str:
    """Why no server can run here; empty where one can."""
    if programs() is None:
        return "PostgreSQL is not installed"
    if find_spec("psycopg") is None:
        return "the package psycopg is not installed"
    if os.geteuid() == 0 and _account() is None:
        return "PostgreSQL does not run as root, and there is no account postgres"
    return ""


needs_postgres = pytest.mark.skipif(bool(why_not()), reason=why_not())


class Cluster:
    """A server with one database, `replies`, and the user `distill`."""

    def __enter__(self) -> Cluster:
        self._folder = Path(tempfile.mkdtemp(prefix="distill-postgres-"))
        self._data = self._folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self._folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (self._folder, self._folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        self._run("initdb", "-D", self._data, "-U", "distill", "-A", "scram-sha-256", "--pwfile", self._folder / "password")
        try:
            self.start()
            self.ask("CREATE DATABASE replies", database="postgres")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        options = f"-c fsync=off -c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", self._folder / "log", "-o", options)

    def stop(self) -> None:
        """Ends the server and every connection at once."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._data)

    def address(self, password: str = ESCAPED, database: str = "replies") -> str:
        """What DISTILL_STORE is set to."""
        return f"postgresql://distill:{password}@127.0.0.1:{self.port}/{database}"

    def ask(self, question: str, *values: Any, database: str = "replies") -> list[Any]:
        """Rows of a question put by a connection of its own."""
        import psycopg

        with psycopg.connect(self.address(database=database), autocommit=True) as connection:
            cursor = connection.execute(question, values)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *words: object) -> None:
        folder = programs()
        assert folder is not None
        account = _account() if os.geteuid() == 0 else None
        who: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        with (self._folder / "output").open("w+") as output:  # a pipe would stay open as long as the server runs
            done = subprocess.run(
                [str(folder / program), *map(str, words)], cwd="/", stdout=output, stderr=output, timeout=60, **who
            )
            output.seek(0)
            assert done.returncode == 0, output.read()

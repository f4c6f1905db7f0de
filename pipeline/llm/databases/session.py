"""A session with a PostgreSQL server: its address, which hides its password, the driver, and a second try when it breaks."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from pipeline.errors import UserError
from pipeline.llm.databases.stored import Damaged

if TYPE_CHECKING:
    import psycopg

RECONNECT = 10.0
"""Seconds in which a server that was lost may come back: a restart takes one or two."""
DEFAULTS = {"application_name": "distill", "connect_timeout": 10, "tcp_user_timeout": 30_000}
"""What an address need not say: a server that does not answer is given up after so many seconds and milliseconds."""
DAMAGE = ("XX001", "XX002")
"""SQLSTATEs of a damaged table and a damaged index."""
LOCKED = "55P03"
T = TypeVar("T")


class Session:
    """A connection that is made anew when it breaks.

    Args:
        address: `postgresql://user:password@host/database`, with the parameters libpq knows.
        begin: what to do first on every new connection.
    """

    def __init__(self, address: str, begin: Callable[[psycopg.Connection[Any]], None]) -> None:
        self._driver = _driver()
        self._address = _parsed(self._driver, address)
        self._begin = begin
        self._connection: psycopg.Connection[Any] | None = None
        where = ":".join(str(self._address[part]) for part in ("host", "port") if part in self._address)
        self.name = f"postgresql://{where}/{self._address.get('dbname', '')}"

    def open(self) -> None:
        try:
            self._connect()
        except self._driver.Error as error:
            raise self.problem(error) from None

    @property
    def is_open(self) -> bool:
        return self._connection is not None and not self._connection.closed

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def run(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        """What `work` returns; it is done once more where the connection broke, so it must be repeatable.

        Raises:
            UserError: the server is lost or refuses.
        """
        assert self._connection is not None, "open comes first"
        try:
            try:
                return work(self._connection)
            except self._driver.OperationalError:
                if not self._connection.closed:
                    raise
                self._connect_again()
                return work(self._connection)
        except self._driver.Error as error:
            raise self.problem(error) from None

    def _connect(self) -> None:
        self._connection = self._driver.connect(**{**DEFAULTS, **self._address}, autocommit=True)
        try:
            self._begin(self._connection)
        except BaseException:
            self._connection.close()
            raise

    def _connect_again(self) -> None:
        lost = retry_if_exception_type(self._driver.OperationalError)
        Retrying(retry=lost, stop=stop_after_delay(RECONNECT), wait=wait_random(0, 0.5), reraise=True)(self._connect)

    def problem(self, error: psycopg.Error) -> UserError:
        """What the server or the driver raised, as an error that says what to do."""
        text = " ".join(str(error).split())
        if password := str(self._address.get("password", "")):
            text = text.replace(password, "…")  # no message is known to hold it
        what = f"{self.name}: the response store cannot be used: {text}"
        if error.sqlstate in DAMAGE:
            return Damaged(what, "Restore the database from a backup, or name another with DISTILL_STORE.")
        if error.sqlstate == LOCKED:
            return UserError(f"{what}: another program holds it", "End that program, or name another with DISTILL_STORE.")
        return UserError(what, "See to the server, its disk and its rights, or name another store with DISTILL_STORE.")


def _driver() -> ModuleType:
    try:
        import psycopg
    except ImportError:
        raise UserError(
            "DISTILL_STORE=postgresql://…: the package psycopg is not installed",
            "Install it: pip install -e '.[postgres]'",
        ) from None
    return psycopg


def _parsed(driver: ModuleType, address: str) -> dict[str, Any]:
    """The parts of an address as libpq reads it, or a refusal that shows nothing of it: any part may be the password."""
    parts: dict[str, Any]
    try:
        parts = driver.conninfo.conninfo_to_dict(address)
    except (driver.Error, UnicodeError):
        parts = {"port": "none"}
    ports = str(parts.get("port", "")).replace(",", "")
    if (ports and not ports.isdecimal()) or "@" in f"{parts.get('host', '')}{parts.get('dbname', '')}":
        raise UserError(
            "DISTILL_STORE=postgresql://…: not an address PostgreSQL understands",
            "Write postgresql://user:password@host:port/database, and @ : / ? # % in the password as %40 %3A %2F %3F %23 %25.",
        )
    return parts

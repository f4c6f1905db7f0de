"""`distill inspect`: the page of a run, on this machine alone, until it is interrupted.

In: a run's folder with at least one table. Out: an address with a token. Another machine's browser comes in through a forwarded
port.
"""

from __future__ import annotations

import errno
import logging
import multiprocessing
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.tables import TABLES, check_table, table_path
from pipeline.terminal import complain, say

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"
PORT = 8750
MISSING = "pip install -e '.[inspect]'"
ROUND_TRIPS = 5
"""Seconds that an interrupted server waits for answers in the making."""


def serve(folder: Path, store: Path | str, port: int, browser: bool) -> None:
    """Shows a run until somebody interrupts.

    Args:
        store: the response store, for the times of calls.
        port: 0 takes any that is free.
        browser: whether to open the page.

    Raises:
        UserError: there is no run or no table to show, a library is missing, or the port is taken.
    """
    check_run(folder)
    try:
        import uvicorn

        from pipeline.inspect.pages import application
    except ImportError as error:
        raise UserError(f"the page needs {error.name or 'a library'}", f"Install it with `{MISSING}`.") from None
    token = secrets.token_urlsafe(24)
    with listening(port) as listener:
        place = f"{HOST}:{listener.getsockname()[1]}"
        address = f"http://{place}/?token={token}"
        settings = uvicorn.Config(
            application(folder, store, token), log_level="warning", access_log=False, lifespan="off",
            timeout_graceful_shutdown=ROUND_TRIPS, server_header=False,
        )  # fmt: skip
        say(
            f"{folder.name}: {address}",
            f"  Ctrl-C ends it. From another machine: ssh -L {place.rpartition(':')[2]}:{place} HOST, then the same address.",
        )
        if browser:
            _open(address)
        with suppress(KeyboardInterrupt):
            _ending(uvicorn.Server(settings)).run(sockets=[listener])


def _ending(server: uvicorn.Server) -> uvicorn.Server:
    """The server, which when it is interrupted waits for nobody who compares runs, and tells nothing of what it broke off."""
    exit_of_its_own = server.handle_exit

    def handle_exit(number: int, place: FrameType | None) -> None:
        for each in multiprocessing.active_children():
            each.kill()
        logging.getLogger("uvicorn.error").disabled = True
        exit_of_its_own(number, place)

    server.handle_exit = handle_exit  # type: ignore[method-assign, assignment]
    return server


def check_run(folder: Path) -> None:
    """Makes sure that there is something to show; tables that cannot be read are named, and the others shown.

    Raises:
        UserError: there are no tables, or none of them can be read.
    """
    broken: list[UserError] = []
    good = 0
    for name in TABLES:
        if table_path(folder, name).exists():
            try:
                check_table(folder, name)
                good += 1
            except UserError as error:
                broken.append(error)
    if not good and broken:
        raise broken[0]
    if not good:
        raise UserError(f"{folder}: there are no tables yet", f"Make them with `make generate RECIPE={folder.name}`.")
    complain(*(f"note: {error}" for error in broken))


def listening(port: int) -> socket.socket:
    """A socket of this machine that listens.

    Raises:
        UserError: the port is taken, or may not be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        why = "another program uses it" if error.errno == errno.EADDRINUSE else error.strerror
        raise UserError(f"port {port}: {why}", "Name another with --port N; 0 takes any that is free.") from None
    return listener


def _open(address: str) -> None:
    import webbrowser

    with suppress(Exception):  # whoever has no browser has the address
        webbrowser.open(address)

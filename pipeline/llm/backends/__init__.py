"""Who can be asked: one file a backend, each with what a recipe says of it and an async context manager that answers.

A backend knows no runs, rows or Parquet. Failures it may raise are the two below and `UserError`; everything else about a
call is data in the `Reply`.
"""

from __future__ import annotations

from typing import Protocol

from pipeline.errors import DistillError
from pipeline.llm.request import Reply, Request


class CallFailed(DistillError):
    """A call failed in a way that may pass (time-out, overload, cut connection): it is owed, not remembered."""


class Backend(Protocol):
    """What every backend offers."""

    async def __aenter__(self) -> Backend: ...

    async def __aexit__(self, *exception: object) -> None: ...

    async def complete(self, request: Request) -> Reply:
        """One reply.

        Raises:
            CallFailed: it may work another time.
            UserError: no call to this model will work before somebody mends something.
        """
        ...

"""Who can be asked: one file a backend, each with what a recipe says of it and an async context manager that answers.

A backend knows no runs, rows or Parquet. Failures it may raise are the two below and `UserError`; everything else about a
call is data in the `Reply`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.errors import DistillError
from pipeline.llm.request import Reply, Request


class CallFailed(DistillError):
    """A call failed in a way that may pass (time-out, overload, cut connection): it is owed, not remembered.

    Args:
        after: seconds the endpoint asks to be left alone before the next try.
        overloaded: whether fewer calls at once would help.
        billed: whether the provider may bill it although no reply came: it was sent, and the answer was lost.
        again: whether trying again now may help; a call that has to wait for another day is owed at once.
        tries: after how many such failures it is given up for now, where that is sooner than others are.
    """

    def __init__(
        self, what: str, *, after: float | None = None, overloaded: bool = False, billed: bool = False, again: bool = True,
        tries: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(what)
        self.after, self.overloaded, self.billed, self.again, self.tries = after, overloaded, billed, again, tries


class Backend(Protocol):
    """What every backend offers."""

    async def __aenter__(self) -> Backend: ...

    async def __aexit__(self, *exception: object) -> None: ...

    async def complete(self, request: Request) -> Reply:
        """One reply, by one try: the door tries again, waits and keeps count.

        Raises:
            CallFailed: it may work another time.
            UserError: no call to this model will work before somebody mends something.
        """
        ...


class SharingBackend(Backend, Protocol):
    """A backend that may be asked for several samples of one prompt by one call."""

    async def complete_together(self, requests: Sequence[Request]) -> list[Reply]:
        """Replies to requests that differ in nothing but the number of the sample, in their order; some of the last may be
        missing."""
        ...

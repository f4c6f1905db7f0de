"""Ceilings on tokens, dollars and calls, held by setting aside a call's worst case before it is sent, settled by its bill.

A call that does not fit beside those in flight waits until some of them are settled, which mostly use less than was set aside;
it is refused only where it would not fit with nothing else in flight. So a ceiling is used as far as it can be and not passed,
unless a provider writes more than it was asked for; then the next calls are expected to be as long.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.prices import PRICES, bill
from pipeline.llm.request import Price, Reply, Request

UNKNOWN_REPLY = 1024
"""Tokens to reserve for a reply where the recipe sets no `max_tokens`."""
BYTES_A_TOKEN = 3
"""Of prompts, before anything is billed: fewer than English has, so that the guess is high."""
UNBILLED = ("error", "missing")
"""How a reply ended for which no token was computed: refused, or not among the recorded ones."""
ROUNDING = 1e-9
"""Dollars that sums of many small costs may be off."""


class Reservation(NamedTuple):
    """What one call may use at worst."""

    guess: int
    """Prompt tokens by the prompt's bytes, uncorrected."""
    promise: int
    """Reply tokens it may have by what was asked for."""
    tokens_in: int
    tokens_out: int
    cost: float
    price: Price | None


class Use(NamedTuple):
    """Tokens, dollars and calls."""

    tokens: int
    cost: float
    calls: int


NOTHING = Use(0, 0.0, 0)


def guess_prompt_tokens(request: Request) -> int:
    """Prompt tokens by the prompt's bytes, and eight for the template around it."""
    size = sum(len(message.content.encode(errors="surrogatepass")) for message in request.messages)
    if request.response_format is not None:
        size += len(json.dumps(request.response_format))
    return size // BYTES_A_TOKEN + 8


_Waiting = tuple[Sequence[Request], Price | None, "asyncio.Future[list[Reservation]]"]


@dataclass
class Budget:
    """What one command may use and what it has used."""

    max_tokens: int | None = None
    max_cost: float | None = None
    max_calls: int | None = None
    tokens: int = 0
    """Used, in and out together; a bill that was lost counts at its worst."""
    cost: float = 0.0
    """Dollars spent as far as they are known."""
    calls: int = 0
    """Calls that were answered, or may be billed all the same."""
    _reserved: Use = NOTHING
    _excess_in: float = 1.0
    """Most prompt tokens billed for one guessed; at a token a byte no text has more."""
    _preamble: int = 0
    """Most prompt tokens billed beyond that: what the endpoint puts before a prompt."""
    _excess_out: float = 1.0
    """Most reply tokens billed for one asked for."""
    _waiting: deque[_Waiting] = field(default_factory=deque)

    @property
    def unlimited(self) -> bool:
        """Whether there is no ceiling, so that nothing need be reserved."""
        return self.max_tokens is None and self.max_cost is None and self.max_calls is None

    async def reserve(self, request: Request, price: Price | None) -> Reservation:
        """Sets aside the worst case of one call, as soon as it fits.

        Raises:
            BudgetReached: it might pass a ceiling with nothing else in flight.
            UserError: there is a ceiling in dollars and no price.
        """
        return (await self.reserve_all((request,), price))[0]

    async def reserve_all(self, requests: Sequence[Request], price: Price | None) -> list[Reservation]:
        """`reserve` for calls that go together: all at once, since two groups that each hold half would wait for ever."""
        if not self._waiting and (reserved := self._take(requests, price)):
            return reserved
        waiting: asyncio.Future[list[Reservation]] = asyncio.get_running_loop().create_future()
        self._waiting.append((requests, price, waiting))
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                for each in waiting.result():  # given in the moment it was given up
                    self.settle(each, None)
            self._wake()
            raise

    def settle(self, reservation: Reservation | None, reply: Reply | None, billed: bool = False) -> None:
        """Replaces a reservation with what was used.

        Args:
            reservation: None where there was no ceiling to reserve under.
            reply: None where the call got no answer; it used nothing unless it was `billed`.
            billed: whether the provider may bill it although no answer came; then the worst case counts.
        """
        if reservation is not None:
            held = self._reserved
            left = Use(held.tokens - _tokens(reservation), held.cost - reservation.cost, held.calls - 1)
            self._reserved = left if left.calls else NOTHING
        if reply is not None or billed:
            self._count(reservation, reply)
        if self._waiting:
            self._wake()

    def _count(self, reservation: Reservation | None, reply: Reply | None) -> None:
        self.calls += 1
        if reservation is None:
            if reply is not None:
                self.tokens += (reply.tokens_in or 0) + (reply.tokens_out or 0)
                self.cost += reply.cost or 0.0
            return
        if reply is not None and reply.tokens_in is None and (reply.finish in UNBILLED or reply.cost == 0.0):
            return
        tokens_in = reservation.tokens_in if reply is None or reply.tokens_in is None else reply.tokens_in
        tokens_out = reservation.tokens_out if reply is None or reply.tokens_out is None else reply.tokens_out
        cost = None if reply is None else bill(reply, reservation.price).cost
        self.tokens += tokens_in + tokens_out
        self.cost += reservation.cost if cost is None else cost
        if reply is not None:
            self._learn(reservation, reply.tokens_in or 0, reply.tokens_out or 0)

    def _learn(self, reservation: Reservation, tokens_in: int, tokens_out: int) -> None:
        """Lets the next calls be expected to bill as much for what was guessed as the worst so far."""
        self._excess_in = max(self._excess_in, min(tokens_in / reservation.guess, BYTES_A_TOKEN))
        self._preamble = max(self._preamble, tokens_in - BYTES_A_TOKEN * reservation.guess)
        self._excess_out = max(self._excess_out, tokens_out / reservation.promise)

    def _take(self, requests: Sequence[Request], price: Price | None) -> list[Reservation] | None:
        """Reservations if they fit now, None if they may later.

        Raises:
            BudgetReached: they never will.
            UserError: there is a ceiling in dollars and no price.
        """
        worst = [self._worst(request, price) for request in requests]
        held = self._reserved
        use = Use(sum(_tokens(each) for each in worst), sum(each.cost for each in worst), len(worst))
        together = Use(held.tokens + use.tokens, held.cost + use.cost, held.calls + use.calls)
        if self._fits(together):
            self._reserved = together
            return worst
        if not self._fits(use):
            raise BudgetReached(self._refusal(use))
        return None

    def _worst(self, request: Request, price: Price | None) -> Reservation:
        if self.max_cost is not None and price is None:
            raise UserError(
                f"DISTILL_MAX_COST={self.max_cost}: the price of this model is unknown, so no ceiling can be held",
                f"Add it to {PRICES}, or give teacher.price, "
                "for example --set teacher.price.input=0.25 --set teacher.price.output=2.0.",
            )
        guess, promise = guess_prompt_tokens(request), request.sampling.max_tokens or UNKNOWN_REPLY
        tokens_in, tokens_out = round(guess * self._excess_in) + self._preamble, round(promise * self._excess_out)
        return Reservation(guess, promise, tokens_in, tokens_out, price.of(tokens_in, tokens_out) if price else 0.0, price)

    def _fits(self, more: Use) -> bool:
        """Whether so much may be used beside what is."""
        return (
            (self.max_tokens is None or self.tokens + more.tokens <= self.max_tokens)
            and (self.max_cost is None or self.cost + more.cost <= self.max_cost + ROUNDING)
            and (self.max_calls is None or self.calls + more.calls <= self.max_calls)
        )

    def _refusal(self, use: Use) -> str:
        """Which ceiling, what is used of it, and what the next call might use."""
        if self.max_calls is not None and self.calls + use.calls > self.max_calls:
            return f"DISTILL_MAX_CALLS={self.max_calls}: {self.calls} calls were made"
        if self.max_tokens is not None and self.tokens + use.tokens > self.max_tokens:
            return (
                f"DISTILL_MAX_TOKENS={self.max_tokens}: {self.tokens} tokens are used, and the next call may use {use.tokens}"
            )
        return f"DISTILL_MAX_COST={self.max_cost}: {self.cost:.4g} dollars are spent, and the next call may cost {use.cost:.4g}"

    def _wake(self) -> None:
        """Gives those who wait what fits now, in their order; whom nothing in flight could make room for is refused."""
        while self._waiting:
            requests, price, waiting = self._waiting[0]
            try:
                reserved = None if waiting.done() else self._take(requests, price)
            except BudgetReached as error:
                waiting.set_exception(error)
            else:
                if reserved is not None:
                    waiting.set_result(reserved)
                elif not waiting.done():
                    return
            self._waiting.popleft()


def _tokens(reservation: Reservation) -> int:
    return reservation.tokens_in + reservation.tokens_out

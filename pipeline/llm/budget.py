"""Ceilings on tokens and dollars, held by reserving before a call is sent and settling when its bill is known.

What is in flight counts at its worst case, so a ceiling is never passed by more than a reply that is longer than asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.request import Price, Reply, Request

UNKNOWN_REPLY = 1024
"""Tokens to reserve for a reply where the recipe sets no `max_tokens`."""


@dataclass
class Budget:
    """What one command may use and what it has used."""

    max_tokens: int | None = None
    max_cost: float | None = None
    tokens: int = 0
    cost: float = 0.0
    _tokens_reserved: int = 0
    _cost_reserved: float = 0.0

    def reserve(self, request: Request, price: Price | None) -> tuple[int, float]:
        """Sets aside the worst case of one call.

        Raises:
            BudgetReached: the call might pass a ceiling.
            UserError: there is a ceiling in dollars and no price.
        """
        tokens_in = sum(len(message.content.encode()) for message in request.messages) // 3 + 8
        tokens_out = request.sampling.max_tokens or UNKNOWN_REPLY
        if self.max_cost is not None and price is None:
            raise UserError(
                f"DISTILL_MAX_COST={self.max_cost}: the price of this model is unknown, so no ceiling can be held",
                "Give teacher.price, for example --set teacher.price.input=0.25 --set teacher.price.output=2.0.",
            )
        cost = price.of(tokens_in, tokens_out) if price else 0.0
        tokens = tokens_in + tokens_out
        if self.max_tokens is not None and self.tokens + self._tokens_reserved + tokens > self.max_tokens:
            raise BudgetReached(f"DISTILL_MAX_TOKENS={self.max_tokens}: {self.tokens} tokens are used")
        if self.max_cost is not None and self.cost + self._cost_reserved + cost > self.max_cost:
            raise BudgetReached(f"DISTILL_MAX_COST={self.max_cost}: {self.cost:.4f} dollars are spent")
        self._tokens_reserved += tokens
        self._cost_reserved += cost
        return tokens, cost

    def settle(self, reserved: tuple[int, float], reply: Reply | None) -> None:
        """Replaces a reservation with what was used; None where the call never got an answer."""
        self._tokens_reserved -= reserved[0]
        self._cost_reserved -= reserved[1]
        if reply is not None:
            self.tokens += (reply.tokens_in or 0) + (reply.tokens_out or 0)
            self.cost += reply.cost or 0.0

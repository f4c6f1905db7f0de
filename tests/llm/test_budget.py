"""Ceilings: a call is counted at its worst until its bill is known, and none is sent that might pass a ceiling."""

from __future__ import annotations

import pytest

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.budget import UNKNOWN_REPLY, Budget
from pipeline.llm.request import Price, Reply, Request, Sampling
from pipeline.records import Message

PRICE = Price(input=1.0, output=10.0)


def request(text: str = "x" * 30, max_tokens: int | None = 100) -> Request:
    return Request(messages=(Message(role="user", content=text),), sampling=Sampling(max_tokens=max_tokens))


def test_reserving_counts_the_worst_case_until_the_bill_is_known() -> None:
    budget = Budget(max_tokens=300)
    first = budget.reserve(request(), None)
    budget.reserve(request(), None)
    with pytest.raises(BudgetReached, match="DISTILL_MAX_TOKENS=300"):
        budget.reserve(request(), None)
    budget.settle(first, Reply(text="x", tokens_in=10, tokens_out=5))
    assert budget.tokens == 15
    budget.reserve(request(), None)


def test_a_call_without_an_answer_costs_nothing() -> None:
    budget = Budget(max_tokens=150)
    for _ in range(5):
        budget.settle(budget.reserve(request(), None), None)
    assert budget.tokens == 0


def test_a_reply_of_unknown_length_is_reserved_for() -> None:
    with pytest.raises(BudgetReached):
        Budget(max_tokens=UNKNOWN_REPLY).reserve(request(max_tokens=None), None)


def test_a_ceiling_in_dollars_needs_a_price() -> None:
    with pytest.raises(UserError, match=r"teacher\.price"):
        Budget(max_cost=1.0).reserve(request(), None)


def test_a_ceiling_in_dollars() -> None:
    budget = Budget(max_cost=0.0025)
    reserved = [budget.reserve(request(), PRICE) for _ in range(2)]
    with pytest.raises(BudgetReached, match="DISTILL_MAX_COST"):
        budget.reserve(request(), PRICE)
    for each in reserved:
        budget.settle(each, Reply(text="x", cost=0.0001))
    assert budget.cost == pytest.approx(0.0002)
    budget.reserve(request(), PRICE)


def test_without_ceilings_everything_is_allowed() -> None:
    budget = Budget()
    for _ in range(100):
        budget.reserve(request("x" * 100_000, None), None)

"""Ceilings: a call counts at its worst until its bill is known, waits for room, and none is sent that might pass a ceiling."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.budget import UNKNOWN_REPLY, Budget, Reservation, guess_prompt_tokens
from pipeline.llm.request import Price, Reply, Request, Sampling
from pipeline.records import Message

PRICE = Price(input=1.0, output=10.0)
GUESS = 18
"""Prompt tokens guessed for `request()`."""
WORST = GUESS + 100
T = TypeVar("T")


def request(text: str = "x" * 30, max_tokens: int | None = 100) -> Request:
    return Request(messages=(Message(role="user", content=text),), sampling=Sampling(max_tokens=max_tokens))


def reply(tokens_in: int | None = 10, tokens_out: int | None = 5, **fields: object) -> Reply:
    return Reply.model_validate({"text": "x", "tokens_in": tokens_in, "tokens_out": tokens_out, **fields})


async def waits(reserving: Awaitable[T]) -> asyncio.Task[T]:
    """The task of somebody who asks for a reservation and does not get one yet."""
    task: asyncio.Task[T] = asyncio.ensure_future(reserving)  # type: ignore[assignment]
    await asyncio.sleep(0.01)
    assert not task.done()
    return task


async def spend(budget: Budget, asked: Request, price: Price | None = None, **fields: object) -> None:
    """One call from beginning to end."""
    budget.settle(await budget.reserve(asked, price), reply(**fields))  # type: ignore[arg-type]


def test_a_call_waits_for_room_and_goes_when_there_is_some() -> None:
    async def scene() -> None:
        budget = Budget(max_tokens=2 * WORST + 15)
        first, _ = [await budget.reserve(request(), None) for _ in range(2)]
        third = await waits(budget.reserve(request(), None))
        budget.settle(first, reply())
        assert (await third).tokens_out == 100
        assert (budget.tokens, budget.calls) == (15, 1)

    asyncio.run(scene())


def test_a_call_that_would_not_fit_alone_is_refused_at_once() -> None:
    async def scene() -> None:
        budget = Budget(max_tokens=300)
        await spend(budget, request(), tokens_in=GUESS, tokens_out=187)
        await budget.reserve(request("", max_tokens=10), None)
        words = r"^DISTILL_MAX_TOKENS=300: 205 tokens are used, and the next call may use \d+$"
        with pytest.raises(BudgetReached, match=words):
            await budget.reserve(request(), None)

    asyncio.run(scene())


def test_everybody_waiting_is_refused_once_nothing_can_make_room() -> None:
    async def scene() -> None:
        budget = Budget(max_calls=1)
        held = await budget.reserve(request(), None)
        others = [await waits(budget.reserve(request(), None)) for _ in range(3)]
        budget.settle(held, reply())
        outcomes = await asyncio.gather(*others, return_exceptions=True)
        assert [str(each) for each in outcomes] == ["DISTILL_MAX_CALLS=1: 1 calls were made"] * 3
        assert all(isinstance(each, BudgetReached) for each in outcomes)

    asyncio.run(scene())


def test_a_short_call_goes_where_a_long_one_cannot() -> None:
    async def scene() -> None:
        budget = Budget(max_tokens=200)
        held = await budget.reserve(request(), None)
        long = await waits(budget.reserve(request(), None))
        short = await waits(budget.reserve(request("", max_tokens=5), None))
        budget.settle(held, reply(tokens_in=18, tokens_out=100))
        with pytest.raises(BudgetReached):
            await long
        assert (await short).tokens_out == 5

    asyncio.run(scene())


def test_who_gives_up_waiting_stands_in_nobodys_way() -> None:
    async def scene() -> None:
        budget = Budget(max_tokens=WORST)
        held = await budget.reserve(request(), None)
        first, second = [await waits(budget.reserve(request(), None)) for _ in range(2)]
        budget.settle(held, None)  # gives it to the first, who is gone before he takes it
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        budget.settle(await second, None)
        assert (await budget.reserve(request(), None)).tokens_out == 100

    asyncio.run(scene())


def test_calls_that_go_together_are_reserved_for_together() -> None:
    """Four groups of which any two halves fit: with one reservation after the other all would wait for ever."""

    async def group(budget: Budget) -> None:
        reserved = await budget.reserve_all([request()] * 4, None)
        await asyncio.sleep(0.001)
        for each in reserved:
            budget.settle(each, None)

    async def scene() -> None:
        budget = Budget(max_tokens=4 * WORST)
        await asyncio.wait_for(asyncio.gather(*(group(budget) for _ in range(4))), 5)
        with pytest.raises(BudgetReached):
            await budget.reserve_all([request()] * 5, None)

    asyncio.run(scene())


@pytest.mark.parametrize("seed", range(8))
def test_no_ceiling_is_passed_and_each_is_used(seed: int) -> None:
    """Fifty at once against a provider whose replies have any length up to what was asked for."""
    draw = random.Random(seed)
    budget = Budget(max_tokens=20_000, max_cost=0.15, max_calls=300)
    size = draw.choice([1, 4, 100])
    outcomes: list[object] = []

    async def worker() -> None:
        while True:
            asked = request("x" * draw.randrange(1, 200), max_tokens=draw.randrange(1, 100 * size))
            try:
                reserved = await budget.reserve(asked, PRICE)
            except BudgetReached as error:
                outcomes.append(error)
                return
            await asyncio.sleep(draw.random() / 1e5)
            tokens_out = int((asked.sampling.max_tokens or 0) * draw.random() ** 3)
            budget.settle(reserved, draw.choice([reply(guess_prompt_tokens(asked), tokens_out)] * 9 + [None]))

    async def scene() -> None:
        await asyncio.wait_for(asyncio.gather(*(worker() for _ in range(50))), 30)

    asyncio.run(scene())
    assert len(outcomes) == 50
    assert budget.tokens <= 20_000 and budget.cost <= 0.15 and budget.calls <= 300
    left = min(20_000 - budget.tokens, (0.15 - budget.cost) * 1e5, (300 - budget.calls) * 1e5)
    assert left < 75 + 100 * size + 1, "a call would still have fitted"


def test_a_bill_that_may_come_counts_at_its_worst() -> None:
    async def scene() -> None:
        budget = Budget(max_cost=1.0)
        budget.settle(await budget.reserve(request(), PRICE), None, billed=False)
        assert (budget.tokens, budget.cost, budget.calls) == (0, 0.0, 0)
        budget.settle(await budget.reserve(request(), PRICE), None, billed=True)
        assert (budget.tokens, budget.cost, budget.calls) == (WORST, PRICE.of(GUESS, 100), 1)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("said", "tokens", "cost"),
    [
        (reply(None, None), WORST, PRICE.of(GUESS, 100)),
        (reply(10, None), 110, PRICE.of(GUESS, 100)),
        (reply(10, 5), 15, PRICE.of(10, 5)),
        (reply(10, 5, cost=0.5), 15, 0.5),
        (reply(None, None, cost=0.0), 0, 0.0),
        (reply(None, None, finish="error"), 0, 0.0),
        (reply(None, None, finish="content_filter"), WORST, PRICE.of(GUESS, 100)),
    ],
    ids=["no usage", "half a usage", "usage", "a cost of its own", "recorded for nothing", "refused", "filtered"],
)
def test_what_a_reply_counts(said: Reply, tokens: int, cost: float) -> None:
    async def scene() -> None:
        budget = Budget(max_cost=1.0)
        budget.settle(await budget.reserve(request(), PRICE), said)
        assert (budget.tokens, budget.cost, budget.calls) == (tokens, pytest.approx(cost), 1)

    asyncio.run(scene())


def test_the_guess_of_a_prompt_learns_from_bills() -> None:
    async def reserved(budget: Budget, text: str) -> Reservation:
        taken = await budget.reserve(request(text), None)
        budget.settle(taken, None)
        return taken

    async def scene() -> None:
        budget = Budget(max_tokens=100_000)
        assert (await reserved(budget, "x" * 3000)).tokens_in == 1008
        await spend(budget, request("x" * 30), tokens_in=27)  # half as much again as was guessed
        assert (await reserved(budget, "x" * 3000)).tokens_in == 1512
        await spend(budget, request("x" * 30), tokens_in=20)
        assert (await reserved(budget, "x" * 3000)).tokens_in == 1512
        await spend(budget, request("x" * 30), tokens_in=254)  # no text has more than a token a byte: 200 are a preamble
        assert (await reserved(budget, "x" * 30)).tokens_in == 254
        assert (await reserved(budget, "x" * 3000)).tokens_in == 3 * 1008 + 200

    asyncio.run(scene())


def test_a_reply_longer_than_promised_makes_the_next_expected_longer() -> None:
    async def scene() -> None:
        budget = Budget(max_tokens=100_000)
        assert (await budget.reserve(request(max_tokens=None), None)).tokens_out == UNKNOWN_REPLY
        await spend(budget, request(max_tokens=None), tokens_out=3 * UNKNOWN_REPLY)
        assert (await budget.reserve(request(max_tokens=None), None)).tokens_out == 3 * UNKNOWN_REPLY

    asyncio.run(scene())


def test_cached_prompt_tokens_cost_less() -> None:
    async def scene() -> None:
        budget = Budget(max_cost=1.0)
        price = Price(input=1.0, cached_input=0.1, output=10.0)
        budget.settle(await budget.reserve(request(), price), reply(1000, 0, tokens_cached=900))
        assert budget.cost == pytest.approx(0.00019)

    asyncio.run(scene())


def test_a_ceiling_in_dollars_needs_a_price() -> None:
    with pytest.raises(UserError, match=r"DISTILL_MAX_COST=1.0: .*\n.*data/prices\.yaml, or give teacher\.price"):
        asyncio.run(Budget(max_cost=1.0).reserve(request(), None))


def test_a_ceiling_in_dollars_is_told() -> None:
    async def scene() -> None:
        budget = Budget(max_cost=0.002)
        await spend(budget, request(), PRICE, cost=0.0015)
        with pytest.raises(BudgetReached, match=r"^DISTILL_MAX_COST=0.002: 0.0015 dollars are spent, .* may cost 0\.001018$"):
            await budget.reserve(request(), PRICE)

    asyncio.run(scene())


def test_many_small_costs_fill_a_ceiling_exactly() -> None:
    """A thousand thousandths of a dollar fit under one dollar, however their sum is rounded."""

    async def scene() -> None:
        budget, price = Budget(max_cost=1.0), Price(input=0.0, output=10.0)
        for _ in range(1000):
            await spend(budget, request(), price, tokens_out=100)
        with pytest.raises(BudgetReached):
            await budget.reserve(request(), price)

    asyncio.run(scene())


def test_without_ceilings_nothing_need_be_reserved() -> None:
    budget = Budget()
    assert budget.unlimited and not Budget(max_calls=1).unlimited
    budget.settle(None, reply(10, 5, cost=0.25))
    assert (budget.tokens, budget.cost, budget.calls) == (15, 0.25, 1)


def test_a_schema_is_part_of_the_prompt() -> None:
    plain = request()
    assert guess_prompt_tokens(plain.model_copy(update={"response_format": {"schema": "x" * 300}})) > GUESS + 100

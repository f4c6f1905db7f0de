"""The door: asked once, remembered for good; failures are owed; a ceiling lets what is in flight land."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.ask import FEW, Door
from pipeline.llm.backends import CallFailed
from pipeline.llm.budget import Budget
from pipeline.llm.model import Model
from pipeline.llm.request import Price, Reply, Request
from tests.llm.asking import door, model, request
from tests.llm.test_store import stored
from tests.servers import BROKEN, OVERLOADED, TOO_LONG, ChatServer, Trouble, closed_url


async def ask_all(opened: Door, asked: Model, *requests: Request) -> list[Reply | BaseException]:
    """Replies to requests put at once, or what was raised instead."""
    results = await asyncio.gather(*(opened.ask(asked, each) for each in requests), return_exceptions=True)
    return [each if isinstance(each, BaseException) else each[1] for each in results]


def ask(folder: Path, url: str, *requests: Request) -> tuple[list[Reply | BaseException], Door]:
    """Opens a door, asks, closes it again."""

    async def scene() -> tuple[list[Reply | BaseException], Door]:
        async with door(folder) as opened:
            return await ask_all(opened, model(url), *requests), opened

    return asyncio.run(scene())


def test_the_same_request_asked_at_once_is_sent_once(tmp_path: Path) -> None:
    with ChatServer(seconds=0.1) as server:
        replies, opened = ask(tmp_path, server.url, *[request()] * 20)
    assert server.hits == 1
    assert len({reply.text for reply in replies if isinstance(reply, Reply)}) == 1
    assert opened.tally.asked == 1


def test_a_reply_is_remembered_by_the_next_door(tmp_path: Path) -> None:
    with ChatServer() as server:
        first, _ = ask(tmp_path, server.url, request())
    second, opened = ask(tmp_path, closed_url(), request())
    assert second == first
    assert (opened.tally.asked, opened.tally.remembered) == (0, 1)


def test_each_sample_is_asked_for(tmp_path: Path) -> None:
    with ChatServer() as server:
        ask(tmp_path, server.url, *(request(sample=number) for number in range(3)))
        ask(tmp_path, server.url, *(request(sample=number) for number in range(4)))
    assert server.hits == 4


def test_a_call_that_failed_is_owed(tmp_path: Path) -> None:
    with ChatServer(BROKEN) as server:
        replies, opened = ask(tmp_path, server.url, request(), request())
        assert [type(each) for each in replies] == [CallFailed, CallFailed]
        assert opened.tally.owed == 1
        assert stored(tmp_path / "responses.sqlite") == {}
        server.troubles.clear()
        replies, _ = ask(tmp_path, server.url, request())
    assert isinstance(replies[0], Reply) and replies[0].finish == "stop"


def test_a_refused_request_is_an_outcome(tmp_path: Path) -> None:
    with ChatServer(TOO_LONG) as server:
        first, _ = ask(tmp_path, server.url, request())
        second, _ = ask(tmp_path, server.url, request())
    assert server.hits == 1
    assert first == second
    assert isinstance(first[0], Reply) and first[0].finish == "error" and first[0].text is None


def test_a_mended_endpoint_is_asked_again(tmp_path: Path) -> None:
    replies, _ = ask(tmp_path, closed_url(), request())
    assert isinstance(replies[0], UserError)
    with ChatServer() as server:
        replies, _ = ask(tmp_path, server.url, request())
    assert isinstance(replies[0], Reply)


def test_no_more_calls_are_in_flight_than_allowed(tmp_path: Path) -> None:
    async def scene(url: str, at_once: int, calls: int) -> None:
        async with door(tmp_path) as opened:
            asked = model(url, concurrency=at_once)
            await ask_all(opened, asked, *(request(f"{at_once}: {number} + 1") for number in range(calls)))

    with ChatServer(seconds=0.02) as server:
        asyncio.run(scene(server.url, 3, 12))
    assert server.most_at_once == 3
    with ChatServer(seconds=1.0) as server:
        asyncio.run(scene(server.url, 150, 150))
    assert server.most_at_once > 100


def test_what_is_in_flight_lands_when_a_ceiling_is_met(tmp_path: Path) -> None:
    async def scene(url: str) -> None:
        async with door(tmp_path, Budget(max_tokens=200)) as opened:
            asked = model(url)
            requests = (request(f"{number} + 1", max_tokens=90) for number in range(20))
            await asyncio.gather(*(opened.ask(asked, each) for each in requests))

    with ChatServer(seconds=0.3) as server:
        with pytest.raises(BudgetReached):
            asyncio.run(scene(server.url))
        assert 0 < server.hits < 20
        assert len(stored(tmp_path / "responses.sqlite")) == server.hits


def test_a_ceiling_is_not_passed(tmp_path: Path) -> None:
    async def scene(url: str) -> Door:
        async with door(tmp_path, Budget(max_tokens=1000)) as opened:
            await ask_all(opened, model(url), *(request(f"{number} + 1", max_tokens=90) for number in range(100)))
            return opened

    with ChatServer() as server:
        opened = asyncio.run(scene(server.url))
    assert opened.budget.tokens <= 1000
    assert opened.budget.tokens == opened.tally.tokens_in + opened.tally.tokens_out


def test_what_a_reply_cost_is_remembered_with_it(tmp_path: Path) -> None:
    async def scene(url: str) -> tuple[Reply, Door]:
        async with door(tmp_path) as opened:
            _, reply = await opened.ask(model(url, price=Price(input=1.0, output=2.0)), request())
            return reply, opened

    with ChatServer() as server:
        reply, opened = asyncio.run(scene(server.url))
        again, reopened = asyncio.run(scene(server.url))
    assert reply.tokens_in and reply.tokens_out
    assert reply.cost == pytest.approx((reply.tokens_in + 2 * reply.tokens_out) / 1e6)
    assert opened.tally.cost == reply.cost
    assert again == reply and reopened.tally.cost == 0.0


def test_without_a_price_the_cost_is_unknown(tmp_path: Path) -> None:
    with ChatServer() as server:
        replies, opened = ask(tmp_path, server.url, request())
    assert isinstance(replies[0], Reply) and replies[0].cost is None
    assert opened.tally.cost is None


def test_who_waits_for_a_call_that_another_gave_up_gets_the_reply(tmp_path: Path) -> None:
    async def scene(url: str) -> list[object]:
        async with door(tmp_path) as opened:
            asked = model(url)
            asking = [asyncio.create_task(opened.ask(asked, request())) for _ in range(2)]
            await asyncio.sleep(0.2)
            asking[0].cancel()
            return list(await asyncio.gather(*asking, return_exceptions=True))

    with ChatServer(seconds=0.5) as server:
        first, second = asyncio.run(scene(server.url))
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(second, tuple) and second[1].finish == "stop"


def test_troubles_of_one_call_are_not_those_of_others(tmp_path: Path) -> None:
    troubles = (Trouble(400, where="1 + 1", text="{}"), Trouble(500, where="2 + 1", headers=OVERLOADED.headers))
    with ChatServer(*troubles) as server:
        replies, _ = ask(tmp_path, server.url, *(request(f"{number} + 1") for number in (1, 2, 3)))
    assert isinstance(replies[0], Reply) and replies[0].finish == "error"
    assert isinstance(replies[1], CallFailed)
    assert isinstance(replies[2], Reply) and str(replies[2].text).endswith("The answer is 4.")


def test_what_an_endpoint_that_refuses_everybody_says_is_forgotten(tmp_path: Path) -> None:
    questions = [request(f"{number} + 1") for number in range(FEW + 5)]
    with ChatServer(TOO_LONG) as server:  # started with too short a context, say
        ask(tmp_path, server.url, *questions)
    with ChatServer() as server:
        replies, _ = ask(tmp_path, server.url, *questions)
    assert server.hits == len(questions)
    assert all(isinstance(reply, Reply) and reply.text for reply in replies)


def test_refusals_are_remembered_once_something_is_answered(tmp_path: Path) -> None:
    questions = [request(f"{number} + 1") for number in range(FEW + 5)]
    with ChatServer(replace(TOO_LONG, where=" + 1")) as server:
        replies, _ = ask(tmp_path, server.url, *questions, request("2 + 3"))
        again, opened = ask(tmp_path, server.url, *questions, request("2 + 3"))
    assert server.hits == len(questions) + 1 and opened.tally.asked == 0
    assert again == replies

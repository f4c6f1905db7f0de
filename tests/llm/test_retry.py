"""Trying again: what may pass is tried until it does or patience ends, in no line, after the time that was asked for."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.llm.ask import Door
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.protocol import STRANGE_TRIES
from pipeline.llm.model import TOO_MANY, WATCHED
from pipeline.llm.request import Reply
from pipeline.llm.retry import TRIES
from tests import servers
from tests.llm.asking import door, model, request
from tests.llm.test_ask import ask_all
from tests.servers import ChatServer, Trouble


def asked(folder: Path, url: str, *prompts: str, **settings: float) -> tuple[list[Reply | BaseException], Door]:
    """Puts prompts through a door at once."""

    async def scene() -> tuple[list[Reply | BaseException], Door]:
        async with door(folder) as opened:
            return await ask_all(opened, model(url, **settings), *(request(each) for each in prompts)), opened

    return asyncio.run(scene())


def error(message: str) -> str:
    """A provider's error."""
    return json.dumps({"error": {"message": message}})


def times(trouble: Trouble, count: int) -> Trouble:
    """The trouble for the first tries only."""
    return replace(trouble, times=count)


@pytest.mark.parametrize("name", ["OVERLOADED", "BROKEN", "CUT", "NO_JSON", "NO_MESSAGE"])
def test_what_may_pass_is_tried_again(tmp_path: Path, name: str) -> None:
    with ChatServer(times(getattr(servers, name), 2)) as server:
        (reply,), opened = asked(tmp_path, server.url, "1 + 1", patience_seconds=60)
    assert isinstance(reply, Reply) and reply.finish == "stop"
    assert server.hits == 3
    assert (opened.tally.asked, opened.tally.retried, opened.tally.owed) == (1, 2, 0)
    assert sum(opened.tally.retried_at.values()) == 2 and all(0 <= time.time() - at < 600 for at in opened.tally.retried_at)


def test_a_call_that_fails_too_often_is_owed(tmp_path: Path) -> None:
    with ChatServer(Trouble(500, headers={"Retry-After": "0.01"})) as server:
        (reply,), opened = asked(tmp_path, server.url, "1 + 1", patience_seconds=60)
    assert isinstance(reply, CallFailed) and server.url in str(reply)
    assert server.hits == TRIES
    assert opened.tally.owed == 1


def test_an_overload_does_not_use_up_the_tries(tmp_path: Path) -> None:
    with ChatServer(times(servers.OVERLOADED, TRIES + 5)) as server:
        (reply,), _ = asked(tmp_path, server.url, "1 + 1", patience_seconds=60)
    assert isinstance(reply, Reply)


def test_patience_ends(tmp_path: Path) -> None:
    with ChatServer(servers.OVERLOADED) as server:
        (reply,), _ = asked(tmp_path, server.url, "1 + 1", patience_seconds=0.5)
    assert isinstance(reply, CallFailed)


def test_retry_after_is_honoured_in_full_and_meanwhile_others_go_on(tmp_path: Path) -> None:
    slow = Trouble(429, headers={"Retry-After": "1.2"}, where="slow", times=1)
    with ChatServer(slow, seconds=0.02) as server:
        replies, _ = asked(tmp_path, server.url, "slow", *map(str, range(20)), concurrency=1, patience_seconds=60)
    assert all(isinstance(reply, Reply) for reply in replies)
    tries = [time for time, body in zip(server.times, server.bodies, strict=True) if "slow" in str(body["messages"])]
    assert 1.2 <= tries[1] - tries[0] < 4
    others = [time for time, body in zip(server.times, server.bodies, strict=True) if "slow" not in str(body["messages"])]
    assert max(others) < tries[1]


def test_a_refusal_is_not_tried_again(tmp_path: Path) -> None:
    with ChatServer(servers.TOO_LONG) as server:
        asked(tmp_path, server.url, "1 + 1")
        asked(tmp_path, server.url, "1 + 1")
    assert server.hits == 1


def test_when_half_of_the_last_calls_failed_nobody_asks_on(tmp_path: Path) -> None:
    with ChatServer(Trouble(400, error("too long by far"), where="bad")) as server:
        prompts = [f"{'bad' if number % 2 else 'good'} {number}" for number in range(200)]
        replies, _ = asked(tmp_path, server.url, *prompts, concurrency=2)
    ends = [each for each in replies if isinstance(each, UserError)]
    assert ends and f"{TOO_MANY} of the last {WATCHED} calls failed" in ends[0].what
    assert "20 times: too long by far" in ends[0].what
    assert server.hits <= WATCHED + 4


def test_fewer_failures_than_half_stop_nobody(tmp_path: Path) -> None:
    with ChatServer(Trouble(400, error("too long by far"), where="bad")) as server:
        prompts = [f"{'bad' if number % 3 == 0 else 'good'} {number}" for number in range(120)]
        replies, _ = asked(tmp_path, server.url, *prompts, concurrency=2)
    assert server.hits == 120
    assert all(isinstance(each, Reply) for each in replies)


def test_what_is_under_way_lands_when_another_call_ends_the_run(tmp_path: Path) -> None:
    async def scene(url: str) -> None:
        async with door(tmp_path) as opened:
            asked = model(url)
            await asyncio.gather(*(opened.ask(asked, request(each)) for each in ("wrong", *map(str, range(10)))))

    with ChatServer(Trouble(401, error("no such key"), where="wrong"), seconds=0.3) as server:
        with pytest.raises(UserError, match="no such key"):
            asyncio.run(scene(server.url))
        server.troubles.clear()
        asked(tmp_path, server.url, *map(str, range(10)))
    assert server.hits == 11


def test_an_answer_that_cannot_be_used_is_not_bought_for_ever(tmp_path: Path) -> None:
    with ChatServer(Trouble(text='{"choices": [], "note": "nothing"}')) as server:
        (reply,), opened = asked(tmp_path, server.url, "1 + 1", patience_seconds=60)
    assert isinstance(reply, CallFailed) and server.hits == STRANGE_TRIES
    assert opened.tally.owed == 1

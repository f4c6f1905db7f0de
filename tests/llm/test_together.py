"""Several samples by one call: gathered where the provider bills the prompt once, dealt out, remembered one by one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.llm.ask import Door
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.budget import Budget
from pipeline.llm.model import Model
from pipeline.llm.request import Reply, Request
from pipeline.settings import load_settings
from tests.llm.asking import door, request
from tests.llm.test_ask import ask_all
from tests.llm.test_store import stored
from tests.servers import ChatServer, Trouble


def model(url: str, samples_per_call: int = 4) -> Model:
    settings = load_settings(openai_base_url=url, patience_seconds=2.0)
    return OpenAIModel(backend="openai", model="small-1", samples_per_call=samples_per_call).open(settings)


def asked(folder: Path, url: str, *requests: Request, budget: Budget | None = None) -> tuple[list[Reply | BaseException], Door]:
    async def scene() -> tuple[list[Reply | BaseException], Door]:
        async with door(folder, budget) as opened:
            return await ask_all(opened, model(url), *requests), opened

    return asyncio.run(scene())


def samples(count: int, text: str = "How much is 2 + 3?", start: int = 0) -> list[Request]:
    return [request(text, sample=number) for number in range(start, start + count)]


def test_samples_of_one_prompt_share_a_call(tmp_path: Path) -> None:
    with ChatServer() as server:
        replies, opened = asked(tmp_path, server.url, *samples(4), *samples(2, "How much is 7 + 3?"))
    assert sorted(body.get("n", 1) for body in server.bodies) == [2, 4]
    assert all(isinstance(reply, Reply) and reply.finish == "stop" for reply in replies)
    assert len({reply.text for reply in replies[:4] if isinstance(reply, Reply)}) == 4
    assert opened.tally.asked == 6
    assert len(stored(tmp_path / "responses.sqlite")) == 6


def test_the_prompt_is_billed_once_and_the_rest_adds_up(tmp_path: Path) -> None:
    with ChatServer() as server:
        replies, opened = asked(tmp_path, server.url, *samples(4))
        bill = server.bill
    assert [reply.tokens_in for reply in replies if isinstance(reply, Reply)].count(0) == 3
    assert (opened.tally.tokens_in, opened.tally.tokens_out) == (bill.tokens_in, bill.tokens_out)


def test_no_call_brings_more_than_allowed(tmp_path: Path) -> None:
    with ChatServer() as server:
        asked(tmp_path, server.url, *samples(10))
    assert sorted(body.get("n", 1) for body in server.bodies) == [2, 4, 4]


def test_only_those_that_are_missing_are_asked(tmp_path: Path) -> None:
    with ChatServer() as server:
        asked(tmp_path, server.url, *samples(2))
        asked(tmp_path, server.url, *samples(4))
    assert [body.get("n", 1) for body in server.bodies] == [2, 2]


def test_a_seed_keeps_samples_apart(tmp_path: Path) -> None:
    with ChatServer() as server:
        asked(tmp_path, server.url, *(request(sample=number, seed=7) for number in range(3)))
    assert sorted(body["seed"] for body in server.bodies) == [7, 8, 9]
    assert all("n" not in body for body in server.bodies)


def test_an_endpoint_that_knows_no_n_is_named(tmp_path: Path) -> None:
    one = '{"choices": [{"message": {"content": "5"}, "finish_reason": "stop"}]}'
    with ChatServer(Trouble(text=one)) as server:
        replies, opened = asked(tmp_path, server.url, *samples(3))
    first, *others = replies
    assert isinstance(first, Reply) and first.text == "5"  # it is paid for
    assert all(isinstance(reply, CallFailed) and "samples_per_call" in str(reply) for reply in others)
    assert opened.tally.owed == 2


def test_a_refusal_is_the_outcome_of_each(tmp_path: Path) -> None:
    with ChatServer(Trouble(400, '{"error": {"message": "too long"}}')) as server:
        replies, _ = asked(tmp_path, server.url, *samples(3))
    assert server.hits == 1
    assert [reply.finish for reply in replies if isinstance(reply, Reply)] == ["error"] * 3


def test_a_group_that_fails_is_tried_again(tmp_path: Path) -> None:
    with ChatServer(Trouble(500, "{}", {"Retry-After": "0.01"}, times=1)) as server:
        replies, _ = asked(tmp_path, server.url, *samples(3))
    assert [body["n"] for body in server.bodies] == [3, 3]
    assert all(isinstance(reply, Reply) for reply in replies)


def test_a_run_that_ends_keeps_what_is_under_way_to_itself(tmp_path: Path) -> None:
    """Else another process would ask the same while this one's call lands."""

    async def scene(url: str) -> list[Reply | None]:
        other = door(tmp_path).store
        keys = [each.key(model(url).identity) for each in samples(4)]
        async with other:
            claims: list[asyncio.Task[Reply | None]] = []
            with pytest.raises(RuntimeError):
                async with door(tmp_path) as opened:
                    asking = asyncio.gather(*(opened.ask(model_asked, each) for each in samples(4)), return_exceptions=True)
                    await asyncio.to_thread(server.wait_for_hits, 1)
                    claims = [asyncio.create_task(other.claim(key)) for key in keys]
                    await asyncio.sleep(0.1)
                    raise RuntimeError
            await asking
            return await asyncio.gather(*claims)

    with ChatServer(seconds=0.5) as server:
        model_asked = model(server.url)
        replies = asyncio.run(scene(server.url))
    assert server.hits == 1
    assert all(reply is not None and reply.text for reply in replies)

"""Counting without asking: prompts by the pieces tokenizers cut first, calls by what the methods would ask."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.llm.backends import CallFailed
from pipeline.llm.request import Reply, Request, Sampling
from pipeline.llm.store import Store
from pipeline.records import Message
from pipeline.stages.counting import TEMPLATE, CountingDoor, Took, prompt_tokens, took, untold
from tests.llm.asking import model
from tests.servers import closed_url


def request(text: str, **fields: object) -> Request:
    asked = {"messages": (Message(role="user", content=text),), "sampling": Sampling(max_tokens=9), **fields}
    return Request.model_validate(asked)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", 0),
        ("one two", 2),
        ("instructions", 2),
        ("3 of 5", 4),
        ("12345", 2),
        ("a -> b.", 4),
        ("one\ntwo", 3),
        ("naïve", 3),
        ("日本語", 3),
        ('{"a": 1}', 6),
    ],
)
def test_pieces(text: str, pieces: int) -> None:
    assert prompt_tokens(request(text)) == pieces + TEMPLATE


def test_a_schema_is_part_of_the_prompt() -> None:
    assert prompt_tokens(request("one", response_format={"type": "json_object"})) > TEMPLATE + 3


def test_what_is_remembered_comes_back_and_nobody_is_asked(tmp_path: Path) -> None:
    asked, first, second = model(closed_url()), request("one"), request("two")

    async def scene() -> None:
        async with Store(tmp_path / "responses.sqlite") as store:
            await store.put(first.key(asked.identity), Reply(text="<think>hm</think>1", tokens_in=3, tokens_out=4))
            door = CountingDoor(store)
            key, reply = await door.ask(asked, first)
            assert (reply.text, reply.reasoning) == ("1", "hm") and list(door.known) == [key]
            with pytest.raises(CallFailed):
                await door.ask(asked, second)
            with pytest.raises(CallFailed):
                await CountingDoor(store, recalls=False).ask(asked, first)
            assert list(door.owed) == [second.key(asked.identity)]
            assert await store.get(second.key(asked.identity)) is None

    asyncio.run(scene())


def test_what_a_reply_took() -> None:
    assert took(Reply(tokens_in=3, tokens_out=4, cost=0.5, seconds=2.0), None) == Took(1, 3, 4, 0.5, 2.0)
    assert untold(Reply(text="1", tokens_in=3)) and not untold(Reply(finish="content_filter"))
    assert not untold(Reply(finish="error")) and not untold(Reply(tokens_in=3, tokens_out=0))

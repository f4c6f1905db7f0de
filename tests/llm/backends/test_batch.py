"""The batch backend against a small provider of batches: what is submitted, and what becomes of each result."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.batch import IN_FLIGHT, BatchModel
from pipeline.llm.backends.batch_lines import Terms, outcome
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.request import Price, Reply
from pipeline.settings import load_settings
from tests import trouble
from tests.batch_provider import Course
from tests.batch_server import BatchServer, Mishap
from tests.llm.asking import door, request
from tests.llm.batching import QUICK, answers, ask, model, right, sums, texts, through_door, until
from tests.servers import ChatServer, closed_url
from tests.trouble import Trouble

KEY = "sk-test-0123456789abcdef"


def test_requests_are_answered_by_one_batch() -> None:
    with BatchServer() as server:
        replies = ask(server.url, *sums(12))
    assert texts(replies) == right(12)
    (batch,) = server.batches.values()
    assert batch["metadata"] == {"made_by": "distill", "model": "small-1"}
    assert server.billed.total() == len(server.billed) == 12
    assert all(isinstance(each, Reply) and each.finish == "stop" and each.tokens_out == 10 for each in replies)


def test_a_line_is_the_live_call_under_its_key() -> None:
    asked = request("How much is 1 + 1?", sample=2, seed=40, max_tokens=9, temperature=0.5, extra_body={"user": "me"})
    with BatchServer() as server:
        ask(server.url, asked)
        (content,) = [each for name, each in server.contents.items() if server.files[name]["purpose"] == "batch"]
    (line,) = content.splitlines()
    body = {
        "model": "small-1", "messages": [{"role": "user", "content": "How much is 1 + 1?"}],
        "seed": 42, "max_tokens": 9, "temperature": 0.5, "user": "me",
    }  # fmt: skip
    key = asked.key(model(server.url).identity)
    assert json.loads(line) == {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}
    assert len(key) == 64  # OpenAI takes no longer custom_id


def test_what_a_batch_brought_is_not_asked_live(tmp_path: Path) -> None:
    settings = load_settings(openai_base_url="http://127.0.0.1:1/v1")
    live = OpenAIModel(backend="openai", model="small-1").open(settings)
    with BatchServer() as server:
        bought = asyncio.run(through_door(tmp_path, model(server.url), *sums(3)))
    assert live.identity == model(server.url).identity
    assert asyncio.run(through_door(tmp_path, live, *sums(3))) == bought


def test_each_sample_is_a_request_of_its_own() -> None:
    with BatchServer() as server:
        ask(server.url, *(request(sample=number, seed=0) for number in range(3)))
    assert len(server.billed) == 3
    assert sorted(body["seed"] for body in server.bodies()) == [0, 1, 2]


def test_a_request_asked_twice_is_one_line() -> None:
    with BatchServer() as server:
        replies = ask(server.url, request(), request())
    assert replies[0] == replies[1]
    assert server.asked == [[request().key(model(server.url).identity)]]


def test_a_batch_is_cheaper_and_large() -> None:
    settings = load_settings(openai_base_url=closed_url())
    price = Price(input=2.0, cached_input=1.0, output=8.0, batch_discount=0.5)
    opened = BatchModel(backend="batch", model="small-1", price=price).open(settings)
    assert opened.price == Price(input=1.0, cached_input=0.5, output=4.0)
    assert opened.in_flight == IN_FLIGHT
    assert model(closed_url()).price is None
    assert model(closed_url(), concurrency=7).in_flight == 7


@pytest.mark.parametrize("terms", [Terms(0.03, 0.02, 0.05, most_requests=5), Terms(0.03, 0.02, 0.05, most_bytes=1150)])
def test_a_full_file_is_followed_by_another(terms: Terms) -> None:
    with BatchServer() as server:
        assert texts(ask(server.url, *sums(12), terms=terms)) == right(12)
    assert [len(each) for each in server.asked] == [5, 5, 2]
    files = [server.contents[each["input_file_id"]] for each in server.batches.values()]
    assert max(map(len, files)) <= 1150


def test_a_file_that_is_full_does_not_wait() -> None:
    async def scene(url: str) -> None:
        terms = Terms(quiet=600, first_poll=0.02, most_requests=4)
        async with model(url, terms).start() as backend, asyncio.timeout(20):
            await asyncio.gather(*map(backend.complete, sums(4)))

    with BatchServer() as server:
        asyncio.run(scene(server.url))


@pytest.mark.parametrize(("name", "finish"), [("TOO_LONG", "error"), ("FILTERED", "content_filter")])
def test_a_refused_request_is_an_outcome(name: str, finish: str) -> None:
    refusal: Trouble = getattr(trouble, name)
    with BatchServer(rows=(Trouble(refusal.status, refusal.text, where="0 + 1"),)) as server:
        refused, answered = ask(server.url, *sums(2))
        again, _ = ask(server.url, *sums(2))
    assert isinstance(refused, Reply) and refused.text is None and refused.error
    assert refused.finish == finish
    assert texts([answered]) == ["2."]
    assert again == refused and len(server.batches) == 1


@pytest.mark.parametrize("status", [0, 429, 500])
def test_a_request_that_may_do_better_is_owed(status: int) -> None:
    with BatchServer(rows=(Trouble(status, '{"error": {"message": "oh"}}', where="0 + 1", times=1),)) as server:
        owed, answered = ask(server.url, *sums(2))
        assert isinstance(owed, CallFailed) and owed.again and not owed.billed
        assert texts([answered]) == ["2."]
        assert texts(ask(server.url, *sums(2))) == right(2)
    assert [len(each) for each in server.asked] == [2, 1]
    assert set(server.billed.values()) == {1}


@pytest.mark.parametrize(
    ("name", "remedy"), [("UNKNOWN_MODEL", "'small-1'"), ("UNSUPPORTED", "sampling"), ("NO_CREDIT", "credit")]
)
def test_a_row_that_speaks_of_all_ends_the_run_and_is_asked_again_once_mended(name: str, remedy: str) -> None:
    refusal: Trouble = getattr(trouble, name)
    with BatchServer(rows=(Trouble(refusal.status, refusal.text, times=1),)) as server:
        for error in ask(server.url, *sums(2)):
            assert isinstance(error, UserError) and remedy in error.remedy
        assert texts(ask(server.url, *sums(2))) == right(2)
    assert len(server.batches) == 2


def test_what_expired_is_in_the_next_batch(tmp_path: Path) -> None:
    with BatchServer(courses=(Course("expired", after=3),)) as server:
        replies = asyncio.run(through_door(tmp_path, model(server.url), *sums(8)))
    assert texts(replies) == right(8)
    assert sum(map(len, server.asked[1:])) == 5
    assert set(server.billed.values()) == {1}


def test_a_cancelled_batch_gives_what_it_has_and_the_rest_another_time() -> None:
    with BatchServer(courses=(Course(after=3),)) as server:
        server.paused = True

        async def scene() -> list[Reply | BaseException]:
            asking = asyncio.create_task(answers(model(server.url), *sums(8)))
            await until(lambda: any(each["status"] == "in_progress" for each in server.batches.values()))
            server.cancel_all()
            return await asking

        replies = asyncio.run(scene())
        assert texts(replies) == [*right(3), None, None, None, None, None]
        assert all(isinstance(each, CallFailed) and not each.again and "batch_1" in str(each) for each in replies[3:])
        server.paused = False
        assert texts(ask(server.url, *sums(8))) == right(8)
    assert [len(each) for each in server.asked] == [8, 5]
    assert set(server.billed.values()) == {1}


def test_a_batch_that_is_refused_says_where() -> None:
    errors = tuple({"code": "invalid_json_line", "message": f"No JSON {line}.", "line": line} for line in range(1, 6))
    with BatchServer(courses=(Course("failed", errors=errors),)) as server:
        (error,) = ask(server.url, request())
        assert isinstance(error, UserError) and "recipe" in error.remedy
        assert error.what == "batch batch_1 was refused: line 1: No JSON 1.; line 2: No JSON 2.; line 3: No JSON 3.; and 2 more"
        assert texts(ask(server.url, request())) == ["5."]


def test_a_full_queue_of_the_account() -> None:
    errors = ({"code": "token_limit_exceeded", "message": "Enqueued token limit reached for small-1.", "line": None},)
    with BatchServer(courses=(Course("failed", errors=errors),)) as server:
        (error,) = ask(server.url, request())
    assert isinstance(error, UserError) and "Enqueued token limit" in error.what and "--concurrency" in error.remedy


def test_a_wrong_key() -> None:
    with BatchServer(key="another") as server:
        (error,) = ask(server.url, request(), openai_api_key=KEY)
    assert isinstance(error, UserError) and "OPENAI_API_KEY" in error.remedy
    assert "***" in error.what and KEY not in str(error)
    assert server.log == ["list"]


def test_a_key_no_header_can_hold() -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        ask(closed_url(), request(), openai_api_key="sk-\n1")


def test_an_endpoint_without_batches() -> None:
    with ChatServer() as server:
        (error,) = ask(server.url, request())
    assert isinstance(error, UserError) and "--backend openai" in error.remedy and server.url in error.what


def test_nobody_listening() -> None:
    (error,) = ask(closed_url(), request())
    assert isinstance(error, UserError) and "cannot be reached" in error.what and "BASE_URL" in error.remedy


@pytest.mark.parametrize("text", ["<html>Welcome</html>", "[1, 2]", '{"object": "list", "data": [{"id": 1}]}', '{"data": '])
def test_an_address_of_something_else(text: str) -> None:
    for kind in ("text/html", "application/json"):
        with BatchServer(Mishap("list", 200, text, {"Content-Type": kind})) as server:
            (error,) = ask(server.url, request())
        assert isinstance(error, UserError) and "/v1" in error.remedy, (kind, error)


def test_a_call_that_was_given_up_in_time_is_not_sent() -> None:
    async def scene(url: str) -> Reply:
        async with model(url).start() as backend:
            given_up, other = (asyncio.create_task(backend.complete(each)) for each in sums(2))
            await asyncio.sleep(0)
            given_up.cancel()
            await other
            return await backend.complete(sums(1)[0])

    with BatchServer() as server:
        assert texts([asyncio.run(scene(server.url))]) == ["1."]
    assert [len(each) for each in server.asked] == [1, 1]


def test_a_text_with_a_line_separator_is_one_line() -> None:
    answer = {"choices": [{"message": {"content": "a\u2028b\x85c"}, "finish_reason": "stop"}]}
    with BatchServer(rows=(Trouble(200, json.dumps(answer)),)) as server:
        (reply,) = ask(server.url, request("x\u2028y"))
    assert isinstance(reply, Reply) and reply.text == "a\u2028b\x85c"
    assert server.bodies()[0]["messages"][0]["content"] == "x\u2028y"


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        (None, {"error": {"message": "too long", "code": 400}}, "too long"),
        (None, "not in stream mode", "stream mode"),
        ({"detail": 1}, None, "no reason"),
    ],
    ids=["vllm", "vllm words", "none"],
)
def test_a_refusal_in_other_words(body: Any, error: Any, says: str) -> None:
    row = {"custom_id": "k", "response": {"status_code": 400, "body": body}, "error": error}
    reply = outcome(row, "http://h/v1", "m", 2.0)
    assert reply.finish == "error" and says in str(reply.error) and reply.seconds == 2.0


@pytest.mark.parametrize(
    "response", [None, "none", {}, {"status_code": 0, "body": ""}, {"status_code": 200, "body": {}}, {"status_code": 200}]
)
def test_a_row_that_says_nothing_is_owed(response: Any) -> None:
    with pytest.raises(CallFailed) as caught:
        outcome({"custom_id": "k", "response": response}, "http://h/v1", "m", 0.0)
    assert caught.value.again


def test_the_recipe_does_not_load_the_client() -> None:
    check = "import sys, pipeline.llm.backends.batch\nassert not {'openai', 'aiohttp', 'httpx2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)


def test_what_was_not_sent_when_a_run_fails_is_never_sent(tmp_path: Path) -> None:
    patient = replace(QUICK, quiet=0.3)

    async def scene(url: str) -> None:
        asked = model(url, patient)
        async with door(tmp_path) as opened:
            asking = asyncio.gather(*(opened.ask(asked, each) for each in sums(3)), return_exceptions=True)
            await asyncio.sleep(0.1)
            assert not asking.done()
            raise RuntimeError

    with BatchServer() as server:
        with pytest.raises(RuntimeError):
            asyncio.run(scene(server.url))
        assert not server.batches

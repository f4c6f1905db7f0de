"""The OpenAI backend against a server that misbehaves: what becomes of each failure, and what is sent."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.request import Reply, Request, Sampling
from pipeline.settings import load_settings
from tests import servers
from tests.llm.asking import door, model, request
from tests.servers import ChatServer, Trouble, closed_url

KEY = "sk-test-0123456789abcdef"


def complete(url: str, asked: Request, key: str | None = None) -> Reply:
    """One call to a freshly started backend."""

    async def scene() -> Reply:
        async with model(url, key=key).start() as backend:
            return await backend.complete(asked)

    return asyncio.run(scene())


def times(trouble: Trouble, count: int) -> Trouble:
    """The trouble for the first tries only."""
    return Trouble(trouble.status, trouble.text, trouble.headers, trouble.where, count, trouble.cut)


def test_a_reply() -> None:
    with ChatServer() as server:
        reply = complete(server.url, request("How much is 20 + 22?"))
    assert reply.text is not None and reply.text.endswith("The answer is 42.")
    assert (reply.finish, reply.tokens_in, reply.tokens_out) == ("stop", 6, 10)
    assert reply.seconds > 0 and reply.error is None


@pytest.mark.parametrize(
    ("name", "overloaded", "billed"), [("OVERLOADED", True, False), ("BROKEN", False, False), ("CUT", False, True)]
)
def test_what_may_pass_is_one_try_that_may_be_made_again(name: str, overloaded: bool, billed: bool) -> None:
    with ChatServer(getattr(servers, name)) as server, pytest.raises(CallFailed, match=server.url) as caught:
        complete(server.url, request())
    assert server.hits == 1
    assert (caught.value.overloaded, caught.value.billed, caught.value.again) == (overloaded, billed, True)


@pytest.mark.parametrize("name", ["NO_JSON", "NO_MESSAGE"])
def test_an_answer_that_is_none_is_owed(name: str) -> None:
    with ChatServer(getattr(servers, name)) as server, pytest.raises(CallFailed, match="no chat completion"):
        complete(server.url, request())


@pytest.mark.parametrize(("name", "finish"), [("TOO_LONG", "error"), ("FILTERED", "content_filter")])
def test_a_refused_request_is_an_outcome(name: str, finish: str) -> None:
    with ChatServer(getattr(servers, name)) as server:
        reply = complete(server.url, request())
    assert server.hits == 1
    assert (reply.text, reply.finish) == (None, finish)
    assert reply.error


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("WRONG_KEY", "401 Incorrect API key", "OPENAI_API_KEY"),
        ("UNKNOWN_MODEL", "404 The model `small-1`", "'small-1' a model of this endpoint"),
        ("UNSUPPORTED", "Unsupported parameter: `seed`", "teacher.sampling"),
        ("NO_CREDIT", "429 You exceeded your current quota", "credit"),
    ],
)
def test_what_somebody_must_mend_ends_the_run(name: str, what: str, remedy: str) -> None:
    with ChatServer(getattr(servers, name)) as server, pytest.raises(UserError) as caught:
        complete(server.url, request())
    assert server.hits == 1
    assert server.url in caught.value.what and what in caught.value.what
    assert remedy in caught.value.remedy


def test_nobody_listening_ends_the_run() -> None:
    url = closed_url()
    with pytest.raises(UserError, match="cannot be reached") as caught:
        complete(url, request())
    assert url in caught.value.what and "BASE_URL" in caught.value.remedy


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "1.2"}, 1.2),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "1m30s"}, 90.0),
        ({"Retry-After-Ms": "250", "Retry-After": "1"}, 0.25),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_a_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    with ChatServer(Trouble(503, headers=headers)) as server, pytest.raises(CallFailed) as caught:
        complete(server.url, request())
    assert caught.value.after == (None if seconds is None else pytest.approx(seconds))


def test_a_retry_after_of_hours_is_owed_at_once() -> None:
    with ChatServer(Trouble(429, headers={"Retry-After": "86400"})) as server, pytest.raises(CallFailed) as caught:
        complete(server.url, request())
    assert not caught.value.again


FULL = Sampling(
    temperature=0.0, top_p=0.5, max_tokens=9, stop=("END",), seed=40, presence_penalty=0.1, frequency_penalty=-0.1, top_k=20,
    min_p=0.05, repetition_penalty=1.1, chat_template_kwargs={"enable_thinking": False},
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(Sampling.model_fields) - {"top_logprobs", "extra_body"}))
def test_a_sampling_field_is_sent_and_no_other(name: str) -> None:
    value = getattr(FULL, name)
    with ChatServer() as server:
        complete(server.url, request(**{name: value}))
    (body,) = server.bodies
    assert body == {
        "model": "small-1",
        "messages": [{"role": "user", "content": "How much is 2 + 3?"}],
        name: list(value) if isinstance(value, tuple) else value,
    }


def test_log_probabilities_and_further_fields_are_sent() -> None:
    with ChatServer() as server:
        complete(server.url, request(top_logprobs=3, extra_body={"reasoning_effort": "high"}))
    (body,) = server.bodies
    assert (body["logprobs"], body["top_logprobs"], body["reasoning_effort"]) == (True, 3, "high")
    assert "extra_body" not in body


@pytest.mark.parametrize("field", ["messages", "model", "n", "stream", "response_format"])
def test_a_further_field_that_would_change_the_question_is_refused(field: str) -> None:
    with ChatServer() as server, pytest.raises(UserError, match=f"extra_body.{field}"):
        complete(server.url, request(extra_body={field: 1}))
    assert server.hits == 0


def test_each_sample_has_a_seed_of_its_own() -> None:
    with ChatServer() as server:
        complete(server.url, request(sample=2, seed=40))
    assert server.bodies[0]["seed"] == 42


def test_a_response_format_is_sent() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
    with ChatServer() as server:
        complete(server.url, request().model_copy(update={"response_format": wanted}))
    assert server.bodies[0]["response_format"] == wanted


def test_a_reply_cut_off_at_its_longest() -> None:
    with ChatServer() as server:
        reply = complete(server.url, request(max_tokens=3))
    assert (reply.finish, reply.tokens_out) == ("length", 3)


def answered(**choice: Any) -> Trouble:
    return Trouble(text=json.dumps({"choices": [choice]}))


def test_reasoning_that_came_apart_is_kept_apart() -> None:
    message = {"content": "5", "reasoning_content": "2 and 3"}
    with ChatServer(answered(message=message, finish_reason="stop")) as server:
        reply = complete(server.url, request())
    assert (reply.text, reply.reasoning, reply.tokens_in) == ("5", "2 and 3", None)


def test_a_reply_stopped_by_the_provider() -> None:
    with ChatServer(answered(message={"content": None}, finish_reason="content_filter")) as server:
        reply = complete(server.url, request())
    assert (reply.text, reply.finish) == ("", "content_filter")


@pytest.mark.parametrize("name", ["WRONG_KEY", "FILTERED", "OVERLOADED"])
def test_the_key_is_in_no_error_and_not_in_the_store(tmp_path: Path, name: str) -> None:
    trouble = getattr(servers, name)
    echo = Trouble(trouble.status, trouble.text.replace("Slow down.", "Slow down, {key}."), trouble.headers)

    async def scene(url: str) -> str:
        async with door(tmp_path) as opened:
            try:
                _, reply = await opened.ask(model(url, key=KEY), request())
            except (UserError, CallFailed) as error:
                return f"{error}{opened.tally}"
            return f"{reply}{opened.tally}"

    with ChatServer(echo) as server:
        words = asyncio.run(scene(server.url))
    assert "***" in words and KEY not in words
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_key_is_sent() -> None:
    with ChatServer(Trouble(400, '{"error": {"message": "[{key}]"}}')) as server:
        assert complete(server.url, request(), key=KEY).error == "[***]"
        assert complete(server.url, request()).error == "[none]"


def test_the_hosted_endpoint_needs_a_key() -> None:
    with pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        OpenAIModel(backend="openai", model="m").open(load_settings(openai_base_url=None, openai_api_key=""))


@pytest.mark.parametrize("url", ["localhost:8000/v1", "http://", "ftp://host/v1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UserError, match="not an address"):
        OpenAIModel(backend="openai", model="m").open(load_settings(openai_base_url=url))


@pytest.mark.parametrize("key", ["none", "EMPTY", "1"])
def test_a_key_that_is_a_word_changes_no_reply(key: str) -> None:
    with ChatServer(answered(message={"content": "none of 1 is EMPTY"})) as server:
        assert complete(server.url, request(), key=key).text == "none of 1 is EMPTY"


def test_content_in_parts_is_text_and_thoughts() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Three and two."}]},
        {"type": "text", "text": "It is "},
        {"type": "text", "text": "5."},
    ]
    with ChatServer(answered(message={"content": parts})) as server:
        reply = complete(server.url, request())
    assert (reply.text, reply.reasoning) == ("It is 5.", "Three and two.")


@pytest.mark.parametrize("choice", [{"finish_reason": "error"}, {"error": {"code": 502, "message": "upstream died"}}])
def test_a_reply_the_provider_broke_off_is_owed(choice: dict[str, Any]) -> None:
    with (
        ChatServer(answered(message={"content": "It is"}, **choice)) as server,
        pytest.raises(CallFailed, match="broke the reply off") as raised,
    ):
        complete(server.url, request())
    assert raised.value.billed and raised.value.again


def test_a_proxys_password_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that wants another password."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def refuse() -> None:
            connection, _ = proxy.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

        heard: list[bytes] = []
        thread = threading.Thread(target=refuse)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://mia:geheim@127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(CallFailed, match="the proxy answered 407") as raised:
            complete("https://api.example/v1", request(), key="sk-0123456789abcdef")
        thread.join()
    assert "geheim" not in repr(raised.value) and not raised.value.billed
    assert b"Proxy-Authorization: Basic" in heard[0] and b"sk-0123456789abcdef" not in heard[0]

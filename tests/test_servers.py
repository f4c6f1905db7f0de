"""The server that misbehaves does so as it says: what every other test of faults rests on, seen by a plain HTTP client."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import completions, trouble
from tests.limits import RateLimit, span
from tests.servers import ChatServer, Trouble, deaf_url, times, wait_until

SCHEMA = {"type": "object", "properties": {"sum": {"type": "integer"}, "why": {"type": "string"}}}


def call(url: str, prompt: str = "2 + 3", timeout: float = 5.0, **fields: Any) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, headers and body of one call on a connection of its own."""
    body = {"model": "small-1", "messages": [{"role": "user", "content": prompt}], **fields}
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout)
    try:
        connection.request("POST", place.path + "/chat/completions", json.dumps(body), {"Authorization": "Bearer sk-1"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def message(server: ChatServer, prompt: str = "2 + 3", **fields: Any) -> dict[str, Any]:
    """The first choice's message."""
    return dict(json.loads(call(server.url, prompt, **fields)[2])["choices"][0]["message"])


def test_an_answer_depends_on_the_body_alone() -> None:
    with ChatServer() as first, ChatServer(seed=1) as second:
        assert message(first) == message(second) != message(first, seed=2)
    assert message_of("2 + 3").endswith("The answer is 5.")


def message_of(prompt: str, **fields: Any) -> str:
    with ChatServer() as server:
        return str(message(server, prompt, **fields)["content"])


def test_choices_differ_and_the_prompt_is_billed_once() -> None:
    with ChatServer() as server:
        answer = json.loads(call(server.url, n=3)[2])
        texts = {choice["message"]["content"] for choice in answer["choices"]}
        assert len(texts) == 3 and all(text.endswith("The answer is 5.") for text in texts)
        assert (server.bill.calls, server.bill.tokens_in, server.bill.tokens_out) == (1, 3, 30)


def test_json_by_a_schema_and_broken_first() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "sum", "schema": SCHEMA}}
    assert json.loads(message_of("2 + 3", response_format=wanted))["sum"] == 5
    broken = message_of(f"2 + 3, {completions.BROKEN_JSON_FIRST}", response_format=wanted)
    with pytest.raises(ValueError):
        json.loads(broken)
    turns = [{"role": "user", "content": completions.BROKEN_JSON_FIRST}, {"role": "assistant", "content": broken}]
    with ChatServer() as server:
        mended = message(server, messages=[*turns, {"role": "user", "content": "2 + 3 again"}], response_format=wanted)
    assert json.loads(mended["content"])["sum"] == 5


def test_thoughts_come_where_the_prompt_wants_them() -> None:
    assert message_of(f"2 + 3 {completions.IN_TAGS}").startswith("<think>\nFirst")
    assert message_of(f"2 + 3 {completions.TWICE}").count("</think>") == 2
    assert message_of(f"2 + 3 {completions.UNOPENED}").startswith("First")
    with ChatServer() as server:
        assert "First" in message(server, completions.APART)["reasoning_content"]
        assert "First" in message(server, completions.APART_BY_THE_NEW_NAME)["reasoning"]


def test_log_probabilities() -> None:
    with ChatServer() as server:
        answer = json.loads(call(server.url, logprobs=True, top_logprobs=2)[2])
    tokens = answer["choices"][0]["logprobs"]["content"]
    assert len(tokens) == answer["usage"]["completion_tokens"]
    assert all(len(each["top_logprobs"]) == 2 and each["logprob"] < 0 for each in tokens)


@pytest.mark.parametrize("name", ["CUT", "RESET", "ENDED", "TOO_LITTLE"])
def test_an_answer_that_breaks_off(name: str) -> None:
    with ChatServer(times(getattr(trouble, name), 1)) as server:
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            call(server.url)
        assert call(server.url)[0] == 200
        assert server.bill.calls == 2 and server.answered.total() == 1


@pytest.mark.parametrize("name", ["HANG", "HALF", "GONE"])
def test_an_answer_that_never_ends(name: str) -> None:
    with ChatServer(getattr(trouble, name)) as server:
        with pytest.raises(TimeoutError):
            call(server.url, timeout=0.3)
        assert server.at_once <= 1
        wait_until(lambda: name == "GONE" or server.at_once == 0, 5)


def test_a_connection_that_nobody_reads_or_takes() -> None:
    for full in (False, True):
        with deaf_url(full) as url, pytest.raises(TimeoutError):
            call(url, timeout=0.2)


def test_the_drip_is_slow_and_whole() -> None:
    with ChatServer(Trouble(wire=trouble.drip(0.06, 40))) as server:
        before = time.monotonic()
        assert "choices" in json.loads(call(server.url, timeout=0.2)[2])
        assert time.monotonic() - before > 0.2


@pytest.mark.parametrize("zipped", [False, True])
def test_the_swollen_answer_is_valid_and_large(zipped: bool) -> None:
    with ChatServer(Trouble(wire=trouble.swell(3, zipped))) as server:
        _, headers, body = call(server.url)
    assert (len(body) < 2**16) is zipped
    body = gzip.decompress(body) if zipped else body
    assert len(body) > 3 * 2**20 and "choices" in json.loads(body)
    assert headers.get("Content-Encoding") == ("gzip" if zipped else None)


SEEN: dict[str, Callable[[int, http.client.HTTPMessage, bytes], bool]] = {
    "HTML": lambda status, headers, body: status == 200 and headers["Content-Type"] == "text/html" and b"<title>" in body,
    "GATEWAY": lambda status, headers, body: status == 502 and body.startswith(b"<html>"),
    "NO_JSON": lambda status, headers, body: body == b'{"choices": [',
    "NO_USAGE": lambda status, headers, body: "usage" not in json.loads(body),
    "NO_CHOICES": lambda status, headers, body: json.loads(body)["choices"] == [],
    "NULL_CONTENT": lambda status, headers, body: json.loads(body)["choices"][0]["message"]["content"] is None,
    "STOPPED": lambda status, headers, body: json.loads(body)["choices"][0]["finish_reason"] == "content_filter",
    "TWICE": lambda status, headers, body: len(headers.get_all("Content-Type") or ()) == 2 and b"choices" in body,
    "ELSEWHERE": lambda status, headers, body: status == 307 and headers["Location"].startswith("https://"),
    "WRAPPED_ERROR": lambda status, headers, body: status == 200 and "error" in json.loads(body),
    "TOO_MUCH": lambda status, headers, body: not body.endswith(b"}"),
    "FILTERED": lambda status, headers, body: status == 400 and b"the key was sk-1" in body,
}


@pytest.mark.parametrize("name", SEEN)
def test_what_the_client_sees(name: str) -> None:
    with ChatServer(getattr(trouble, name)) as server:
        assert SEEN[name](*call(server.url))
        assert server.answered.total() == (1 if name == "TWICE" else 0)


def test_a_share_is_the_same_in_any_order() -> None:
    def befallen(seed: int, prompts: list[str]) -> set[str]:
        with ChatServer(Trouble(500, share=0.3), seed=seed) as server:
            return {prompt for prompt in prompts if call(server.url, prompt)[0] == 500}

    prompts = [f"{number} + 1" for number in range(60)]
    first = befallen(1, prompts)
    assert first == befallen(1, prompts[::-1]) != befallen(2, prompts)
    assert 8 < len(first) < 30


def test_a_burst_befalls_the_calls_it_names() -> None:
    with ChatServer(Trouble(429, calls=range(2, 4))) as server:
        assert [call(server.url)[0] for _ in range(5)] == [200, 200, 429, 429, 200]


@pytest.mark.parametrize("told", [True, False])
def test_the_limit_lets_in_what_it_says_and_no_more(told: bool) -> None:
    limit = RateLimit(per_second=50, burst=5, retry_after=told)
    with ChatServer(limit=limit) as server, ThreadPoolExecutor(8) as pool:
        before = time.monotonic()
        answers = list(pool.map(lambda number: call(server.url, f"{number} + 1"), range(120)))
        passed = sum(status == 200 for status, _, _ in answers)
        assert 5 <= passed <= limit.allowed(time.monotonic() - before) + 1
        refusals = [headers for status, headers, _ in answers if status == 429]
        assert len(refusals) == server.refused == 120 - passed
        assert {headers.get("Retry-After") for headers in refusals} == ({"1"} if told else {None})
        assert server.bill.calls == passed


def test_the_limits_headers() -> None:
    with ChatServer(limit=RateLimit(10, burst=100, level=40, tells="openai")) as server:
        headers = call(server.url)[1]
        assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("100", "39")
        assert headers["x-ratelimit-reset-requests"].startswith(("6.", "6s"))
        server.limit = RateLimit(10, burst=100, level=0.5, tells="anthropic")
        status, headers, _ = call(server.url)
        assert (status, headers["anthropic-ratelimit-requests-remaining"]) == (429, "0")
        reset = datetime.fromisoformat(headers["anthropic-ratelimit-requests-reset"])
        assert 9 < (reset - datetime.now(UTC)).total_seconds() < 10


def test_a_span_of_time_is_written_as_openai_does() -> None:
    assert [span(seconds) for seconds in (0.02, 1.0, 1.5, 360)] == ["20ms", "1s", "1.5s", "6m0s"]


def test_most_at_once_counts_whole_answers() -> None:
    with ChatServer(seconds=0.1) as server, ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: call(server.url, str(number)), range(12)))
        assert server.most_at_once == 6 and server.at_once == 0


def test_the_server_ends_although_a_call_hangs() -> None:
    before = time.monotonic()
    with ChatServer(trouble.HANG) as server, socket.create_connection(urlsplit(server.url).netloc.split(":")) as line:
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 400\r\n\r\n{")
    assert time.monotonic() - before < 5

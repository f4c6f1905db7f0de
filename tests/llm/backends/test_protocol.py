"""The chat-completions protocol: what a refusal means, how the choices of one call share its bill, what is no completion."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.protocol import read_completion, read_completions, refused


def choice(text: str | None, **fields: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}, "finish_reason": "stop", **fields}


def verdict(status: int, code: str = "", words: str = "no", after: float | None = None) -> str:
    """What a refusal is taken for."""
    try:
        return refused(status, {"code": code}, words, "http://host/v1", "m", after).finish
    except CallFailed as error:
        return f"owed{' overloaded' * error.overloaded}{' again' * error.again}"
    except UserError as error:
        return error.remedy.split(":")[0]


@pytest.mark.parametrize(
    ("status", "code", "words", "means"),
    [
        (400, "context_length_exceeded", "too long", "error"),
        (413, "", "too large", "error"),
        (422, "", "not so", "error"),
        (400, "content_filter", "filtered", "content_filter"),
        (403, "", "Input flagged by moderation", "content_filter"),
        (400, "", "API key not valid. Please pass a valid API key.", "The endpoint refuses this key"),
        (401, "", "who are you", "The endpoint refuses this key"),
        (403, "", "forbidden", "The endpoint refuses this key"),
        (402, "", "pay", "The account has no credit left"),
        (429, "insufficient_quota", "quota", "The account has no credit left"),
        (400, "unsupported_value", "temperature", "Change or leave out that field of teacher.sampling."),
        (301, "", "moved", "The endpoint sends callers elsewhere"),
        (429, "rate_limit_exceeded", "slow", "owed overloaded again"),
        (503, "", "busy", "owed overloaded again"),
        (500, "", "oops", "owed again"),
        (418, "", "teapot", "owed"),
    ],
)
def test_what_a_refusal_means(status: int, code: str, words: str, means: str) -> None:
    assert verdict(status, code, words) == means


def test_a_wait_of_hours_is_for_another_day() -> None:
    assert verdict(429, after=60.0) == "owed overloaded again"
    assert verdict(429, after=7200.0) == "owed overloaded"


def test_choices_share_the_bill() -> None:
    usage = {"prompt_tokens": 20, "completion_tokens": 101, "prompt_tokens_details": {"cached_tokens": 16}}
    replies = read_completions({"choices": [choice("a" * 300), choice("b" * 100)], "usage": usage}, 0.5)
    assert [reply.tokens_in for reply in replies] == [20, 0]
    assert [reply.tokens_cached for reply in replies] == [16, None]
    assert [reply.tokens_out for reply in replies] == [75, 26]


@given(st.lists(st.text(max_size=50), min_size=1, max_size=8), st.integers(0, 10_000))
def test_no_token_of_the_bill_is_lost(texts: list[str], tokens: int) -> None:
    answer = {"choices": [choice(text) for text in texts], "usage": {"prompt_tokens": 5, "completion_tokens": tokens}}
    replies = read_completions(answer, 0.0)
    assert sum(reply.tokens_out or 0 for reply in replies) == tokens
    assert sum(reply.tokens_in or 0 for reply in replies) == 5


def test_without_usage_nothing_is_counted() -> None:
    replies = read_completions({"choices": [choice("a"), choice("b")]}, 0.0)
    assert {(reply.tokens_in, reply.tokens_out, reply.tokens_cached) for reply in replies} == {(None, None, None)}


def test_log_probabilities_are_kept_short() -> None:
    token = {"token": "4", "logprob": -0.1, "bytes": [52], "top_logprobs": [{"token": "5", "logprob": -2.5, "bytes": [53]}]}
    reply = read_completion({"choices": [choice("4", logprobs={"content": [token]})]}, 0.0)
    assert reply.logprobs == [{"token": "4", "logprob": -0.1, "top": [{"token": "5", "logprob": -2.5}]}]


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_under_either_name(name: str) -> None:
    message = {"content": "5", name: "2 and 3"}
    reply = read_completion({"choices": [{"message": message, "finish_reason": "stop"}]}, 0.0)
    assert (reply.text, reply.reasoning) == ("5", "2 and 3")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["choices", "message", "content", "usage", "finish_reason"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_nonsense_is_no_completion(answer: Any) -> None:
    try:
        replies = read_completions(answer, 0.0)
    except CallFailed as error:
        assert error.billed
    else:
        assert replies

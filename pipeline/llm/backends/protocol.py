"""The OpenAI chat-completions protocol as plain data: a request to its body, a body to replies, a refusal to what it means.

Shared by everybody who speaks it: the live endpoint, provider batch files, recorded pairs. Nothing here opens a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.errors import UserError
from pipeline.llm.backends import CallFailed
from pipeline.llm.request import Reply, Request
from pipeline.logs import text_of

TRANSIENT = {408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
OVERLOADED = {429, 503, 529}
LONGEST_WAIT = 600.0
"""Seconds an endpoint may ask to be left alone; a call that would have to wait longer is owed."""
RESERVED = {"model", "messages", "n", "stream", "response_format"}
"""Fields of a body that `extra_body` may not set, since the key or the reading of the reply rests on them."""
STRANGE_TRIES = 3
"""How often an answer is bought that came whole and cannot be used: the next is likely to be like it."""
BROKEN_OFF = ("abort", "error", "network_error", "insufficient_system_resource")
"""How a reply ended that the provider could not finish: vLLM, OpenRouter, z.AI and DeepSeek say so in an answer of 200."""
FILTER_WORDS = ("content_filter", "content_policy", "moderation")
KEY_WORDS = ("invalid_api_key", "api key not valid", "api_key_invalid")


def request_body(model: str, request: Request, limit_field: str = "max_tokens", choices: int = 1) -> dict[str, Any]:
    """The request as the protocol has it: every field asked for is sent, and no other.

    Args:
        limit_field: what the endpoint calls the longest reply.
        choices: how many replies one call shall bring.
    """
    sampling = request.sampling.model_dump(exclude_none=True)
    extra: dict[str, Any] = sampling.pop("extra_body", {})
    if reserved := RESERVED & extra.keys():
        raise UserError(f"sampling.extra_body.{min(reserved)}: this field is set by the pipeline", "Leave it out there.")
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    body: dict[str, Any] = {"model": model, "messages": messages, **sampling}
    if "max_tokens" in body:
        body[limit_field] = body.pop("max_tokens")
    if "top_logprobs" in sampling:
        body["logprobs"] = True
    if "seed" in sampling:
        body["seed"] = sampling["seed"] + request.sample
    if request.response_format is not None:
        body["response_format"] = request.response_format
    if choices > 1:
        body["n"] = choices
    return body | extra


def read_completion(answer: Any, seconds: float) -> Reply:
    """The only reply of a completion.

    Raises:
        CallFailed: it is none.
    """
    return read_completions(answer, seconds)[0]


def read_completions(answer: Any, seconds: float) -> list[Reply]:
    """All choices of a completion, in their order. The prompt's tokens are counted at the first, for it is billed once; the
    reply's tokens are billed in one sum and are shared out by the length of the texts.

    Raises:
        CallFailed: it is no completion.
    """
    try:
        choices, usage = answer["choices"], answer.get("usage") or {}
        messages = [choice["message"] for choice in choices]
        texts = [_text(message) for message in messages]
        thoughts = [_reasoning(message) for message in messages]
        details = usage.get("completion_tokens_details") or {}
        sizes = [len(text) + len(thought or "") for text, thought in zip(texts, thoughts, strict=True)]
        replies = [
            Reply(
                text=text,
                reasoning=thought,
                finish=choice.get("finish_reason") or "stop",
                tokens_out=tokens_out,
                tokens_reasoning=tokens_reasoning,
                logprobs=_logprobs(choice),
                seconds=seconds,
            )
            for choice, text, thought, tokens_out, tokens_reasoning in zip(
                choices, texts, thoughts,
                _shares(usage.get("completion_tokens"), sizes), _shares(details.get("reasoning_tokens"), sizes), strict=True,
            )
        ]  # fmt: skip
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
        first = {"tokens_in": usage.get("prompt_tokens"), "tokens_cached": cached}
        rest = {"tokens_in": None if usage.get("prompt_tokens") is None else 0}
        replies = [each.model_copy(update=rest if place else first) for place, each in enumerate(replies)]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        replies = []
    if not replies:
        what = f"the endpoint sent something that is no chat completion: {str(answer)[:200]}"
        raise CallFailed(what, billed=True, tries=STRANGE_TRIES) from None
    for choice in choices:
        if choice.get("finish_reason") in BROKEN_OFF or choice.get("error"):
            what = f"the provider broke the reply off: {str(choice.get('error') or choice['finish_reason'])[:200]}"
            raise CallFailed(what, billed=True)
    return replies


def _text(message: dict[str, Any]) -> Any:
    """What is said; some providers send a list of parts, and thoughts are among them (Mistral's reasoning models)."""
    return text_of(message.get("content")) or ""


def _reasoning(message: dict[str, Any]) -> str | None:
    """What the model thought, under either of the names providers use."""
    thought = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(message.get("content"), list):
        parts = [part.get("thinking") for part in message["content"] if isinstance(part, dict)]
        thought = thought or "".join(str(text_of(each)) for each in parts if each) or None
    return thought if isinstance(thought, str) else None


def _shares(total: int | None, sizes: list[int]) -> list[int | None]:
    """A total dealt out in proportion to sizes, its sum kept."""
    if total is None or len(sizes) == 1:
        return [total] * len(sizes)
    whole, given, shares = sum(sizes) + len(sizes), 0, []
    for place in range(len(sizes)):
        up_to = total * (sum(sizes[: place + 1]) + place + 1) // whole
        shares.append(up_to - given)
        given = up_to
    return list(shares)


def _logprobs(choice: dict[str, Any]) -> list[dict[str, Any]] | None:
    content = (choice.get("logprobs") or {}).get("content")
    if not content:
        return None
    return [
        {
            "token": each["token"],
            "logprob": each["logprob"],
            "top": [{"token": other["token"], "logprob": other["logprob"]} for other in each.get("top_logprobs") or ()],
        }
        for each in content
    ]


def refused(status: int, error: Mapping[str, Any], words: str, place: str, model: str, after: float | None) -> Reply:
    """The outcome a refusal is, where asking again would not change it.

    Args:
        status: of HTTP.
        error: the provider's error object, empty where it sent none.
        words: its message, on one line and without secrets.
        place: the address, for messages.
        after: seconds the endpoint asks to be left alone.

    Raises:
        UserError: no call will work before somebody mends something.
        CallFailed: it may pass.
    """
    code, where = str(error.get("code") or error.get("type") or ""), f"{place}: {status} {words}"
    said = f"{code} {words}".lower()
    if status == 402 or "insufficient_quota" in f"{code} {error.get('type')}":
        raise UserError(where, "The account has no credit left: add some; replies that landed are kept.")
    if status in (400, 403, 422) and any(word in said for word in FILTER_WORDS):
        return Reply(finish="content_filter", error=words)
    if status in (401, 403) or (status == 400 and any(word in said for word in KEY_WORDS)):
        raise UserError(where, "The endpoint refuses this key: set OPENAI_API_KEY to one that is valid there.")
    if status == 404:
        raise UserError(where, f"Is {model!r} a model of this endpoint, and does BASE_URL end in /v1? See {place}/models.")
    if status == 400 and code in ("unsupported_parameter", "unsupported_value", "unknown_parameter"):
        raise UserError(where, "Change or leave out that field of teacher.sampling.")
    if status in (400, 413, 422):
        return Reply(finish="error", error=words)
    if 300 <= status < 400:
        raise UserError(where, "The endpoint sends callers elsewhere: set BASE_URL to where it wants them.")
    soon = (after or 0.0) <= LONGEST_WAIT
    raise CallFailed(where, after=after, overloaded=status in OVERLOADED, again=status in TRANSIENT and soon)

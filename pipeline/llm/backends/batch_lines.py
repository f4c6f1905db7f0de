"""Batches as plain data: a request to a line of input, a line of the results to a reply, the end of a batch to what it means.

Format: OpenAI's guide (https://platform.openai.com/docs/guides/batch), which vLLM's `run-batch` and other providers follow. Two
result files come back, in any order of lines: one of answers, one of refusals; both have the same form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import DistillError, UserError
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.protocol import read_completion, refused
from pipeline.llm.request import Reply

if TYPE_CHECKING:
    from openai.types import Batch

ENDPOINT = "/v1/chat/completions"
OVER = ("failed", "completed", "expired", "cancelled")
FULL_QUEUE = "token_limit_exceeded"
"""Code of a batch that was refused since too many prompt tokens of the account wait already."""


@dataclass(frozen=True)
class Terms:
    """When a file is full, and how patiently a batch is watched."""

    quiet: float = 2.0
    """Seconds without a new request after which those that wait are submitted."""
    first_poll: float = 5.0
    """Seconds until a batch is looked at for the first time; each next time it is half as long again."""
    last_poll: float = 60.0
    """The longest of these times."""
    patience: float = 3600.0
    """Seconds a provider may be out of order before its batches are left for another day."""
    most_requests: int = 50_000
    """Requests in a file; OpenAI's limit, by the docstring of `client.batches.create` (openai 3.54) and the guide."""
    most_bytes: int = 200_000_000
    """Bytes of a file, likewise."""


def input_line(key: str, body: Mapping[str, Any]) -> bytes:
    """One request as a line of an input file; `key` is what its result is found by (64 characters, the most OpenAI takes)."""
    line = {"custom_id": key, "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def read_line(line: bytes) -> dict[str, Any] | None:
    """A line of an input or result file; None where it is empty, torn or not of the form."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("custom_id"), str) else None


def outcome(row: Mapping[str, Any], place: str, model: str, seconds: float) -> Reply:
    """What a result line says of its request.

    Raises:
        UserError: no call will work before somebody mends something.
        CallFailed: asking again may bring another outcome; also where it was never tried (expired, cancelled).
    """
    response = row.get("response")
    response = response if isinstance(response, dict) else {}
    status, body = response.get("status_code"), response.get("body")
    if status == 200 and isinstance(body, dict) and "choices" in body:
        return read_completion(body, seconds)
    error = _error_of(row.get("error")) or _error_of(body)
    words = " ".join(str(error.get("message") or "no answer, and no reason given").split())[:300]
    if not isinstance(status, int) or status < 400:  # some rows of OpenAI's come back with status 0
        raise CallFailed(f"{place}: {error.get('code') or ''} {words}".replace(":  ", ": "))
    return refused(status, error, words, place, model, None).model_copy(update={"seconds": seconds})


def _error_of(value: Any) -> dict[str, Any]:
    """The provider's error, whichever way it is wrapped: OpenAI has it in the body, vLLM beside the response."""
    if isinstance(value, dict):
        inner = value.get("error")
        return _error_of(inner) if inner else value if "message" in value else {}
    return {"message": value} if isinstance(value, str) and value else {}


def files_of(lines: Mapping[str, bytes], terms: Terms) -> Iterator[list[str]]:
    """The keys of lines that go into one file each, as many as it takes."""
    keys: list[str] = []
    size = 0
    for key, line in lines.items():
        if keys and (len(keys) == terms.most_requests or size + len(line) > terms.most_bytes):
            yield keys
            keys, size = [], 0
        keys.append(key)
        size += len(line)
    if keys:
        yield keys


def state_of(batch: Batch) -> str:
    """validating, in_progress, finalizing, cancelling, or one of those in which it is over; some providers use capitals."""
    return batch.status.lower()


def seconds_of(batch: Batch) -> float:
    """How long a batch took."""
    end = batch.completed_at or batch.expired_at or batch.cancelled_at or batch.created_at
    return float(max(0, end - batch.created_at))


def left_over(batch: Batch) -> DistillError:
    """Why a batch that is over holds no result of some request."""
    if state_of(batch) == "cancelled":
        return CallFailed(f"batch {batch.id} was cancelled; the same command submits again what it left", again=False)
    if state_of(batch) != "failed":
        return CallFailed(f"batch {batch.id}: {state_of(batch)}, and no result of this request is in it")
    errors = (batch.errors.data if batch.errors else None) or []
    said = [f"{f'line {each.line}: ' if each.line else ''}{each.message or each.code}" for each in errors]
    more = f"; and {len(said) - 3} more" if said[3:] else ""
    what = f"batch {batch.id} was refused: {'; '.join(said[:3]) or 'no reason given'}{more}"
    if any(each.code == FULL_QUEUE for each in errors):
        return UserError(what, "Start again when other batches are done, or make smaller ones with --concurrency N.")
    return UserError(what, "Mend the recipe, or use --backend openai.")

"""What the test server answers when nothing goes wrong: a completion made of nothing but the request's own body.

In: the body of a request and the hash of it. Out: the completion the protocol has for it: right for the last sum of the prompt,
`n` choices, JSON by the schema, log-probabilities, and thoughts in any of the forms that providers send, where the prompt asks
for them by one of the words below. The same body gets the same answer from every server, so that runs can be compared.
"""

from __future__ import annotations

import json
import re
from typing import Any

SUM = re.compile(r"(\d+) \+ (\d+)")
IN_TAGS, UNOPENED, TWICE = "think in tags", "think without an opening tag", "think in two blocks"
APART, APART_BY_THE_NEW_NAME = "think apart", "think apart by the new name"
"""Words of a prompt that ask for thoughts, and where they shall be."""
BROKEN_JSON_FIRST = "break the JSON first"
"""Words of a prompt whose first answer shall not fit the schema; the answer to a further turn does."""


def completion(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The answer to a request; cut off after `max_tokens` words; `name` makes it vary."""
    prompt = str(body["messages"][-1]["content"])
    choices = [_choice(body, prompt, name, index) for index in range(body.get("n") or 1)]
    usage = _usage(body, choices)
    return {"id": name[:12], "object": "chat.completion", "model": body["model"], "choices": choices, "usage": usage}


def _choice(body: dict[str, Any], prompt: str, name: str, index: int) -> dict[str, Any]:
    words = _text(body, prompt, name, index).split()
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or len(words)
    message = {"role": "assistant", "content": " ".join(words[:limit])} | _thoughts(prompt, " ".join(words[:limit]))
    choice = {"index": index, "message": message, "finish_reason": "stop" if limit >= len(words) else "length"}
    if body.get("logprobs"):
        choice["logprobs"] = {"content": [_logprob(each, body.get("top_logprobs") or 0) for each in words[:limit]]}
    return choice


def _text(body: dict[str, Any], prompt: str, name: str, index: int) -> str:
    sums = SUM.findall(prompt)
    result = int(sums[-1][0]) + int(sums[-1][1]) if sums else int(name[:4], 16)
    wanted = body.get("response_format") or {"type": "text"}
    if wanted["type"] == "text":
        way = name[:6] if index == 0 else f"{name[:6]}-{index}"
        return f"By way {way} this makes {result}. The answer is {result}."
    if BROKEN_JSON_FIRST in prompt and not any(each["role"] == "assistant" for each in body["messages"]):
        return '{"broken": '
    schema = wanted.get("json_schema", {}).get("schema") or {"type": "object", "properties": {"answer": {"type": "integer"}}}
    return json.dumps(_fitting(schema, result, f"by way {name[:6]}"))


def _fitting(schema: dict[str, Any], number: int, text: str) -> Any:
    """A value of a JSON schema of the plain sort."""
    if "enum" in schema:
        return schema["enum"][number % len(schema["enum"])]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "object")
    if kind == "object":
        return {key: _fitting(inner, number, text) for key, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_fitting(schema.get("items", {"type": "string"}), number, text)]
    return {"integer": number, "number": float(number), "boolean": True, "null": None}.get(kind, text)


def _thoughts(prompt: str, text: str) -> dict[str, str]:
    """What the message says besides, or instead, where the prompt asks for thoughts."""
    thought = "First I add the two numbers."
    asked = {
        APART_BY_THE_NEW_NAME: {"reasoning": thought},
        APART: {"reasoning_content": thought},
        IN_TAGS: {"content": f"<think>\n{thought}\n</think>\n\n{text}"},
        UNOPENED: {"content": f"{thought}\n</think>\n\n{text}"},
        TWICE: {"content": f"<think>{thought}</think>\n<think>Then I look again.</think>\n{text}"},
    }
    return next((message for words, message in asked.items() if words in prompt), {})


def _logprob(word: str, others: int) -> dict[str, Any]:
    size = -len(word) / 10
    top = [{"token": f"{word}{place or ''}", "logprob": size - place, "bytes": None} for place in range(others)]
    return {"token": word, "logprob": size, "bytes": list(word.encode()), "top_logprobs": top}


def _usage(body: dict[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    """Tokens are words. The prompt is counted once, however many choices there are."""
    apart = [each["message"].get("reasoning") or each["message"].get("reasoning_content") or "" for each in choices]
    thought = sum(len(each.split()) for each in apart)
    told = sum(len(each["message"]["content"].split()) for each in choices)
    usage: dict[str, Any] = {"prompt_tokens": words_in(body), "completion_tokens": told + thought}
    if thought:
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    return usage


def words_in(body: dict[str, Any]) -> int:
    """Tokens of a prompt: its words."""
    return sum(len(str(each["content"]).split()) for each in body["messages"])

"""A teacher whose replies have lengths as real ones have: most are short, a few very long, and some prompts draw long ones.

In: what is known of the right answers. Out: completions that are cut off at `max_tokens`, right for a share of the samples that
differs from prompt to prompt, and a bill. Another seed makes another teacher.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.servers import JSON, ChatServer

BYTES_A_TOKEN, TEMPLATE = 4.1, 11
"""Of this teacher's tokenizer, and the tokens of its chat template."""


class SkewedServer(ChatServer):
    """A server whose replies have lognormal lengths.

    Args:
        answers: right answers by prompt.
        median: tokens of the middle reply to the middle prompt.
        prompts, replies: standard deviation of the logarithm of the length, between prompts and between replies to one.
        told: whether it tells its usage.
    """

    def __init__(
        self, answers: Mapping[str, str], *, seed: int = 0, median: float = 60.0, prompts: float = 0.5, replies: float = 0.5,
        told: bool = True, seconds: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(seed=seed, seconds=seconds)
        self.answers, self.median, self.prompts, self.replies, self.told = answers, median, prompts, replies, told

    async def _answer(self, request: web.Request, body: dict[str, Any], name: str, call: int) -> web.StreamResponse:
        prompt = "\n".join(str(each["content"]) for each in body["messages"])
        of_prompt = random.Random(f"{self.seed}/{prompt}")
        of_reply = random.Random(f"{self.seed}/{name}/{self.by_body[name]}")  # samples of one prompt are the same body
        length = self.median * math.exp(of_prompt.gauss(0, self.prompts) + of_reply.gauss(0, self.replies))
        asked = next((question for question in self.answers if question in prompt), "")
        right = of_reply.random() < of_prompt.uniform(0.1, 0.9)
        words = ["so"] * round(length) + ["The", "answer", "is", f"{self.answers[asked] if asked and right else 'unclear'}."]
        limit = body.get("max_tokens") or len(words)
        said = words[:limit]
        usage = {
            "prompt_tokens": round(len(prompt.encode()) / BYTES_A_TOKEN) + TEMPLATE,
            "completion_tokens": len(said),
        }
        self.bill.add(usage)
        await asyncio.sleep(self.seconds * len(said) / self.median)
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": " ".join(said)},
            "finish_reason": "length" if len(said) < len(words) else "stop",
        }
        answer = {"id": name[:12], "object": "chat.completion", "model": body["model"], "choices": [choice]}
        return web.Response(text=json.dumps(answer | ({"usage": usage} if self.told else {})), headers=JSON)

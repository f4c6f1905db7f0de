"""A server that says again what a local model said: a run that a teacher answered, without its weights and its time.

In: the tables of a run whose teacher sampled with a seed. Out: an endpoint that gives each request of the same recipe the reply
it had there, and refuses one that was never made. Over HTTP the seed tells which sample is wanted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.llm.request import Request, Sampling
from pipeline.records import Message, Response
from pipeline.tables import read_rows, table_path
from tests.servers import ChatServer

NOT_SAMPLING = ("model", "messages", "seed", "response_format")


class Replaying(ChatServer):
    """`with Replaying(folder, identity, seed) as server:` answers as the model of this identity did in a run's folder."""

    def __init__(self, folder: Path, identity: dict[str, str], seed: int) -> None:
        super().__init__()
        self.identity, self.seed = identity, seed
        tables = [name for name in ("2_responses", "4_judgements") if table_path(folder, name).exists()]
        self.known = {row.key: row for name in tables for row in read_rows(folder, name, Response)}

    def right(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        row = self.known[self._request(body).key(self.identity)]  # an unknown one is a fault of the test: status 500
        message = {"role": "assistant", "content": row.text}
        usage = {"prompt_tokens": row.tokens_in, "completion_tokens": row.tokens_out}
        choice = {"index": 0, "message": message, "finish_reason": row.finish}
        return {"id": name[:12], "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}

    def _request(self, body: dict[str, Any]) -> Request:
        """The request as the local model had it."""
        sampling = {key: value for key, value in body.items() if key not in NOT_SAMPLING}
        return Request(
            messages=tuple(Message(**each) for each in body["messages"]),
            sampling=Sampling(**sampling, seed=self.seed),
            response_format=body.get("response_format"),
            sample=body["seed"] - self.seed,
        )

"""Answers somebody already has: columns of a table by name, chat logs, or OpenAI request/response pairs.

A question is found by its own text, whatever template is put around it. Several answers to one question are its samples 0, 1,
2, … in the order of the file. A question without an answer is an outcome (`missing`), not a failure.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipeline.errors import UserError
from pipeline.identity import canonical_json, file_hash
from pipeline.llm.model import Model
from pipeline.llm.prices import FREE
from pipeline.llm.request import Reply, Request, Sampling
from pipeline.logs import column, kind_of, read_table, text_of, turns
from pipeline.records import Frozen
from pipeline.settings import HomePath, Settings


class RecordedFields(Frozen):
    """Which columns hold what; a dot goes into a nested object. Not needed for chat logs and request/response pairs."""

    prompt: str
    """The question."""
    text: str | tuple[str, ...]
    """The answer, or several columns with an answer each."""
    reasoning: str | None = None
    """The reasoning that came before the answer."""


class RecordedModel(Frozen):
    """Answers out of a file of JSON lines, CSV or Parquet; no model is asked."""

    backend: Literal["recorded"]
    """Answers that are already there."""
    path: HomePath | None = None
    """The file; the source's own unless said."""
    model: str = "recorded"
    """Who gave the answers, for the tables."""
    fields: RecordedFields | None = None
    """Columns by name; without it, rows are chat logs (`messages`, the answer last) or pairs (`request`, `response`)."""
    sampling: Sampling = Sampling()
    """Not used: the answers are as they are."""
    price: None = Field(None, description="Recorded answers cost nothing.")

    def open(self, settings: Settings) -> Model:
        """The recorded answers, ready to be asked."""
        path = _existing(self.path)
        fields = self.fields.model_dump() if self.fields else None
        return Model(
            identity={"provider": "recorded", "model": canonical_json(fields), "revision": file_hash(path)},
            name=self.model,
            start=lambda: RecordedBackend(path, self.fields),
            in_flight=settings.concurrency or 64,
            price=FREE,
        )


def _existing(path: Path | None) -> Path:
    if path is None:
        raise UserError("teacher.path: not given, and the source is no file", "Name the file of recorded answers there.")
    if not path.is_file():
        raise UserError(f"teacher.path: {path} does not exist", "Name the file with --set teacher.path=….")
    return path


class RecordedBackend:
    """Looks answers up by question."""

    def __init__(self, path: Path, fields: RecordedFields | None) -> None:
        self._path, self._fields = path, fields
        self._answers: dict[str, list[Reply]] = defaultdict(list)

    async def __aenter__(self) -> RecordedBackend:
        for place, row in read_table(self._path, kind_of(self._path)):
            question, replies = self._read(place, row)
            self._answers[question].extend(replies)
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._answers.clear()

    async def complete(self, request: Request) -> Reply:
        answers = self._answers.get(request.question, [])
        if request.sample < len(answers):
            return answers[request.sample]
        have = f"{len(answers)} answers are recorded for this question" if answers else "no answer is recorded"
        return Reply(finish="missing", error=have)

    def _read(self, place: str, row: dict[str, Any]) -> tuple[str, list[Reply]]:
        if self._fields is None:
            return _from_log(place, row)
        names = (self._fields.text,) if isinstance(self._fields.text, str) else self._fields.text
        reasoning = column(row, self._fields.reasoning, place) if self._fields.reasoning else None
        question = turns(column(row, self._fields.prompt, place), place)
        return question.key, [_reply(column(row, name, place), reasoning, {}) for name in names]


def _from_log(place: str, row: dict[str, Any]) -> tuple[str, list[Reply]]:
    """A chat log or a request/response pair."""
    if "messages" in row:
        messages = row["messages"]
        if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
            raise UserError(f"{place}: `messages` is not a list of messages", "The last must be the assistant's answer.")
        if messages[-1].get("role") != "assistant":
            raise UserError(f"{place}: the last message is not the assistant's", "The answer must come last.")
        last = messages[-1]
        return turns(messages[:-1], place).key, [_reply(text_of(last.get("content")), _reasoning(last), {})]
    if "request" in row and "response" in row:
        asked = turns(column(row, "request.messages", place), place)
        choices, usage = column(row, "response.choices", place), row["response"].get("usage") or {}
        if not isinstance(choices, list) or not isinstance(usage, dict):
            raise UserError(
                f"{place}: `choices` is no list, or `usage` no object", "Give the response as the endpoint sent it."
            )
        return asked.key, [_choice(choice, usage, place) for choice in choices]
    raise UserError(
        f"{place}: neither `messages` nor `request` and `response`",
        f"Say which columns hold what, for example --set teacher.fields.prompt=…; there are: {', '.join(row)}.",
    )


def _choice(choice: Any, usage: dict[str, Any], place: str) -> Reply:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise UserError(f"{place}: no message in {str(choice)[:80]!r}", "Each of response.choices has one in the protocol.")
    reply = _reply(text_of(message.get("content")), _reasoning(message), usage)
    return reply.model_copy(update={"finish": choice.get("finish_reason") or "stop"})


def _reasoning(message: dict[str, Any]) -> str | None:
    return message.get("reasoning_content") or message.get("reasoning")


def _count(value: Any) -> int | None:
    """A count of tokens; None where what is recorded is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _reply(text: Any, reasoning: Any, usage: dict[str, Any]) -> Reply:
    return Reply(
        text="" if text is None else str(text),
        reasoning=None if reasoning is None else str(reasoning),
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        cost=0.0,
    )

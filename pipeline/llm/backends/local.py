"""A model in this process through `transformers`, on a CPU or one GPU: what is waiting is answered in one batch.

It writes replies, and computes what no text says: log-probabilities of a text that is there, rewards, embeddings. The weights
are loaded as what the first request of each sort needs.

Every request draws from its own random numbers, seeded by its content, so that a reply does not depend on which others shared
its batch. That is exact in float64; in float32 about one reply in ten thousand still turns on a rounding.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipeline.errors import UserError
from pipeline.identity import content_hash, model_hash
from pipeline.llm.backends import CallFailed
from pipeline.llm.model import Model
from pipeline.llm.prices import FREE
from pipeline.llm.request import Reply, Request, Sampling, computed
from pipeline.records import Frozen
from pipeline.settings import Settings, project_path

BATCH = 128
"""Requests decoded together; a multiple of it may wait, so that the next batch is full."""
IN_FLIGHT = 4 * BATCH
UNSUPPORTED = ("presence_penalty", "frequency_penalty", "repetition_penalty", "extra_body")
TEXT = "text"


class LocalModel(Frozen):
    """A `transformers` model in this process."""

    backend: Literal["local"]
    """A model in this process."""
    model: str = Field(min_length=1)
    """A model folder, or a name on the hub."""
    revision: str = "main"
    """Revision on the hub; a folder is known by the hash of its weights."""
    dtype: Literal["auto", "float32", "float64", "bfloat16", "float16"] = "auto"
    """Number format it computes in; `float64` makes replies independent of the batch they were computed in."""
    sampling: Sampling = Sampling(temperature=0.7, max_tokens=512)
    """How it samples, unless a method says otherwise."""
    price: None = Field(None, description="A local model costs nothing by the token.")

    def open(self, settings: Settings, chat_template: str | None = None) -> Model:
        """The model, ready to be asked; nothing is loaded yet.

        Args:
            chat_template: text of the chat template to use instead of its own.
        """
        folder = model_folder(self.model)
        revision = model_hash(folder) if folder else f"{self.model}@{self.revision}"
        place = str(folder) if folder else self.model
        return Model(
            identity={"provider": "local", "model": revision, "revision": self.dtype} | _named(chat_template),
            name=Path(self.model).name if folder else self.model,
            start=lambda: LocalBackend(place, self.revision, self.dtype, settings.device, chat_template),
            in_flight=settings.concurrency or IN_FLIGHT,
            price=FREE,
            computes=True,
        )


def _named(chat_template: str | None) -> dict[str, str]:
    """What a chat template that is not the model's own adds to who answers."""
    return {} if chat_template is None else {"chat_template": content_hash(chat_template)}


def model_folder(name: str) -> Path | None:
    """The folder `name` stands for, or None where it is a name on the hub.

    Raises:
        UserError: it is a folder without a model in it, or reads like a path and is none.
    """
    folder = project_path(name)
    if folder.is_dir():
        missing = [file for file in ("config.json", "tokenizer.json") if not (folder / file).is_file()]
        if not any(folder.glob("*.safetensors")):
            missing.append("*.safetensors")
        if missing:
            raise UserError(f"{folder}: not a model folder, it has no {', '.join(missing)}", "Name a transformers folder.")
        return folder
    if folder.exists() or name.startswith((".", "/", "~", "data/")) or name.count("/") > 1:
        raise UserError(f"{name}: no such model folder", "Name a transformers folder, or a model on the hub as owner/name.")
    return None


_Waiting = tuple[Request, asyncio.Future[Reply]]


class LocalBackend:
    """Answers in batches; one thread computes while requests gather."""

    def __init__(self, place: str, revision: str, dtype: str, device: str, chat_template: str | None = None) -> None:
        self._arguments, self._chat_template = (place, revision, dtype, device), chat_template
        self._waiting: list[_Waiting] = []
        self._news = asyncio.Event()
        self._parts: dict[str, Any] = {}
        """Who answers each sort of request."""

    async def __aenter__(self) -> LocalBackend:
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        for _, future in self._waiting:
            future.cancel()
        if self._parts:
            self._parts.clear()
            _by_name("pipeline.llm.backends.loading").free_memory()

    @property
    def size(self) -> tuple[str, int]:
        """Where it computes, and how many weights it has; known once it has written a reply."""
        loaded = self._parts[TEXT].loaded
        return loaded.device, loaded.model.num_parameters()

    async def complete(self, request: Request) -> Reply:
        for name in UNSUPPORTED:
            if getattr(request.sampling, name) is not None:
                raise UserError(f"sampling.{name}: the local backend has no such thing", "Leave it out.")
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._news.set()
        return await future

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(0.01)  # the first of many rarely comes alone
            batch, self._waiting = self._next_batch()
            if not self._waiting:
                self._news.clear()
            await self._answer(batch)

    def _next_batch(self) -> tuple[list[_Waiting], list[_Waiting]]:
        """The oldest request with those of its sort most like it in length, which share a batch best, and the rest in order."""
        alike = [each for each in self._waiting if _sort(each[0]) == _sort(self._waiting[0][0])]
        ordered = sorted(alike, key=lambda each: sum(len(message.content) for message in each[0].messages))
        oldest = next(place for place, each in enumerate(ordered) if each is self._waiting[0])
        start = max(0, min(oldest - BATCH // 2, len(ordered) - BATCH))
        batch = ordered[start : start + BATCH]
        chosen = {id(each) for each in batch}
        return batch, [each for each in self._waiting if id(each) not in chosen]

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        computing = asyncio.create_task(asyncio.to_thread(self._compute, [each for each, _ in batch]))  # noqa: RUF006 - awaited below
        try:
            replies = await asyncio.shield(computing)
        except asyncio.CancelledError:
            await asyncio.wait([computing])  # a thread cannot be stopped half-way
            raise
        except Exception as error:
            mendable = isinstance(error, UserError)
            failure = error if mendable else CallFailed(f"the model failed: {type(error).__name__}: {error}")
            for _, future in batch:
                if not future.done():
                    future.set_exception(failure)
            return
        for (_, future), reply in zip(batch, replies, strict=True):
            if not future.done():
                future.set_result(reply)

    def _compute(self, requests: list[Request]) -> list[Reply]:
        """Replies to requests of one sort; runs in a thread, one batch at a time."""
        replies: list[Reply] = self._part(_sort(requests[0])).answer(requests)
        return replies

    def _part(self, sort: str) -> Any:
        """Who answers requests of a sort, loaded when the first of them comes.

        Raises:
            UserError: the model cannot be loaded so, or a library is missing.
        """
        if sort not in self._parts:
            decoding, scoring = (_by_name(f"pipeline.llm.backends.{name}") for name in ("decoding", "scoring"))
            if sort == TEXT:
                self._parts[sort] = decoding.Decoder(*self._arguments, self._chat_template)
            elif sort == "token_logprobs":
                self._parts[sort] = scoring.Likelihood(self._part(TEXT).loaded)
            else:
                scorer = {"reward": scoring.Reward, "embedding": scoring.Embedding}[sort]
                self._parts[sort] = scorer(*self._arguments)
        return self._parts[sort]


def _sort(request: Request) -> str:
    return computed(request.response_format) or TEXT


def _by_name(module: str) -> Any:
    """A module that needs torch.

    Raises:
        UserError: it is not there.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed, and the local backend needs it", "pip install -e '.[local]'") from None

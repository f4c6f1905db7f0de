"""Numbers a model has for texts that are there: log-probabilities of tokens, a reward, an embedding. Many texts at once.

Loaded by name from `local`, since it needs torch. Rows are padded on the right, so that no token's place or context depends on
what shares its batch; what is left of it is rounding, about 1e-5 in float32. A text that does not fit the context is refused.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from pipeline.errors import UserError
from pipeline.llm.backends.loading import Loaded, load
from pipeline.llm.request import Reply, Request, whole

TOKENS_AT_ONCE = 16_384
"""Tokens read together, padding included."""
LOGITS_AT_ONCE = 2**28
"""Logits that lie in memory together: 1 GiB of float32."""
DIGITS = 6
"""Decimals that are told; float32 has no more, and float64 then says the same in every batch."""


@dataclass(frozen=True)
class _Row:
    """A text as the model reads it."""

    ids: list[int]
    start: int = 0
    """The first token that counts."""
    types: list[int] | None = None
    """Which of two texts each token is of, where the model tells them apart."""


class Scorer(ABC):
    """Answers requests by reading their texts once."""

    def __init__(self, loaded: Loaded) -> None:
        self._place, self._model, self._tokenizer = loaded.place, loaded.model, loaded.tokenizer
        self._device, self._context = loaded.device, loaded.context
        self._at_once = TOKENS_AT_ONCE
        self._padding: int | None = _padding(loaded)

    def answer(self, requests: Sequence[Request]) -> list[Reply]:
        """A reply to each request, in their order."""
        started = time.monotonic()
        rows = [self._row(request) for request in requests]
        replies = {place: reply for place, row in enumerate(rows) if (reply := self._refused(row))}
        for places in self._batches(rows, [place for place in range(len(rows)) if place not in replies]):
            with torch.inference_mode():
                found = self._read([rows[place] for place in places])
            replies |= dict(zip(places, found, strict=True))
        seconds = round((time.monotonic() - started) / len(rows), 6)
        return [replies[place].model_copy(update={"seconds": seconds}) for place in range(len(rows))]

    def _refused(self, row: _Row) -> Reply | None:
        """What is said of a text that cannot be read."""
        if len(row.ids) <= self._context:
            return None
        return _error(row, f"the text of {len(row.ids)} tokens does not fit the context of {self._context}")

    def _batches(self, rows: list[_Row], places: list[int]) -> Iterator[list[int]]:
        """Places of rows that are read together: alike in length, and as many as memory holds."""
        batch: list[int] = []
        for place in sorted(places, key=lambda place: len(rows[place].ids)):
            full = (len(batch) + 1) * len(rows[place].ids) > self._at_once or self._padding is None
            if batch and full:
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _inputs(self, rows: list[_Row]) -> dict[str, torch.Tensor]:
        """(rows, longest) ids, mask and types."""
        longest = max(len(row.ids) for row in rows)

        def padded(values: list[list[int]], filler: int) -> torch.Tensor:
            return torch.tensor([each + [filler] * (longest - len(each)) for each in values], device=self._device)

        inputs = {
            "input_ids": padded([row.ids for row in rows], self._padding or 0),
            "attention_mask": padded([[1] * len(row.ids) for row in rows], 0),
        }
        types = [row.types for row in rows if row.types is not None]
        return inputs | ({"token_type_ids": padded(types, 0)} if types else {})

    def _chat(self, request: Request, upto: int | None, ask: bool) -> str:
        """Messages as the chat template has them; those of a model without one stand apart by a blank line."""
        messages = [message.model_dump() for message in request.messages[:upto]]
        if not self._tokenizer.chat_template:
            return "\n\n".join(each["content"] for each in messages) + ("\n\n" if ask else "")
        arguments = request.sampling.chat_template_kwargs or {}
        text: str = self._tokenizer.apply_chat_template(messages, add_generation_prompt=ask, tokenize=False, **arguments)
        return text

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(whole(text), add_special_tokens=False, verbose=False)
        return ids

    @abstractmethod
    def _row(self, request: Request) -> _Row:
        """What is read of a request."""

    @abstractmethod
    def _read(self, rows: list[_Row]) -> list[Reply]:
        """A reply to each row, in their order."""


class Likelihood(Scorer):
    """The log-probability of each token of the last message, given all before it."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded)
        self._padding = self._padding or 0  # nothing looks back at what stands to its right
        self._at_once = max(1, min(TOKENS_AT_ONCE, LOGITS_AT_ONCE // loaded.model.config.get_text_config().vocab_size))
        self._written = lru_cache(maxsize=65_536)(lambda token: str(self._tokenizer.decode([token])))

    def _row(self, request: Request) -> _Row:
        first = self._tokenizer.bos_token_id
        before = [] if first is None else [first]
        if len(request.messages) > 1:
            before = self._encode(self._chat(request, -1, ask=True)) or before
        return _Row(before + self._encode(request.messages[-1].content), max(1, len(before)))

    def _read(self, rows: list[_Row]) -> list[Reply]:
        if all(row.start >= len(row.ids) for row in rows):
            return [self._reply(row, []) for row in rows]
        inputs = self._inputs(rows)
        first = min(row.start for row in rows)
        kept = inputs["input_ids"].shape[1] - first + 1  # the logits of a token stand at the place before it
        logits = self._model(**inputs, use_cache=False, logits_to_keep=kept).logits
        return [self._reply(row, _logprobs(of_row[row.start - first :], row)) for row, of_row in zip(rows, logits, strict=True)]

    def _reply(self, row: _Row, values: list[float]) -> Reply:
        tokens = [self._written(token) for token in row.ids[row.start :]]
        told = [
            {"token": token, "logprob": min(0.0, round(value, DIGITS)), "top": []}
            for token, value in zip(tokens, values, strict=True)
        ]
        return _finite(values, row, Reply(text="", logprobs=told, tokens_in=len(row.ids), tokens_out=0, cost=0.0))


class Reward(Scorer):
    """The number a reward model gives a conversation."""

    def __init__(self, place: str, revision: str, dtype: str, device: str) -> None:
        loaded = load("reward", place, revision, dtype, device)
        if loaded.model.config.num_labels != 1:
            labels = loaded.model.config.num_labels
            raise UserError(f"{place}: no reward model, it has {labels} labels", "Name one that gives a single number.")
        super().__init__(loaded)
        loaded.model.config.get_text_config().pad_token_id = self._padding  # by which it finds the last token

    def _row(self, request: Request) -> _Row:
        if self._tokenizer.chat_template:
            return _Row(self._encode(self._chat(request, None, ask=False)))
        *before, last = request.messages
        texts = ("\n\n".join(each.content for each in before), last.content)
        pair = self._tokenizer(*map(whole, texts), verbose=False)
        return _Row(pair["input_ids"], types=pair.get("token_type_ids"))

    def _read(self, rows: list[_Row]) -> list[Reply]:
        values = self._model(**self._inputs(rows)).logits[:, 0].double().tolist()
        return [_number(value, row) for value, row in zip(values, rows, strict=True)]


class Embedding(Scorer):
    """The mean of the last layer over all tokens, as many numbers as the model is wide."""

    def __init__(self, place: str, revision: str, dtype: str, device: str) -> None:
        super().__init__(load("encoder", place, revision, dtype, device))
        self._context = min(self._context, self._tokenizer.model_max_length)
        self._padding = self._padding or 0  # the mask leaves it out

    def _row(self, request: Request) -> _Row:
        return _Row(self._tokenizer(whole("\n\n".join(each.content for each in request.messages)), verbose=False)["input_ids"])

    def _refused(self, row: _Row) -> Reply | None:
        return super()._refused(row) if row.ids else _error(row, "there is no text to embed")

    def _read(self, rows: list[_Row]) -> list[Reply]:
        inputs = self._inputs(rows)
        states = self._model(**inputs).last_hidden_state.double()
        mask = inputs["attention_mask"][..., None].double()
        means = ((states * mask).sum(1) / mask.sum(1)).float().cpu().numpy().astype("<f4")
        return [self._reply(mean, row) for mean, row in zip(means, rows, strict=True)]

    def _reply(self, mean: Any, row: _Row) -> Reply:
        text = b64encode(mean.tobytes()).decode()
        return _finite(mean.tolist(), row, Reply(text=text, tokens_in=len(row.ids), tokens_out=0, cost=0.0))


def _logprobs(logits: torch.Tensor, row: _Row) -> list[float]:
    """Log-probabilities of a row's tokens from `start` on; `logits` (places, vocabulary) begin one place before."""
    tokens = torch.tensor(row.ids[row.start :], device=logits.device, dtype=torch.long)
    some = logits[: len(tokens)]
    some = some if some.dtype == torch.double else some.float()
    values: list[float] = (some.gather(1, tokens[:, None])[:, 0] - some.logsumexp(-1)).tolist()
    return values


def _padding(loaded: Loaded) -> int | None:
    """What fills short rows; None where the model knows nothing of padding, so that rows are read one by one."""
    known: Any = loaded.model.config.get_text_config().pad_token_id
    return loaded.tokenizer.pad_token_id if known is None else int(known)


def _number(value: float, row: _Row) -> Reply:
    text = repr(round(value, DIGITS))
    return _finite([value], row, Reply(text=text, tokens_in=len(row.ids), tokens_out=0, cost=0.0))


def _finite(values: Sequence[float], row: _Row, reply: Reply) -> Reply:
    """The reply, unless the model computed something that is no number."""
    return reply if all(map(math.isfinite, values)) else _error(row, "the model computed no finite numbers")


def _error(row: _Row, words: str) -> Reply:
    return Reply(finish="error", error=words, tokens_in=len(row.ids), tokens_out=0, cost=0.0)

"""Batched decoding with `transformers`: many prompts at once, each with its own sampling, length and random numbers.

Loaded by name from `local`, since it needs torch. Rows that are finished leave the batch, so a long reply does not make the
short ones' places cost anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from pipeline.errors import UserError
from pipeline.identity import content_hash
from pipeline.llm.backends.loading import load
from pipeline.llm.request import Reply, Request, Sampling, whole

DEFAULT_TOKENS = 512
ROOM = 64
"""Tokens for which a cache layer makes room at a time."""
COMPACT = 0.8
"""Rows are taken out of the batch once fewer than this share are still writing."""


@dataclass
class _Row:
    """One reply in the making."""

    request: Request
    prompt: list[int]
    limit: int
    draws: np.ndarray
    tokens: list[int] = field(default_factory=list)
    finish: str = ""
    text: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    """Why there is no reply."""


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """A cache layer with room for tokens to come, so that a step does not copy all that was there before."""

    def update(self, keys: torch.Tensor, values: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds (rows, heads, tokens, size) keys and values; returns all there are."""
        if not self.is_initialized:
            self.lazy_initialization(keys, values)
            self.keys: torch.Tensor
            self.values: torch.Tensor
            self.rooms = [keys[:, :, :0], values[:, :, :0]]
        length = self.get_seq_length()
        end = length + keys.shape[-2]
        if end > self.rooms[0].shape[-2] or self.rooms[0].shape[0] != keys.shape[0]:
            olds = (self.keys, self.values) if length else self.rooms
            self.rooms = [_roomy(old, new, length, end + ROOM) for old, new in zip(olds, (keys, values), strict=True)]
        for room, new in zip(self.rooms, (keys, values), strict=True):
            room[:, :, length:end] = new
        self.keys, self.values = (room[:, :, :end] for room in self.rooms)
        return self.keys, self.values


def _roomy(old: torch.Tensor, new: torch.Tensor, length: int, room: int) -> torch.Tensor:
    tensor = new.new_empty((new.shape[0], new.shape[1], room, new.shape[3]))
    tensor[:, :, :length] = old[:, :, :length]
    return tensor


def _roomy_cache(config: Any) -> DynamicCache:
    """The model's own kind of cache, plain layers of it with room."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


class Decoder:
    """A loaded model and tokenizer."""

    def __init__(self, place: str, revision: str, dtype: str, device: str, chat_template: str | None = None) -> None:
        self.loaded = load("causal", place, revision, dtype, device)
        self.model, self._tokenizer = self.loaded.model, self.loaded.tokenizer
        if chat_template is not None:
            self._tokenizer.chat_template = chat_template
        self._device, self._context = self.loaded.device, self.loaded.context
        self.tokens_out = 0
        """Tokens written so far."""
        ends = self.model.generation_config.eos_token_id or self._tokenizer.eos_token_id
        self._ends = {ends} if isinstance(ends, int) else set(ends or ())

    def answer(self, requests: list[Request]) -> list[Reply]:
        """A reply to each request, in their order.

        Raises:
            UserError: the model is none to talk to.
        """
        if not self._tokenizer.chat_template:
            raise UserError(f"{self.loaded.place}: its tokenizer has no chat template", "Name an instruction-tuned model.")
        started = time.monotonic()
        rows = [self._row(request) for request in requests]
        writing = [row for row in rows if not row.finish]
        if writing:
            with torch.inference_mode():
                self._decode(writing)
        self.tokens_out += sum(len(row.tokens) for row in rows)
        seconds = (time.monotonic() - started) / len(rows)
        return [self._reply(row, seconds) for row in rows]

    def _row(self, request: Request) -> _Row:
        """A row to write, or one whose prompt the chat template refuses or the context does not hold."""
        try:
            prompt = self._prompt(request)
        except Exception as error:  # a template is anybody's program
            told = f"the chat template refused the prompt: {type(error).__name__}: {error}"
            return _Row(request, [], 0, _draws(request, 0), finish="error", error=told)
        limit = min(request.sampling.max_tokens or DEFAULT_TOKENS, self._context - len(prompt))
        row = _Row(request, prompt, limit, _draws(request, max(limit, 0)))
        if limit <= 0:
            row.finish = "error"
            row.error = f"the prompt of {len(prompt)} tokens fills the context of {self._context}"
        return row

    def _prompt(self, request: Request) -> list[int]:
        """The tokens to go on from: a reply begins, or the one goes on that the assistant has begun."""
        messages = [message.model_dump() for message in request.messages]
        begun = request.messages[-1].role == "assistant"
        arguments = {"add_generation_prompt": not begun, "continue_final_message": begun}
        arguments |= request.sampling.chat_template_kwargs or {}
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, **arguments)
        ids: list[int] = self._tokenizer.encode(whole(text), add_special_tokens=False)
        return ids

    def _decode(self, rows: list[_Row]) -> None:
        """Writes all rows to their end, in steps of one token each."""
        logits, cache, mask = self._read(rows)
        positions = mask.sum(-1, keepdim=True) - 1
        while True:
            chosen = self._choose(logits, rows)
            self._note(logits, chosen, rows)
            for row, token in zip(rows, chosen.tolist(), strict=True):
                self._append(row, token)
            alive = [place for place, row in enumerate(rows) if not row.finish]
            if not alive:
                return
            positions = positions + 1
            mask = torch.cat([mask, mask.new_ones((len(rows), 1))], dim=1)
            if len(alive) <= COMPACT * len(rows):
                keep = torch.tensor(alive, device=self._device)
                cache.batch_select_indices(keep)
                rows = [rows[place] for place in alive]
                chosen, positions, mask = chosen[keep], positions[keep], mask[keep]
            logits = self._forward(chosen[:, None], mask, positions, cache)

    def _read(self, rows: list[_Row]) -> tuple[torch.Tensor, DynamicCache, torch.Tensor]:
        """Reads every different prompt once: logits (rows, vocabulary), the cache, and the mask (rows, longest prompt)."""
        prompts = list(dict.fromkeys(tuple(row.prompt) for row in rows))
        longest = max(len(prompt) for prompt in prompts)
        ids = torch.zeros((len(prompts), longest), dtype=torch.long)
        mask = torch.zeros((len(prompts), longest), dtype=torch.long)
        for place, prompt in enumerate(prompts):
            ids[place, longest - len(prompt) :] = torch.tensor(prompt)
            mask[place, longest - len(prompt) :] = 1
        ids, mask = ids.to(self._device), mask.to(self._device)
        cache = _roomy_cache(self.model.config)
        logits = self._forward(ids, mask, (mask.cumsum(-1) - 1).clamp(min=0), cache)
        places = {prompt: place for place, prompt in enumerate(prompts)}
        of_row = torch.tensor([places[tuple(row.prompt)] for row in rows], device=self._device)
        cache.batch_select_indices(of_row)
        return logits[of_row], cache, mask[of_row]

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
        """Logits of the token after the last; what was read is added to the cache."""
        output = self.model(
            ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        return output.logits[:, -1]

    def _choose(self, logits: torch.Tensor, rows: list[_Row]) -> torch.Tensor:
        """The next token of each row: (rows, vocabulary) logits to (rows,) ids."""
        logits = logits.double()
        best = logits.argmax(-1)
        temperature = torch.tensor([_temperature(row) for row in rows], dtype=torch.double, device=logits.device)
        if not (temperature > 0).any():
            return best
        probabilities = torch.softmax(logits / temperature.clamp(min=1e-4)[:, None], -1)
        order = None
        if any(_narrowed(row.request.sampling) for row in rows):
            probabilities, order = self._narrow(probabilities, rows)
        sums = probabilities.cumsum(-1)
        draws = [row.draws[min(len(row.tokens), len(row.draws) - 1)] for row in rows]
        wanted = torch.tensor(draws, dtype=torch.double, device=logits.device)[:, None] * sums[:, -1:]
        drawn = (sums <= wanted).sum(-1).clamp(max=logits.shape[-1] - 1)
        if order is not None:
            drawn = order.gather(-1, drawn[:, None])[:, 0]
        return torch.where(temperature > 0, drawn, best)

    def _narrow(self, probabilities: torch.Tensor, rows: list[_Row]) -> tuple[torch.Tensor, torch.Tensor]:
        """Probabilities from the largest on, those beyond a row's top_p, top_k or min_p set to 0, and the ids in that order."""

        def each(values: list[float]) -> torch.Tensor:
            return torch.tensor(values, dtype=torch.double, device=probabilities.device)[:, None]

        sampling = [row.request.sampling for row in rows]
        ordered, order = torch.sort(probabilities, dim=-1, descending=True, stable=True)
        before = ordered.cumsum(-1) - ordered
        places = torch.arange(ordered.shape[-1], device=ordered.device)
        out = before >= each([one.top_p or 1.0 for one in sampling])
        out |= places >= each([one.top_k or ordered.shape[-1] for one in sampling])
        out |= ordered < ordered[:, :1] * each([one.min_p or 0.0 for one in sampling])
        return ordered.masked_fill(out, 0.0), order

    def _note(self, logits: torch.Tensor, chosen: torch.Tensor, rows: list[_Row]) -> None:
        """Takes down what the model gave the chosen tokens, and the likeliest ones, where a row asks for it."""
        asking = [place for place, row in enumerate(rows) if row.request.sampling.top_logprobs is not None and not row.finish]
        if not asking:
            return
        scores = logits[asking].double().log_softmax(-1)
        best = scores.topk(min(max(_top(rows[place]) for place in asking), scores.shape[-1])).indices.tolist()
        for place, of_row, ids, token in zip(asking, scores, best, chosen[asking].tolist(), strict=True):
            if token not in self._ends:
                top = [self._one(of_row, each) for each in ids[: _top(rows[place])]]
                rows[place].logprobs.append({**self._one(of_row, token), "top": top})

    def _one(self, scores: torch.Tensor, token: int) -> dict[str, Any]:
        return {"token": self._tokenizer.decode([token]), "logprob": float(scores[token])}

    def _append(self, row: _Row, token: int) -> None:
        """Adds a token to a row that is still writing, and ends it where it ends."""
        if row.finish:
            return
        if token in self._ends:
            row.finish = "stop"
        else:
            row.tokens.append(token)
            if len(row.tokens) >= row.limit:
                row.finish = "length"
        stops = row.request.sampling.stop or ()
        if row.finish or stops:
            row.text = self._tokenizer.decode(row.tokens, skip_special_tokens=True)
        cuts = [row.text.index(stop) for stop in stops if stop in row.text]
        if cuts:
            row.text, row.finish = row.text[: min(cuts)], "stop"

    def _reply(self, row: _Row, seconds: float) -> Reply:
        if row.finish == "error":
            return Reply(finish="error", error=row.error, tokens_in=len(row.prompt), tokens_out=0, cost=0.0)
        return Reply(
            text=row.text,
            finish=row.finish,
            tokens_in=len(row.prompt),
            tokens_out=len(row.tokens) + (row.finish == "stop"),
            logprobs=row.logprobs if row.request.sampling.top_logprobs is not None else None,
            cost=0.0,
            seconds=round(seconds, 6),
        )


def _narrowed(sampling: Sampling) -> bool:
    """Whether some tokens are out of the question."""
    return (sampling.top_p or 1) < 1 or sampling.top_k is not None or bool(sampling.min_p)


def _top(row: _Row) -> int:
    return row.request.sampling.top_logprobs or 0


def _temperature(row: _Row) -> float:
    value = row.request.sampling.temperature
    return 1.0 if value is None else value


def _draws(request: Request, count: int) -> np.ndarray:
    """`count` numbers in [0, 1) that belong to this request alone."""
    messages = [message.model_dump() for message in request.messages]
    seed = int(content_hash(messages, request.sampling.model_dump(exclude_none=True), request.sample)[:32], 16)
    return np.random.Generator(np.random.Philox(seed)).random(count)

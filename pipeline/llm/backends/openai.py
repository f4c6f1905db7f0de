"""What a recipe says of a model behind an OpenAI-compatible endpoint: the hosted API, vLLM, llama.cpp, `transformers serve`, ….

The client that asks it is in `chat_completions`, imported when the first call is made: it alone takes half a second.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, PositiveInt

from pipeline.errors import UserError
from pipeline.llm.backends import Backend
from pipeline.llm.model import Model
from pipeline.llm.pace import Pace
from pipeline.llm.prices import price_of
from pipeline.llm.request import Price, Sampling
from pipeline.records import Frozen
from pipeline.settings import Settings

IN_FLIGHT = 64
HOSTED = "https://api.openai.com/v1"


class OpenAIModel(Frozen):
    """A model behind an OpenAI-compatible endpoint; where that is, `OPENAI_BASE_URL` says."""

    backend: Literal["openai"]
    """An OpenAI-compatible endpoint."""
    model: str = Field(min_length=1)
    """Its name at the endpoint."""
    sampling: Sampling = Sampling(max_tokens=1024)
    """How it samples, unless a method says otherwise. It has no temperature, since some models take none."""
    samples_per_call: PositiveInt = 1
    """How many samples of one prompt are asked by one call (`n`), where the endpoint can and bills the prompt once."""
    json_schema: bool = True
    """Whether the endpoint can hold a reply to a JSON schema; if not, the prompt says what is wanted."""
    price: Price | None = None
    """What it costs; unless said, what `data/prices.yaml` says."""

    def open(self, settings: Settings) -> Model:
        """The model, ready to be asked."""
        endpoint = endpoint_of(settings)
        most = settings.concurrency or IN_FLIGHT
        pace = Pace(most, settings.requests_per_minute, settings.input_tokens_per_minute, settings.output_tokens_per_minute)
        return Model(
            identity={"provider": endpoint.host, "model": self.model, "revision": ""},
            name=self.model,
            start=lambda: _start(self.model, endpoint, pace, settings),
            in_flight=most,
            price=self.price or price_of(endpoint.host, self.model, settings),
            pace=pace,
            patience=settings.patience_seconds,
            samples_per_call=self.samples_per_call,
            json_schema=self.json_schema,
        )


class Endpoint(NamedTuple):
    """Where an OpenAI-compatible endpoint is, and the key to it."""

    base_url: str
    host: str
    key: str
    limit_field: str
    """What it calls the longest reply: OpenAI's own endpoint renamed `max_tokens`, and newer models there refuse that."""


def endpoint_of(settings: Settings) -> Endpoint:
    """The endpoint the settings name.

    Raises:
        UserError: it is no address, holds a secret, or needs a key that is not set.
    """
    base_url = (settings.openai_base_url or HOSTED).rstrip("/")
    try:
        host = urlsplit(base_url).hostname if (urlsplit(base_url).port or 1) > 0 else None
    except ValueError:  # also for a port that is none
        host = None
    if not base_url.startswith(("http://", "https://")) or not host:
        raise UserError(f"OPENAI_BASE_URL={base_url}: not an address", "Give one like http://127.0.0.1:8000/v1.")
    if urlsplit(base_url).username:
        raise UserError("OPENAI_BASE_URL holds a user name", "Put the key into OPENAI_API_KEY; an address is no secret.")
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    if not key and base_url == HOSTED:
        raise UserError(
            "OPENAI_API_KEY is not set, and the teacher is OpenAI's own endpoint",
            "Put OPENAI_API_KEY=… into .env, or name another endpoint with BASE_URL=… (OPENAI_BASE_URL).",
        )
    return Endpoint(base_url, host, key, "max_completion_tokens" if base_url == HOSTED else "max_tokens")


def _start(model: str, endpoint: Endpoint, pace: Pace, settings: Settings) -> Backend:
    from pipeline.llm.backends.chat_completions import ChatCompletions

    return ChatCompletions(model, endpoint.base_url, endpoint.key, endpoint.limit_field, pace, settings)

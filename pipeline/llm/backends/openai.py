"""What a recipe says of a model behind an OpenAI-compatible endpoint: the hosted API, vLLM, llama.cpp, `transformers serve`, ….

The client that asks it is in `chat_completions`, imported when the first call is made: it alone takes half a second.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from pipeline.errors import UserError
from pipeline.llm.ask import Model
from pipeline.llm.backends import Backend
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
    sampling: Sampling = Sampling(temperature=0.7, max_tokens=1024)
    """How it samples, unless a method says otherwise."""
    price: Price | None = None
    """What it costs; unknown unless said."""

    def open(self, settings: Settings) -> Model:
        """The model, ready to be asked."""
        base_url = (settings.openai_base_url or HOSTED).rstrip("/")
        try:
            host = urlsplit(base_url).hostname
        except ValueError:
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
        return Model(
            identity={"provider": host, "model": self.model, "revision": ""},
            name=self.model,
            start=lambda: _start(self.model, base_url, key),
            in_flight=settings.concurrency or IN_FLIGHT,
            price=self.price,
        )


def _start(model: str, base_url: str, key: str) -> Backend:
    from pipeline.llm.backends.chat_completions import ChatCompletions

    # at OpenAI's own endpoint `max_tokens` is deprecated, and newer models refuse it
    return ChatCompletions(model, base_url, key, "max_completion_tokens" if base_url == HOSTED else "max_tokens")

"""What a recipe says of a model that is asked by provider batch files: the requests of live calls, answered within a day for
half the price. Its replies have the keys of live calls, so what was bought one way is never bought again the other.

The queue that asks it is in `batch_queue`, imported when the first call is made.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.llm.backends import Backend
from pipeline.llm.backends.batch_lines import Terms
from pipeline.llm.backends.openai import Endpoint, endpoint_of
from pipeline.llm.model import Model
from pipeline.llm.prices import price_of
from pipeline.llm.request import Price, Sampling
from pipeline.records import Frozen
from pipeline.settings import Settings

IN_FLIGHT = 20_000
"""All requests of a batch wait at once; as many as may wait make the largest batch."""


class BatchModel(Frozen):
    """A model behind an OpenAI-compatible endpoint that takes batch files; where that is, `OPENAI_BASE_URL` says."""

    backend: Literal["batch"]
    """Provider batch files: answers within a day, mostly at half price."""
    model: str = Field(min_length=1)
    """Its name at the endpoint."""
    sampling: Sampling = Sampling(max_tokens=1024)
    """How it samples, unless a method says otherwise. It has no temperature, since some models take none."""
    json_schema: bool = True
    """Whether the endpoint can hold a reply to a JSON schema; if not, the prompt says what is wanted."""
    price: Price | None = None
    """What live calls cost, and `batch_discount`, the share taken off in batch files; from `data/prices.yaml` unless said."""

    def open(self, settings: Settings, terms: Terms = Terms()) -> Model:  # noqa: B008 - frozen
        """The model, ready to be asked."""
        endpoint = endpoint_of(settings)
        identity = {"provider": endpoint.host, "model": self.model, "revision": ""}
        price = self.price or price_of(endpoint.host, self.model, settings)
        return Model(
            identity=identity,
            name=self.model,
            start=lambda: _start(identity, endpoint, settings, terms),
            in_flight=settings.concurrency or IN_FLIGHT,
            price=price.discounted() if price else None,
            json_schema=self.json_schema,
        )


def _start(identity: dict[str, str], endpoint: Endpoint, settings: Settings, terms: Terms) -> Backend:
    from pipeline.llm.backends.batch_queue import BatchQueue

    return BatchQueue(identity, endpoint, settings, terms)

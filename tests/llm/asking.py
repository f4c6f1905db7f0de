"""What the tests of the door share: requests, a model behind a test server, and a door on a store of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.llm.ask import Door
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.budget import Budget
from pipeline.llm.model import Model
from pipeline.llm.request import Price, Request, Sampling
from pipeline.llm.store import Store
from pipeline.records import Message
from pipeline.settings import load_settings


def request(text: str = "How much is 2 + 3?", sample: int = 0, **sampling: Any) -> Request:
    """One user turn."""
    return Request(messages=(Message(role="user", content=text),), sampling=Sampling(**sampling), sample=sample, question=text)


def model(url: str, price: Price | None = None, concurrency: int = 64, key: str | None = None, **settings: Any) -> Model:
    """`small-1` at an address; failing calls are tried again for two seconds unless said."""
    settings = {"patience_seconds": 2.0, **settings}
    loaded = load_settings(openai_base_url=url, concurrency=concurrency, openai_api_key=key, **settings)
    return OpenAIModel(backend="openai", model="small-1", price=price).open(loaded)


def door(folder: Path, budget: Budget | None = None) -> Door:
    """A door whose store lies in `folder`."""
    return Door(Store(folder / "responses.sqlite"), budget or Budget())

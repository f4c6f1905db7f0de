"""What calls cost: `data/prices.yaml`, which people edit, and the bill of a reply.

In: a host and a model's name. Out: its price, or None where nobody wrote it down. What is unknown stays unknown from here to
the report, since a bill of 0 dollars would be believed.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from pipeline.errors import UserError
from pipeline.llm.request import Price, Reply
from pipeline.settings import Settings, project_path

PRICES = "data/prices.yaml"
FREE = Price(input=0.0, output=0.0)
"""The price of a model that runs here or answers from a file."""
DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|20\d{6})$")
"""The end of a name that pins a version."""


class ListedPrice(Price):
    """A price somebody read somewhere on some day."""

    date: datetime.date
    """The day it was read."""
    source: str = Field(min_length=1)
    """Where."""


def price_of(host: str, model: str, settings: Settings) -> Price | None:
    """What a model costs at a host; a dated name falls back to its base name. None where it is not written down.

    Raises:
        UserError: a file of prices is broken.
    """
    there = listed_prices(settings)
    for name in (model, DATED.sub("", model)):
        if (price := there.get((host, name))) is not None:
            return price
    return None


def listed_prices(settings: Settings) -> dict[tuple[str, str], ListedPrice]:
    """All prices by host and model; those of DISTILL_PRICES win.

    Raises:
        UserError: a file of prices is broken, or the one that was named is not there.
    """
    shipped = project_path(PRICES)
    prices = _read(shipped) if shipped.is_file() else {}
    return prices | _read(settings.prices) if settings.prices else prices


def bill(reply: Reply, price: Price | None) -> Reply:
    """The reply with its cost filled in, as far as that is known: not without a price, nor without the provider's count."""
    if reply.cost is not None or price is None or reply.tokens_in is None or reply.tokens_out is None:
        return reply
    return reply.model_copy(update={"cost": price.of(reply.tokens_in, reply.tokens_out, reply.tokens_cached or 0)})


def _read(path: Path) -> dict[tuple[str, str], ListedPrice]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise UserError(f"DISTILL_PRICES={path}: {error.strerror}", f"Name a file of the form of {PRICES}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not YAML: {getattr(error, 'problem', error)}", "Mend the file there.") from None
    return {
        (host, model): _entry(f"{path}: {host}: {model}", values)
        for host, models in _mapping(str(path), raw, "hosts").items()
        for model, values in _mapping(f"{path}: {host}", models, "models").items()
    }


def _mapping(place: str, value: Any, of: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{place}: {value!r} holds no {of}", f"{PRICES} shows the form: host, then model, then its prices.")
    for key in value:
        if not isinstance(key, str):
            raise UserError(f"{place}: {key!r} is read as a {type(key).__name__}, not as a name", "Put it in quotes.")
    return value


def _entry(place: str, values: Any) -> ListedPrice:
    try:
        return ListedPrice.model_validate(values)
    except ValidationError as error:
        lines = [f"{place}: {_explain(problem)}" for problem in error.errors()]
        raise UserError("\n".join(lines), f"The head of {PRICES} says what belongs into an entry.") from None


def _explain(problem: Any) -> str:
    """One problem in words: the field, the value, and what would be right."""
    field = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{field} is missing"
    if problem["type"] == "extra_forbidden":
        return f"{field}: unknown key; known keys: {', '.join(ListedPrice.model_fields)}"
    return f"{field + ': ' if field else ''}{problem['input']!r}: {problem['msg']}"


def dollars(value: float | None) -> str:
    """Two places from a dollar up, four digits below; an unknown price is said, not taken for nothing."""
    if value is None:
        return "unknown"
    return "$0" if value == 0 else f"${value:,.2f}" if value >= 1 else f"${value:.4g}"

"""Where a filter stands in the recipe of a run, and its numbers, one of which is the threshold that somebody may want to move.

In: the name that a filter has in verdicts. Out: its place, counted from 0, and those of its parameters that are numbers. Which
of them its scores are compared with is known to the filter alone.
"""

from __future__ import annotations

import typing
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import UserError
from pipeline.filters.union import Filter
from pipeline.filters.verdicts import filter_names
from pipeline.recipe import read_yaml

FILTERS: TypeAdapter[tuple[Any, ...]] = TypeAdapter(tuple[Filter, ...])


@dataclass(frozen=True)
class Parameters:
    """A filter in a recipe."""

    place: int
    """In `filters` of the recipe, from 0."""
    numbers: dict[str, float | None]
    """What its numbers are now; None where one is left open."""


def parameters_of(folder: Path, name: str) -> Parameters | None:
    """Those of a filter of the run in `folder`; None where its recipe does not tell, or is broken."""
    with suppress(OSError, UserError, ValidationError):
        filters = FILTERS.validate_python(read_yaml(folder / "recipe.yaml").get("filters", ()))
        for place, (each, named) in enumerate(zip(filters, filter_names(filters), strict=True)):
            if named == name:
                numbers = [field for field, info in type(each).model_fields.items() if _counts(info.annotation)]
                return Parameters(place, {field: getattr(each, field) for field in numbers})
    return None


def _counts(annotation: Any) -> bool:
    """Whether a field holds a number, or may."""
    return annotation in (int, float) or any(_counts(each) for each in typing.get_args(annotation) if not isinstance(each, str))

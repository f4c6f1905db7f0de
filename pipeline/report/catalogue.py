"""What can stand in a recipe: each method or filter with a line, its parameters and their defaults."""

from __future__ import annotations

import inspect
import typing
from typing import Any

from pydantic import BaseModel


def catalogue(union: Any, tag: str) -> str:
    """The members of a recipe's union, as lines."""
    lines = []
    for member in _members(union):
        fields = dict(member.model_fields)
        name = typing.get_args(fields.pop(tag).annotation)[0]
        module = inspect.getdoc(inspect.getmodule(member)) or ""
        lines.append(f"{name}: {module.splitlines()[0]}")
        for field, info in fields.items():
            default = "must be given" if info.is_required() else _shown(info.get_default(call_default_factory=True))
            lines.append(f"  {field:18} {default:32} {info.description or ''}")
    return "\n".join(lines)


def _members(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [member for each in typing.get_args(annotation) for member in _members(each)]


def _shown(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    return "-" if value in (None, {}, ()) else str(value)

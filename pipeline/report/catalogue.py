"""What can stand in a recipe: each method, filter or benchmark with a line, its parameters and their defaults.

Where a parameter is a plain value or a mapping, the keys of the mapping follow it.
"""

from __future__ import annotations

import inspect
import typing
from collections import Counter
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

COMMON = {"kinds", "limit", "sampling", "made", "longer", "tag", "tag_place"}
"""Parameters that all of a sort have, where all of them have them; said again where a default is another."""


def catalogue(union: Any, tag: str) -> str:
    """The members of a recipe's union, as lines; what all of them take is said once, before them."""
    shared = common(members(union))
    lines = [f"every {tag} takes", *shared.values()]
    for member in members(union):
        fields = dict(member.model_fields)
        name = typing.get_args(fields.pop(tag).annotation)[0]
        module = inspect.getdoc(inspect.getmodule(member)) or ""
        lines.append(f"{name}: {module.splitlines()[0]}")
        if family := getattr(member, "family", ""):
            lines.append(f"  {'family':18} {family}")
        if source := getattr(member, "source", ""):
            lines.append(f"  {'from':18} {source}")
        for field, info in fields.items():
            if shared.get(field) == _line(field, info):
                continue
            lines += [_line(field, info), *_instead(info.annotation)]
    return "\n".join(lines)


def common(those: list[type[BaseModel]]) -> dict[str, str]:
    """The lines of the parameters that all of them take, with the default that most have."""
    lines: dict[str, str] = {}
    for name in those[0].model_fields:
        if name in COMMON and all(name in each.model_fields for each in those):
            said = Counter(_line(name, each.model_fields[name]) for each in those)
            lines[name] = said.most_common(1)[0][0]
    return lines


def _line(name: str, info: FieldInfo) -> str:
    default = "must be given" if info.is_required() else shown(info.get_default(call_default_factory=True))
    words = " ".join((info.description or "").split())
    if choices := _choices(info.annotation):
        words += f" One of {', '.join(choices)}."
    return f"  {name:18} {default:32} {words}"


def _choices(annotation: Any) -> list[str]:
    """The words a parameter may be, where there are but some."""
    if typing.get_origin(annotation) is typing.Literal:
        return [str(each) for each in typing.get_args(annotation)]
    parts = [part for part in typing.get_args(annotation) if part is not type(None)]
    return _choices(parts[0]) if len(parts) == 1 else []


def _instead(annotation: Any) -> list[str]:
    """The keys of the mapping that may stand in place of a plain value; which models there are is told elsewhere."""
    mappings = members(annotation) if len(typing.get_args(annotation)) > 1 else []
    if len(mappings) > 1:
        return []
    fields = [(name, info) for mapping in mappings for name, info in mapping.model_fields.items()]
    return [_line(f"{'or' if place == 0 else '':>4} {name}", info) for place, (name, info) in enumerate(fields)]


def members(annotation: Any) -> list[type[BaseModel]]:
    """The models of a union, in its order."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [member for each in typing.get_args(annotation) for member in members(each)]


def shown(value: Any) -> str:
    """A default in words."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    return "-" if value in (None, {}, ()) else str(value)

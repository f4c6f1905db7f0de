"""What pydantic says of data that does not fit, in the words of whoever wrote it: path of the field, value, what is right."""

from __future__ import annotations

import typing
from difflib import get_close_matches
from typing import Any, Literal

from pydantic import BaseModel


def explain(problem: Any, root: type[BaseModel]) -> str:
    """One problem in words: the field's path, the value, and what would be right."""
    known = _fields_at(problem["loc"][:-1], root)
    path = ".".join(str(part) for part in _without_tags(problem["loc"], root))
    value = f"{problem['input']!r}"[:80]
    if problem["type"] == "extra_forbidden":
        return f"{path}: unknown key (value {value}); known keys: {', '.join(known)}"
    if problem["type"] == "missing":
        return f"{path}: missing; it must be given"
    if problem["type"] == "union_tag_not_found":
        return f"{path}: {problem['ctx']['discriminator']} is missing in {value}"
    if problem["type"] == "union_tag_invalid":
        tag, there = str(problem["ctx"]["tag"]), problem["ctx"]["expected_tags"]
        near = get_close_matches(f"'{tag}'", there.split(", "), 1)
        return f"{path}: {tag!r} is not known{f'; did you mean {near[0]}?' if near else ''} There are {there}"
    return f"{path}: {value}: {_plainly(problem['msg'])}"


def _plainly(message: str) -> str:
    """What pydantic says, without its own words for things."""
    return message.removeprefix("Value error, ").replace("a valid tuple", "a list").replace("Tuple should", "A list should")


def _without_tags(location: tuple[Any, ...], root: type[BaseModel]) -> list[Any]:
    """The location as a path of the file: the names pydantic adds for the chosen kind are taken out."""
    path: list[Any] = []
    models: list[type[BaseModel]] = [root]
    for part in location:
        fields = [model.model_fields[part] for model in models if part in model.model_fields]
        if fields:
            path.append(part)
            models = [model for field in fields for model in _models_in(field.annotation)]
        elif isinstance(part, int) or not any(_tagged(model, part) for model in models):
            path.append(part)
        else:
            models = [model for model in models if _tagged(model, part)]
    return path


def _fields_at(location: tuple[Any, ...], root: type[BaseModel]) -> list[str]:
    """The keys there may be at a location."""
    models: list[type[BaseModel]] = [root]
    for part in location:
        fields = [model.model_fields[part] for model in models if part in model.model_fields]
        if fields:
            models = [model for field in fields for model in _models_in(field.annotation)]
        elif not isinstance(part, int):
            models = [model for model in models if _tagged(model, part)] or models
    return sorted({name for model in models for name in model.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """All models an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in typing.get_args(annotation) for model in _models_in(each)]


def _tagged(model: type[BaseModel], tag: Any) -> bool:
    """Whether `tag` is what names this model in a union."""
    return any(
        typing.get_origin(field.annotation) is Literal and tag in typing.get_args(field.annotation)
        for field in model.model_fields.values()
    )

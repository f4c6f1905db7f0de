"""What can stand in a recipe: each method, filter or benchmark with a line, its parameters and their defaults.

In: a union of models. Out: lines no longer than the terminal is wide, families of methods one after the other. What the page
on methods needs, too, is here: which members there are, what their modules' docstrings say, and defaults in words.
"""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
import typing
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

FAMILIES = (
    "in context", "chain of thought", "instruction following", "symbolic and counterfactual", "beyond one view",
)  # fmt: skip
"""Of methods: first those of the survey (arXiv 2407.01885), in its order."""
COMMON = {"kinds", "limit", "sampling", "made", "longer", "tag", "tag_place"}
"""Parameters that all of a sort have, where all of them have them; said again where a default is another."""
PARTS = ("For", "Learns", "Filters", "Source", "Here")
"""What the docstring of a method's module says behind its first line: when to use it, what the student reads and learns, the
filters it needs, the paper, and how it is done here, with what differs."""
PART = re.compile(rf"^({'|'.join(PARTS)}): (.*(?:\n +.*)*)", flags=re.MULTILINE)
Told = tuple[str, str, str]
"""A parameter's name, default and meaning."""
INDENT, NAMES, WIDEST = 2, 36, 120
"""Columns: before a parameter, before what it means, and in all."""


def catalogue(union: Any, tag: str, width: int | None = None) -> str:
    """The members of a recipe's union, as lines; what all of them take is said once, before them.

    Args:
        width: columns of a line; the terminal's unless said.
    """
    width = min(width or shutil.get_terminal_size((100, 24)).columns, WIDEST)
    there = members(union)
    shared, instead = common(there), _shared_mappings(there)
    lines = [f"every {tag} takes", *(line for told in shared.values() for line in _columns(*told, width))]
    for mapping, name in instead.items():
        lines += ["", f"`{name}` may also be a mapping"]
        lines += [line for field, info in mapping.model_fields.items() for line in _columns(*_told(field, info), width)]
    family = None
    for member in in_families(there):
        if (its := getattr(member, "family", None)) != family:
            family = its
            lines += ["", str(family).upper()]
        lines += ["", *_member(member, tag, shared, instead, width)]
    return "\n".join(lines)


def _member(
    member: type[BaseModel], tag: str, shared: dict[str, Told], instead: dict[type[BaseModel], str], width: int
) -> list[str]:  # fmt: skip
    """One member: its name and line, when to use it, where it is from, its own parameters."""
    lines = textwrap.wrap(f"{name_of(member, tag)}: {first_line(member)}", width, subsequent_indent=" " * INDENT)
    told = {"for": parts_of(member).get("For", ""), "from": getattr(member, "source", "")}
    lines += [line for name, words in told.items() if words for line in _columns(name, "", words, width, 8)]
    for field, info in member.model_fields.items():
        if field == tag or shared.get(field) == _told(field, info):
            continue
        lines += _columns(*_told(field, info), width)
        for mapping in _mappings(info.annotation):
            if mapping not in instead:
                fields = mapping.model_fields.items()
                lines += [each for name, its in fields for each in _columns(f"  .{name}", *_told(name, its)[1:], width)]
    return lines


def in_families(those: Sequence[type[BaseModel]]) -> list[type[BaseModel]]:
    """Methods family by family; others as they are."""
    families = [*FAMILIES, *sorted({str(getattr(each, "family", "")) for each in those} - set(FAMILIES))]
    return sorted(those, key=lambda each: families.index(str(getattr(each, "family", ""))))


def name_of(member: type[BaseModel], tag: str) -> str:
    """What a recipe calls it."""
    return str(typing.get_args(member.model_fields[tag].annotation)[0])


def first_line(member: type[BaseModel]) -> str:
    """What it is: the first line of the docstring of its module."""
    return _docstring(member).partition("\n\n")[0].replace("\n", " ")


def parts_of(member: type[BaseModel]) -> dict[str, str]:
    """What the docstring of a method's module says under each of its headings."""
    return {label: " ".join(words.split()) for label, words in PART.findall(_docstring(member))}


def _docstring(member: type[BaseModel]) -> str:
    return inspect.getdoc(inspect.getmodule(member)) or ""


def common(those: list[type[BaseModel]]) -> dict[str, Told]:
    """The parameters that all of them take, with the default that most have."""
    found: dict[str, Told] = {}
    for name in those[0].model_fields:
        if name in COMMON and all(name in each.model_fields for each in those):
            said = Counter(_told(name, each.model_fields[name]) for each in those)
            found[name] = said.most_common(1)[0][0]
    return found


def _columns(name: str, default: str, words: str, width: int, column: int = NAMES) -> list[str]:
    """A parameter in columns: name, default, and behind them or below what it means."""
    head = f"{'':{INDENT}}{name:18} {default}".rstrip() if column == NAMES else f"{'':{INDENT}}{name}"
    meaning = textwrap.wrap(words, max(width - column, 24), break_on_hyphens=False)
    lines = [f"{'':{column}}{line}" for line in meaning]
    if len(head) < column and lines:
        return [f"{head:{column}}{meaning[0]}", *lines[1:]]
    return [*textwrap.wrap(head, width, subsequent_indent=" " * (INDENT + 2), drop_whitespace=False), *lines]


def _told(name: str, info: FieldInfo) -> Told:
    """A parameter's name, default and meaning."""
    default = "must be given" if info.is_required() else shown(info.get_default(call_default_factory=True))
    return name, default, meaning(info)


def meaning(info: FieldInfo) -> str:
    """What a parameter means, and which words it may be."""
    words = " ".join((info.description or "").split())
    if choices := _choices(info.annotation):
        words += f" One of {', '.join(choices)}."
    return words


def _choices(annotation: Any) -> list[str]:
    """The words a parameter may be, where there are but some."""
    if typing.get_origin(annotation) is typing.Literal:
        return [str(each) for each in typing.get_args(annotation)]
    parts = [part for part in typing.get_args(annotation) if part is not type(None)]
    return _choices(parts[0]) if len(parts) == 1 else []


def _mappings(annotation: Any) -> list[type[BaseModel]]:
    """The mapping that may stand in place of a plain value; which models there are is told elsewhere."""
    found = members(annotation) if len(typing.get_args(annotation)) > 1 else []
    return found if len(found) == 1 else []


def _shared_mappings(those: Sequence[type[BaseModel]]) -> dict[type[BaseModel], str]:
    """The mappings that several may have in place of a plain value, each with the name of that parameter."""
    fields = [(name, info) for each in those for name, info in each.model_fields.items()]
    found = [(mapping, name) for name, info in fields for mapping in _mappings(info.annotation)]
    count = Counter(mapping for mapping, _ in found)
    return {mapping: name for mapping, name in reversed(found) if count[mapping] > 1}


def members(annotation: Any) -> list[type[BaseModel]]:
    """The models of a union, in its order."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [member for each in typing.get_args(annotation) for member in members(each)]


def shown(value: Any) -> str:
    """A default as a recipe would have it, without brackets."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    if value in (None, {}, (), ""):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(each)}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)

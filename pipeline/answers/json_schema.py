"""Whether a JSON value fits a JSON schema of any draft; nothing is fetched, no pattern hangs, no branching lasts.

In: a schema as JSON text, then values. Out: the first fault, or None. Patterns are matched by the regex engine of pydantic, in
time linear in the text; each keyword looked at is counted, and a value that needs too many is given up. `format` is an
annotation, as the specification has it, and is not checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any

import referencing
import referencing.exceptions
import referencing.jsonschema
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError as BrokenSchema
from jsonschema.exceptions import ValidationError as Fault
from jsonschema.validators import extend, validator_for
from jsonschema_specifications import REGISTRY
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import SchemaError as PatternError

Check = Callable[[Any, Any, Any, Any], Iterator[Fault] | None]
BUDGET = 200_000
"""Keywords looked at for one value, about a second; matching a pattern costs by its length and the text's."""
STATES_A_KEYWORD = 500
"""States of a pattern times characters that take as long as one keyword: 13 ns each."""
PAIRS_A_KEYWORD = 50
"""`unevaluatedProperties` and `unevaluatedItems` compare each with each."""
COUNT = re.compile(r"(?P<after>.?)\{(?P<low>\d{1,6})(?P<comma>,(?P<high>\d{0,6}))?\}", flags=re.DOTALL)
_left: ContextVar[int] = ContextVar("_left", default=BUDGET)


class TooMuch(ValueError):
    """The value needs more looking at than the budget has."""


class Checker:
    """One schema, ready to be held against values."""

    def __init__(self, schema: Any) -> None:
        """Reads a schema.

        Raises:
            ValueError: it is broken, or asks for what cannot be done in safety; the message tells the place and why.
        """
        draft = _draft(schema)
        try:
            draft.check_schema(schema, format_checker=None)  # Python's `re` would refuse \p{L}
            _check_parts(draft, schema)
        except BrokenSchema as error:
            raise ValueError(f"{error.json_path}: {error.message[:200]}") from None
        except RecursionError:
            raise ValueError("nested too deeply") from None
        bare = {key: value for key, value in schema.items() if key != "$schema"} if isinstance(schema, dict) else schema
        # REGISTRY has the drafts and fetches nothing; with $schema, `$ref: "#"` would be unguarded
        self._validator = _guarded(draft)(bare, registry=REGISTRY)

    def fault(self, value: Any) -> str | None:
        """The first fault of a value, with its place, or None where it fits.

        Raises:
            ValueError: nobody can tell; it needs too much time, or holds what no pattern can be matched with.
            RecursionError: it is nested too deeply.
        """
        token = _left.set(BUDGET)
        try:
            first = next(self._validator.iter_errors(value), None)
        finally:
            _left.reset(token)
        return f"{first.json_path[:80]}: {first.message[:120]}" if first else None


@lru_cache(maxsize=256)
def checker(schema: str) -> Checker:
    """The checker of a schema that is JSON text."""
    return Checker(json.loads(schema))


def _draft(schema: Any) -> Any:
    """The validator class of the draft that `$schema` names, the newest where it names none."""
    if isinstance(schema, bool):
        return Draft202012Validator
    if not isinstance(schema, dict):
        raise ValueError(f"a schema is a mapping, true or false, not {type(schema).__name__}")
    if "$schema" not in schema:
        return Draft202012Validator
    try:
        referencing.jsonschema.specification_with(schema["$schema"])
    except (referencing.jsonschema.UnknownDialect, AttributeError):
        raise ValueError(f"$.$schema: unknown draft {str(schema['$schema'])[:80]!r}") from None
    return validator_for(schema)


def _check_parts(draft: Any, schema: Any) -> None:
    """Refuses, in any part of the schema, references out of it and patterns that cannot be matched in linear time."""
    specification = referencing.jsonschema.specification_with(draft.ID_OF(draft.META_SCHEMA))
    root = specification.create_resource(schema)
    waiting = [(root, REGISTRY.resolver_with_root(root))]
    keywords: set[str] = set()
    while waiting:
        part, resolver = waiting.pop()
        if isinstance(part.contents, dict):
            _check_part(part.contents, resolver, part is root)
            keywords.update(part.contents)
            waiting.extend((each, resolver.in_subresource(each)) for each in part.subresources())
    if {"unevaluatedProperties", "patternProperties"} <= keywords:
        raise ValueError("unevaluatedProperties beside patternProperties: such patterns could not be matched in safety")


def _check_part(part: Mapping[str, Any], resolver: Any, is_root: bool) -> None:
    if "$schema" in part and not is_root:
        raise ValueError("$schema: only at the top of the schema")
    for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
        if isinstance(reference := part.get(keyword), str):
            try:
                resolver.lookup(reference)
            except (referencing.exceptions.Unresolvable, ValueError):
                raise ValueError(f"{keyword} {reference[:80]!r}: not in this schema, and nothing is fetched") from None
    for pattern in [part.get("pattern"), *part.get("patternProperties", ())]:
        if isinstance(pattern, str):
            _matcher(pattern)


@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> TypeAdapter[str]:
    try:
        return TypeAdapter(Annotated[str, Field(pattern=pattern)])
    except PatternError as error:
        why = " ".join(str(error).rpartition("error: ")[2].split())
        raise ValueError(f"pattern {pattern[:80]!r}: {why[:120]}") from None


@lru_cache(maxsize=1024)
def _states(pattern: str) -> int:
    """At most so many states has a pattern: every sign of it, under every count of a group, and the largest of a sign."""
    of_groups, of_signs = 1, 1
    for found in COUNT.finditer(pattern):
        count = max(int(found["low"]), int(found["high"] or 0), 1)
        if found["after"] in ")}":
            of_groups *= count
        else:
            of_signs = max(of_signs, count)
    return len(pattern) * of_groups * of_signs


def _matches(pattern: str, text: str) -> bool:
    _spend(1 + _states(pattern) * len(text) // STATES_A_KEYWORD)
    try:
        _matcher(pattern).validate_python(text)
    except ValidationError as error:
        if error.errors()[0]["type"] != "string_pattern_mismatch":
            raise ValueError("half a character, which no pattern can be matched with") from None
        return False
    return True


def _spend(keywords: int) -> None:
    left = _left.get() - keywords
    if left < 0:
        raise TooMuch("it would take too long")
    _left.set(left)


@lru_cache(maxsize=16)
def _guarded(draft: Any) -> Any:
    """The validator class of a draft in which every keyword counts, and what could hang is ours."""
    ours = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    checks = {name: ours.get(name, check) for name, check in draft.VALIDATORS.items()}
    counted = {name: _counted(name, check) for name, check in checks.items()}
    return extend(draft, counted)  # type: ignore[no-untyped-call]


def _counted(name: str, check: Check) -> Check:
    each_with_each = name.startswith("unevaluated")

    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Fault] | None:
        size = len(instance) if isinstance(instance, dict | list) else 0
        _spend(1 + (size * size // PAIRS_A_KEYWORD if each_with_each else 0))
        return check(validator, value, instance, schema)

    return counted


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Fault]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield Fault(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, parts: Mapping[str, Any], instance: Any, schema: Any) -> Iterator[Fault]:
    if isinstance(instance, dict):
        for pattern, part in parts.items():
            for name, value in instance.items():
                if _matches(pattern, name):
                    yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, part: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(instance, dict):
        return
    for name, value in instance.items():
        if name not in schema.get("properties", {}) and not any(_matches(p, name) for p in schema.get("patternProperties", ())):
            if part is False:
                yield Fault(f"{name!r} is not among the properties")
            else:
                yield from validator.descend(value, part, path=name)


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[Fault]:
    if wanted and isinstance(instance, list):
        _spend(len(instance))
        keys = sorted(_key(value) for value in instance)
        if any(one == other for one, other in pairwise(keys)):
            yield Fault("an item stands there twice")


def _key(value: Any) -> str:
    """The same text for what JSON schema calls equal: 1 is 1.0, and is not true."""
    return json.dumps(_with_whole_numbers(value), sort_keys=True)


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_whole_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value

"""JSON schemas: what fits, what is refused, and that nothing hangs, is fetched, or depends on the order of a set."""

from __future__ import annotations

import json
import socket
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pipeline.answers.json_schema import Checker, TooMuch, _states, checker

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
TREE = {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#"}}}, "additionalProperties": False}
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2).map(lambda number: round(number)) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("schema", "value", "place"),
    [
        (PERSON, {"name": "Ada", "age": 36}, None),
        (PERSON, {"name": "Ada", "age": "36"}, "$.age"),
        (PERSON, {"age": 36}, "$"),
        (PERSON, {"name": "Ada", "born": 1815}, "$"),
        (TREE, {"below": [{"below": []}, {}]}, None),
        (TREE, {"below": [{"below": [{"above": 1}]}]}, "$.below[0].below[0]"),
        ({"$defs": {"n": {"type": "number"}}, "items": {"$ref": "#/$defs/n"}}, [1, 2.5], None),
        ({"$defs": {"n": {"type": "number"}}, "items": {"$ref": "#/$defs/n"}}, [1, "2"], "$[1]"),
        ({"$schema": DRAFT_7, "items": [{"type": "integer"}], "additionalItems": False}, [1, 2], "$"),
        ({"$schema": DRAFT_7, "properties": {"$schema": {"type": "string"}}}, {"$schema": 1}, "$['$schema']"),
        ({"pattern": "^[a-z]+$"}, "abc", None),
        ({"pattern": "^[a-z]+$"}, "abC", "$"),
        ({"pattern": r"^\p{L}+$"}, "é", None),
        ({"$schema": DRAFT_7, "items": {"$ref": "#"}, "pattern": r"^\p{L}+$"}, ["é", "1"], "$[1]"),
        (
            {"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": {"type": "string"}},
            {"n_a": 1, "b": "c"},
            None,
        ),
        ({"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": False}, {"n_a": "1"}, "$.n_a"),
        ({"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": False}, {"b": 1}, "$"),
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"a": True}}]}, {"a": 1, "b": 2}, "$"),
        ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}], None),
        ({"uniqueItems": True}, [{"a": [1]}, 2, {"a": [1.0]}], "$"),
        ({"format": "date"}, "no date", None),
        (True, [1], None),
        (False, [1], "$"),
    ],
)
def test_fits(schema: Any, value: Any, place: str | None) -> None:
    fault = Checker(schema).fault(value)
    assert (fault and fault.partition(": ")[0]) == place


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ([], "a schema is a mapping"),
        ({"type": "text"}, r"\$\.type: 'text' is not valid"),
        ({"properties": {"a": {"minimum": "0"}}}, r"\$\.properties\.a\.minimum"),
        ({"$schema": "https://example.com/mine"}, "unknown draft"),
        ({"$schema": 7}, "unknown draft"),
        ({"$ref": "https://example.com/schema.json"}, "nothing is fetched"),
        ({"$ref": "#/$defs/missing"}, "not in this schema"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, "nothing is fetched"),
        ({"properties": {"a": {"$schema": DRAFT_7}}}, "only at the top"),
        ({"items": {"pattern": "(?=a)a"}}, "look-around"),
        ({"patternProperties": {r"(a)\1": True}}, "backreferences"),
        ({"pattern": "("}, "unclosed"),
        ({"patternProperties": {"a": True}, "anyOf": [{"unevaluatedProperties": False}]}, "beside patternProperties"),
    ],
)
def test_broken_schemas_are_refused(schema: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Checker(schema)


def test_a_schema_nested_too_deeply_is_refused() -> None:
    schema: Any = True
    for _ in range(3000):
        schema = {"not": schema}
    with pytest.raises(ValueError, match="too deeply"):
        Checker(schema)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ValueError, match="nothing is fetched"):
        Checker({"$id": "http://127.0.0.1:9/a.json", "items": {"$ref": "b.json"}})


DOUBLING = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {"type": "integer"}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$defs": DOUBLING, "$ref": "#/$defs/d0"}, 1),
        ({"pattern": "(?:a{1,200}){1,200}z"}, "a" * 100_000),
        ({"propertyNames": {"pattern": "(?:a{1,100}){1,300}z"}}, {"a" * 50_000: 1}),
        ({"unevaluatedProperties": {"type": "integer"}}, {str(n): n for n in range(100_000)}),
        ({"items": {"type": "integer"}}, [1] * 1_000_000),
    ],
)
def test_what_takes_too_long_is_given_up(schema: Any, value: Any) -> None:
    started = process_time()
    with pytest.raises(TooMuch):
        Checker(schema).fault(value)
    assert process_time() - started < 10


@pytest.mark.parametrize("pattern", ["(a+)+$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*b"])
def test_patterns_that_backtrack_without_end_do_not_hang(pattern: str) -> None:
    started = process_time()
    for schema in ({"pattern": pattern}, {"additionalProperties": False, "patternProperties": {pattern: True}}):
        text = "x" * 10_000 + "!"
        assert Checker(schema).fault(text if "pattern" in schema else {text: 1})
    assert process_time() - started < 6


@pytest.mark.parametrize(
    ("pattern", "states"), [("^[a-z]+$", 8), ("a{3}", 12), ("(?:a{1,200}){1,200}z", 20 * 40_000), ("(ab){2,}{3}", 11 * 6)]
)
def test_states_of_a_pattern(pattern: str, states: int) -> None:
    assert _states(pattern) == states


def test_a_list_of_different_objects_is_checked_in_linear_time() -> None:
    started = process_time()
    assert Checker({"uniqueItems": True}).fault([{"a": n} for n in range(50_000)]) is None
    assert process_time() - started < 6


def test_half_a_character_is_no_mismatch() -> None:
    with pytest.raises(ValueError, match="half a character"):
        Checker({"pattern": "a"}).fault("\ud800")


def test_the_first_fault_is_always_the_same() -> None:
    schema = {"additionalProperties": {"type": "integer"}}
    assert Checker(schema).fault({"b": "x", "a": "y"}) == "$.b: 'x' is not of type 'integer'"


@given(values, values)
def test_unique_items_as_the_library_has_it(one: Any, other: Any) -> None:
    schema = {"uniqueItems": True}
    ours = checker(json.dumps(schema)).fault([one, other]) is None
    assert ours == Draft202012Validator(schema).is_valid([one, other])


@given(st.dictionaries(st.sampled_from(["a", "n_a", "b"]), values), st.booleans())
def test_additional_properties_as_the_library_has_it(value: Any, wanted: bool) -> None:
    schema = {
        "properties": {"a": {"type": "integer"}},
        "patternProperties": {"^n_": {"type": "null"}},
        "additionalProperties": wanted,
    }
    ours = checker(json.dumps(schema)).fault(value) is None
    assert ours == Draft202012Validator(schema).is_valid(value)

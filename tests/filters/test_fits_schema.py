"""JSON replies against the recipe's schema, a file's, or the task's; a broken schema is refused when the recipe is read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters.fits_schema import FitsSchema, read_json
from pipeline.filters.verdicts import Word, word_of
from tests.rows import make_sample, make_task

SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
INLINE = FitsSchema(filter="fits_schema", json_schema=SCHEMA)


def judge(reply: str, condition: FitsSchema = INLINE, **extra: Any) -> Word:
    return word_of(condition, make_task(extra=extra), make_sample(reply))


@pytest.mark.parametrize(
    ("reply", "decision", "reason"),
    [
        ('{"answer": 7}', "keep", "fits the schema"),
        (' \n{"answer": 7}\n', "keep", "fits the schema"),
        ('```json\n{"answer": 7}\n```', "keep", "fits the schema"),
        ('Here it is:\n```\n{"answer": 7}\n```\nGood luck.', "keep", "fits the schema"),
        ('{"answer": 7, "why": "a ``` b"}', "keep", "fits the schema"),
        ('{"answer": "7"}', "drop", "does not fit the schema"),
        ("[]", "drop", "does not fit the schema"),
        ("7", "drop", "does not fit the schema"),
        ("", "drop", "not JSON"),
        ("The answer is 7.", "drop", "not JSON"),
        ('{"answer": 7', "drop", "not JSON"),
        ("{'answer': 7}", "drop", "not JSON"),
        ('{"answer": NaN}', "drop", "not JSON"),
        ('```json\n{"answer": 7}\n```\n```json\n{"answer": 8}\n```', "drop", "not JSON"),
        ('```json\n{"answer": 7}', "drop", "not JSON"),
        ('{"answer": 1e999}', "unverifiable", "JSON that cannot be read"),
        ('{"answer": ' + "9" * 5000 + "}", "unverifiable", "JSON that cannot be read"),
        ("[" * 100_000, "unverifiable", "JSON that cannot be read"),
    ],
)
def test_replies(reply: str, decision: str, reason: str) -> None:
    word = judge(reply)
    assert (word.decision, word.reason) == (decision, reason)
    assert word.score == {"keep": 1.0, "drop": 0.0, "unverifiable": None}[decision]
    assert len(word.detail) <= 210


def test_the_place_of_a_fault() -> None:
    assert judge('{"answer": "7"}').detail == "$.answer: '7' is not of type 'integer'"


def test_the_schema_of_a_task() -> None:
    own = FitsSchema(filter="fits_schema")
    assert judge('{"answer": 7}', own, schema=SCHEMA).decision == "keep"
    assert judge('{"answer": 7}', own, schema=json.dumps(SCHEMA)).decision == "keep"
    assert judge('{"answer": 7}', own, schema=False).decision == "drop"
    assert judge('{"answer": 7}', own).reason == "the task has no schema"
    for broken in ("{", {"type": "text"}, {"$ref": "https://example.com/a.json"}, 7, ["a"]):
        word = judge('{"answer": 7}', own, schema=broken)
        assert (word.decision, word.reason) == ("unverifiable", "the schema is broken") and word.detail


def test_the_schema_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(SCHEMA))
    condition = FitsSchema(filter="fits_schema", path=path)
    assert judge('{"answer": 7}', condition).decision == "keep"
    before = condition.rests_on()
    path.write_text("false")
    os.utime(path, ns=(1, 1))
    assert judge('{"answer": 7}', condition).decision == "drop"
    assert condition.rests_on() != before
    path.unlink()
    assert judge('{"answer": 7}', condition).reason == "the schema is broken"
    with pytest.raises(UserError, match="does not exist"):
        condition.rests_on()
    assert INLINE.rests_on() == []


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "text"}, r"json_schema\n.*\$\.type: 'text' is not valid"),
        ({"items": {"$ref": "https://example.com/a.json"}}, "nothing is fetched"),
        ({"pattern": "(?<=a)b"}, "look-around"),
        ({"const": object()}, "not JSON"),
        ([], "json_schema"),
    ],
)
def test_a_broken_schema_is_refused(schema: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        FitsSchema(filter="fits_schema", json_schema=schema)


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    with pytest.raises(ValidationError, match=r"path\n.*schema\.json: No such file"):
        FitsSchema(filter="fits_schema", path=path)
    path.write_text("{")
    with pytest.raises(ValidationError, match=r"schema\.json: not JSON"):
        FitsSchema(filter="fits_schema", path=path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValidationError, match=r"schema\.json: not JSON"):
        FitsSchema(filter="fits_schema", path=path)
    path.write_text('{"type": "text"}')
    with pytest.raises(ValidationError, match=r"\$\.type"):
        FitsSchema(filter="fits_schema", path=path)
    path.write_text("true")
    with pytest.raises(ValidationError, match="one of them is enough"):
        FitsSchema(filter="fits_schema", path=path, json_schema=True)


def test_it_comes_back_from_a_recipe_as_it_went() -> None:
    assert FitsSchema.model_validate_json(INLINE.model_dump_json()) == INLINE


def test_a_value_that_cannot_be_checked() -> None:
    doubling = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": True}
    bomb = FitsSchema(filter="fits_schema", json_schema={"$defs": doubling, "$ref": "#/$defs/d0"})
    word = judge("1", bomb)
    assert (word.reason, word.detail) == ("the schema could not be checked", "TooMuch: it would take too long")
    endless = FitsSchema(filter="fits_schema", json_schema={"$ref": "#"})
    assert judge("1", endless).reason == "the schema could not be checked"
    tree = FitsSchema(filter="fits_schema", json_schema={"items": {"$ref": "#"}})
    assert judge("[" * 900 + "]" * 900, tree).decision == "unverifiable"
    assert judge('"\\ud800"', FitsSchema(filter="fits_schema", json_schema={"pattern": "a"})).decision == "unverifiable"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_json_is_read_back(value: Any) -> None:
    assert read_json(json.dumps(value)) == value
    if "```" not in json.dumps(value):
        assert read_json(f"So:\n```json\n{json.dumps(value)}\n```\n") == value

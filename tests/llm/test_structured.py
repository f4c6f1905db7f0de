"""Shapes, the schemas they are sent as, what counts as an object of theirs, and the words for models that know no schemas."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from pipeline.identity import canonical_json
from pipeline.llm.structured import PROBLEMS, explained, format_of, read_object, shape_of, without_format
from pipeline.prompts import Prompt
from pipeline.records import Message

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(), "integer": st.integers(-(10**30), 10**30), "boolean": st.booleans(), "strings": st.lists(st.text()),
    "number": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
}  # fmt: skip
FIELDS = st.dictionaries(st.text(min_size=1), st.sampled_from(sorted(VALUES)), min_size=1, max_size=5)
OBJECTS = FIELDS.flatmap(
    lambda fields: st.tuples(st.just(fields), st.fixed_dictionaries({name: VALUES[kind] for name, kind in fields.items()}))
)
STEPS = {"rationale": "string", "answer": "integer"}


class Point(BaseModel):
    """Part of a judgement."""

    title: str
    default: float = 0.5


class Judgement(BaseModel):
    """What a judge says."""

    properties: list[Point] = Field(description="Point by point.")
    score: int | None = None


@settings(deadline=None)
@given(OBJECTS)
def test_an_object_comes_back_in_the_order_of_its_fields(given_object: tuple[dict[str, Any], dict[str, Any]]) -> None:
    fields, value = given_object
    shape = shape_of(fields)
    texts = (
        json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False), f"\n {json.dumps(dict(reversed(value.items())))} ",
        f"```json\n{json.dumps(value, indent=1)}\n```", f"Here it is:\r\n\r\n```\r\n{json.dumps(value)}\n```\nThat is all.",
    )  # fmt: skip
    written = {read_object(text, shape).model_dump_json(by_alias=True) for text in texts}
    assert len(written) == 1
    back = json.loads(written.pop())
    assert list(back) == list(fields)
    assert all(type(back[key]) is type(value[key]) for key in fields)
    assert all(math.isclose(back[k], v, rel_tol=1e-15) if isinstance(v, float) else back[k] == v for k, v in value.items())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the reply: Invalid JSON"),
        ("four", "the reply: Invalid JSON"),
        ('{"rationale": "r", "answer": 4', "the reply: Invalid JSON"),
        ('[{"rationale": "r", "answer": 4}]', "the reply: Input should be an object"),
        ('{"rationale": "r"}', "answer: Field required"),
        ('{"rationale": "r", "answer": "4"}', "answer: Input should be a valid integer"),
        ('{"rationale": "r", "answer": true}', "answer: Input should be a valid integer"),
        ('{"rationale": "r", "answer": 4.5}', "answer: Input should be a valid integer"),
        ('{"rationale": null, "answer": 4}', "rationale: Input should be a valid string"),
        ('{"rationale": "r", "answer": 4, "more": 1}', "more: Extra inputs are not permitted"),
        ('{"rationale": "\\ud800", "answer": 4}', "the reply: Invalid JSON"),
        ("```json\n{}\n```\n```json\n{}\n```", "the reply: Invalid JSON"),
        ("[" * 100_000, "the reply: Invalid JSON"),
    ],
)
def test_what_is_no_object_of_the_shape(text: str, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read_object(text, shape_of(STEPS))
    assert explained(caught.value).startswith(f"- {problem}")


@settings(deadline=None)
@given(st.text() | st.text('{}[]",:`json1 \n'))
def test_any_text_is_an_object_or_explained(text: str) -> None:
    try:
        read_object(text, shape_of(STEPS))
    except ValidationError as error:
        assert 1 <= len(explained(error).splitlines()) <= PROBLEMS


def test_the_format_is_written_alike_everywhere() -> None:
    schema = (
        '{"additionalProperties":false,"properties":{"rationale":{"type":"string"},"answer":{"type":"integer"},'
        '"share":{"type":"number"},"sure":{"type":"boolean"},"steps":{"items":{"type":"string"},"type":"array"}},'
        '"type":"object","required":["rationale","answer","share","sure","steps"]}'
    )
    shape = shape_of({**STEPS, "share": "number", "sure": "boolean", "steps": "strings"})
    assert shape is shape_of({**STEPS, "share": "number", "sure": "boolean", "steps": "strings"})
    wanted = {"type": "json_schema", "json_schema": {"name": "Reply", "strict": True, "schema": json.loads(schema)}}
    assert format_of(shape) == wanted
    [message] = without_format(prompt("Sum?"), format_of(shape)).messages
    assert message.content.endswith(schema)
    turned = dict(reversed(STEPS.items()))
    assert canonical_json(format_of(shape_of(STEPS))) != canonical_json(format_of(shape_of(turned))), "the order is in the key"


def test_any_model_can_be_a_shape() -> None:
    schema = format_of(Judgement)["json_schema"]["schema"]
    point = schema["$defs"]["Point"]
    assert point["required"] == ["title", "default"] and point["additionalProperties"] is False
    assert point["properties"] == {"title": {"type": "string"}, "default": {"type": "number"}}
    assert schema["required"] == ["properties", "score"]
    assert schema["properties"]["properties"]["items"] == {"$ref": "#/$defs/Point"}
    assert schema["properties"]["properties"]["description"] == "Point by point."
    assert schema["properties"]["score"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert read_object('{"properties": [{"title": "t", "default": 1}], "score": null}', Judgement).properties[0].title == "t"


def prompt(*contents: str, system: str = "") -> Prompt:
    turns = [Message(role="assistant" if place % 2 else "user", content=text) for place, text in enumerate(contents)]
    first = [Message(role="system", content=system)] if system else []
    return Prompt((*first, *turns), "template", "hash")


def test_without_a_format_the_first_message_says_it() -> None:
    plain = without_format(prompt("Sum?", "4", "Sure?", system="Be kind."), format_of(shape_of(STEPS)))
    assert (plain.template, plain.template_hash) == ("template", "hash")
    assert plain.messages[0].role == "system" and plain.messages[0].content.startswith("Be kind.\n\nAnswer with a JSON object")
    assert '"required":["rationale","answer"]' in plain.messages[0].content
    assert plain.messages[1:] == prompt("Sum?", "4", "Sure?").messages
    user, *turns = without_format(prompt("Sum?", "4", "Sure?"), {"type": "json_object"}).messages
    assert (user.role, user.content) == ("user", "Sum?\n\nAnswer with a JSON object and nothing else.")
    assert turns == list(prompt("Sum?", "4", "Sure?").messages[1:])

"""Replies that are JSON objects: asked for by their shape, checked, and asked for again with what is wrong, a few times.

In: an `ask`, a prompt, and the shape as a pydantic model. Out: the last response, and the object in it or None. Whoever asks
always says the shape as `response_format`; where the endpoint cannot hold a reply to a schema, `without_format` puts it into
the prompt instead. Both replies are checked, since some endpoints leave out what they do not know and say nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, create_model

from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.prompts import Prompt
from pipeline.records import Message, Response, Task

REPAIRS = 2
"""How often a reply that does not fit is asked for again."""
INVALID = "invalid"
"""How a reply ended that came to its end and is not what was asked for."""
PROBLEMS = 5
"""As many are told at once; a reply that is wrong in more ways is wrong altogether."""
FENCED = re.compile(r"```(?:json)?[ \t\r]*\n(.*?)\n[ \t]*```", flags=re.DOTALL | re.IGNORECASE)
"""What is in a code fence; JSON has no line breaks within texts, so a fence within a text is none."""

FieldKind = Literal["string", "integer", "number", "boolean", "strings"]
Number = Annotated[int | float, WithJsonSchema({"type": "number"})]
"""4 stays 4 and does not become 4.0."""
KINDS: dict[FieldKind, Any] = {"string": str, "integer": int, "number": Number, "boolean": bool, "strings": list[str]}
Shape = TypeVar("Shape", bound=BaseModel)


async def ask_object(
    ask: Ask, prompt: Prompt, shape: type[Shape], *, task: Task, sample: int = 0, sampling: Sampling | None = None,
    role: str = "teacher",
) -> tuple[Response, Shape | None]:  # fmt: skip
    """The last response and the object it holds, or None where also the last does not fit.

    A reply that does not fit is put before the model with what is wrong in it, `REPAIRS` times at most.
    """
    for left in reversed(range(REPAIRS + 1)):
        response = await ask(prompt, task=task, sample=sample, sampling=sampling, role=role, response_format=format_of(shape))
        try:
            return response, read_object(response.text or "", shape)
        except ValidationError as error:
            if not left or not _mendable(response):
                break
            prompt = _with_complaint(prompt, response.text or "", explained(error), shape)
    return response, None


def _mendable(response: Response) -> bool:
    """Whether asking again may help: what is cut off, empty, owed or recorded would come back the same."""
    return response.finish == "stop" and bool((response.text or "").strip()) and response.provider != "recorded"


class AskForObjects:
    """An `Ask` whose replies are objects of one shape, all written alike; the finish of one that is none is `invalid`."""

    def __init__(self, ask: Ask, shape: type[BaseModel]) -> None:
        self._ask, self._shape = ask, shape

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        response, found = await ask_object(
            self._ask, prompt, self._shape, task=task, sample=sample, sampling=sampling, role=role
        )
        if found is not None:
            return response.model_copy(update={"text": found.model_dump_json(by_alias=True)})
        return response.model_copy(update={"finish": INVALID}) if response.finish == "stop" else response


def shape_of(fields: Mapping[str, FieldKind]) -> type[BaseModel]:
    """The model of an object with these fields, all of them and no others, in this order."""
    return _shape_of(tuple(fields.items()))


@lru_cache(maxsize=64)  # it is asked for once a task, and takes milliseconds
def _shape_of(fields: tuple[tuple[str, FieldKind], ...]) -> type[BaseModel]:
    # by alias, so that a field may have any name, also one that pydantic itself uses
    named: dict[str, Any] = {f"field_{place}": (KINDS[kind], Field(alias=name)) for place, (name, kind) in enumerate(fields)}
    exact = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    return create_model("Reply", __config__=exact, **named)


@lru_cache(maxsize=64)
def format_of(shape: type[BaseModel]) -> dict[str, Any]:
    """The shape as the OpenAI protocol has it, to be read only."""
    schema = _strict(shape.model_json_schema())
    name = re.sub(r"\W", "_", shape.__name__, flags=re.ASCII)[:64]
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def read_object(text: str, shape: type[Shape]) -> Shape:
    """The object a reply is, or the one its only code fence holds.

    Raises:
        ValidationError: it is none of this shape.
    """
    fenced = FENCED.findall(text)
    return shape.model_validate_json(fenced[0] if len(fenced) == 1 else text.strip())


def explained(error: ValidationError) -> str:
    """What is wrong with a reply, a line for each problem."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(str(part) for part in each['loc']) or 'the reply'}: {each['msg']}" for each in problems]
    return "\n".join(f"- {line}" for line in lines[:PROBLEMS])


def without_format(prompt: Prompt, response_format: dict[str, Any]) -> Prompt:
    """The prompt for a model that knows no `response_format`: the format is said in words.

    They follow the system message. Where there is none they follow the first turn, since some chat templates have no system.
    """
    first, *turns = prompt.messages
    said = first.model_copy(update={"content": f"{first.content}\n\n{_in_words(response_format)}"})
    return replace(prompt, messages=(said, *turns))


def _with_complaint(prompt: Prompt, reply: str, told: str, shape: type[BaseModel]) -> Prompt:
    """The conversation so far, the reply, and what is wrong with it; the schema too, for an endpoint may have kept it back."""
    complaint = f"This is not the JSON that was asked for:\n{told}\n{_in_words(format_of(shape))}"
    turns = (Message(role="assistant", content=reply), Message(role="user", content=complaint))
    return replace(prompt, messages=(*prompt.messages, *turns))


def _in_words(response_format: dict[str, Any]) -> str:
    schema = response_format.get("json_schema", {}).get("schema")
    if schema is None:
        return "Answer with a JSON object and nothing else."
    written = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return f"Answer with a JSON object and nothing else. It must fit this JSON schema: {written}"


def _strict(schema: Any) -> Any:
    """A schema as strict endpoints take it: all fields required and no others, no defaults, no titles, which say nothing.

    Its words are sorted and its fields are not, so that it is written alike by all versions of pydantic.
    """
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain: dict[str, Any] = {}
    for key in sorted(schema.keys() - {"title", "default", "required"}):
        named = key in ("properties", "$defs")  # the keys of these are names, which may be `title`, too
        plain[key] = {name: _strict(each) for name, each in schema[key].items()} if named else _strict(schema[key])
    return plain | {"required": [*schema["properties"]], "additionalProperties": False} if "properties" in schema else plain

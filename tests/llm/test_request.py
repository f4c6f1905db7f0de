"""The key: it covers all that determines a reply and nothing else, and never moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.request import Request, Sampling
from pipeline.records import Message
from pipeline.settings import load_settings

IDENTITY = {"provider": "host", "model": "small-1", "revision": ""}
USER = Message(role="user", content="How much is 2 + 3?")
PLAIN = Request(messages=(USER,), sampling=Sampling(temperature=0.7, max_tokens=64))
CHANGES: list[dict[str, Any]] = [
    {"sampling": PLAIN.sampling.model_copy(update={name: value})}
    for name, value in {
        "temperature": 0.8,
        "top_p": 0.9,
        "max_tokens": 65,
        "stop": ("END",),
        "seed": 1,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.1,
        "top_k": 20,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "top_logprobs": 3,
        "chat_template_kwargs": {"enable_thinking": False},
        "extra_body": {"reasoning_effort": "high"},
    }.items()
] + [
    {"messages": (Message(role="user", content="How much is 2 + 4?"),)},
    {"messages": (Message(role="system", content=""), USER)},
    {"messages": (Message(role="assistant", content=USER.content),)},
    {"response_format": {"type": "json_object"}},
    {"sample": 1},
]


def test_every_sampling_field_is_among_the_changes() -> None:
    changed = {name for each in CHANGES if "sampling" in each for name in each["sampling"].model_dump(exclude_none=True)}
    assert changed == set(Sampling.model_fields)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: "-".join(change))
def test_what_determines_the_reply_changes_the_key(change: dict[str, Any]) -> None:
    assert PLAIN.model_copy(update=change).key(IDENTITY) != PLAIN.key(IDENTITY)


def test_a_changed_copy_of_a_sampling_is_known_by_its_own_fields() -> None:
    assert PLAIN.sampling.canonical == '{"max_tokens":64,"temperature":0.7}'
    hotter = PLAIN.sampling.model_copy(update={"temperature": 0.8})
    assert hotter.canonical == Sampling(temperature=0.8, max_tokens=64).canonical
    assert Sampling(temperature=0.9).over(PLAIN.sampling).canonical == '{"max_tokens":64,"temperature":0.9}'


@pytest.mark.parametrize("name", IDENTITY)
def test_the_model_is_in_the_key(name: str) -> None:
    assert PLAIN.key({**IDENTITY, name: "other"}) != PLAIN.key(IDENTITY)


def test_the_bare_question_is_in_the_key_of_recorded_answers_alone() -> None:
    asked = PLAIN.model_copy(update={"question": "2 + 3"})
    assert asked.key(IDENTITY) == PLAIN.key(IDENTITY)
    recorded = {**IDENTITY, "provider": "recorded"}
    assert asked.key(recorded) != PLAIN.key(recorded)


def test_where_and_how_fast_is_not_in_the_key(tmp_path: Path) -> None:
    model = OpenAIModel(backend="openai", model="small-1")
    here = model.open(load_settings(openai_base_url="http://host:1/v1", concurrency="1"))
    there = model.open(load_settings(openai_base_url="http://host:2/v1", concurrency="99", data=tmp_path, max_tokens="5"))
    assert PLAIN.key(here.identity) == PLAIN.key(there.identity)


def test_the_key_is_the_same_on_every_machine() -> None:
    assert PLAIN.key(IDENTITY) == "54d1574f7c9e2c0e44c280527db43e2ec09b0d1ec373ac86e540c438214bd085"

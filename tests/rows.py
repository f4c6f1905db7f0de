"""Rows as the tests need them: a record with every field that does not matter filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.records import Message, Response, Sample, Task
from pipeline.settings import REPOSITORY

PUBLIC_DATA = REPOSITORY.parent / "shared" / "data"


def public_data(name: str) -> Path:
    """A file of the public data sets beside the repository, or a skip that says so."""
    path = PUBLIC_DATA / name
    if not path.is_file():
        pytest.skip(f"../shared/data/{name} is not there: public data is not shipped with the project")
    return path


def make_task(**fields: Any) -> Task:
    return Task(**{"id": "t1", "source": "test", "split": "train", "kind": "question", "prompt": "How many?"} | fields)


def make_sample(target: str, **fields: Any) -> Sample:
    given = {
        "id": "s1", "task_id": "t1", "method": "chain_of_thought", "view": "rationale", "response_keys": ["k1"],
        "messages": [Message(role="user", content="How many?")], "target": target, "finish": "stop",
    }  # fmt: skip
    return Sample(**given | fields)


def make_response(text: str | None, **fields: Any) -> Response:
    given = {
        "key": "k1", "task_id": "t1", "role": "teacher", "template": "x", "template_hash": "h", "provider": "test",
        "model": "test", "sample": 0, "messages": [], "text": text, "finish": "stop",
    }  # fmt: skip
    return Response(**given | fields)

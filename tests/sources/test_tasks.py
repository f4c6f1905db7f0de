"""From a row to a task: fields by name, everything else in `extra`, and refusals that name the row."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.records import Task
from pipeline.sources.tasks import Fields, read_task, split_of, task_id


def read(row: dict[str, Any], **fields: str) -> Task:
    return read_task(row, Fields(**fields), "question", "test", "row 1", lambda _: "train")


def test_fields_by_name() -> None:
    row = {
        "q": {"text": "Which?"}, "a": 7, "p": "A passage.", "o": ["x", 2], "c": [{"kind": "k", "n": 1}], "s": "Since …",
        "level": 3, "when": datetime.date(2024, 1, 2),
    }  # fmt: skip
    task = read(row, prompt="q.text", answer="a", context="p", choices="o", constraints="c", solution="s")
    assert (task.prompt, task.answer, task.context, task.choices) == ("Which?", "7", "A passage.", ["x", "2"])
    assert task.constraints == [{"kind": "k", "n": 1}]
    assert task.extra == {"q": {"text": "Which?"}, "level": 3, "when": "2024-01-02", "solution": "Since …"}


def test_empty_values() -> None:
    task = read({"prompt": "?", "a": "", "c": None, "o": []}, answer="a", constraints="c", choices="o", context="a")
    assert (task.answer, task.constraints, task.choices, task.context) == (None, None, None, "")
    assert read({"prompt": "?", "a": 0}, answer="a").answer == "0"


def test_a_column_called_history_is_no_conversation() -> None:
    assert read({"prompt": "?", "history": "the Romans"}).extra == {}


@pytest.mark.parametrize(
    ("row", "fields", "problem"),
    [
        ({"prompt": " "}, {}, r"the prompt \(column 'prompt'\) is empty"),
        ({"prompt": 5}, {}, "no question in '5'"),
        ({"prompt": "?"}, {"answer": "a"}, "no column 'a'"),
        ({"prompt": "?", "c": "short"}, {"constraints": "c"}, "constraints is not a list of objects: 'short'"),
        ({"prompt": "?", "c": ["short"]}, {"constraints": "c"}, "constraints is not a list of objects"),
        ({"prompt": "?", "c": "AB"}, {"choices": "c"}, "choices is not a list: 'AB'"),
    ],
)
def test_rows_that_are_refused(row: dict[str, Any], fields: dict[str, str], problem: str) -> None:
    with pytest.raises(UserError, match=f"^row 1: {problem}"):
        read(row, **fields)


def test_the_id_is_made_of_what_is_asked() -> None:
    same = {task_id("k", "c", "p"), task_id("k", "c", "p", []), task_id("k", "c", "p", None)}
    assert len(same) == 1
    assert len(same | {task_id("x", "c", "p"), task_id("k", "x", "p"), task_id("k", "c", "p", [{"role": "user"}])}) == 4


def test_shares() -> None:
    splits = [split_of(str(n), 0.2, 0.3) for n in range(5000)]
    assert {split: round(splits.count(split) / 5000, 1) for split in set(splits)} == {"train": 0.5, "dev": 0.2, "test": 0.3}
    assert {split_of(str(n), 0.0, 0.0) for n in range(100)} == {"train"}

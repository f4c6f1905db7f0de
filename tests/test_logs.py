"""Rows of JSON as people have them: lines, columns by dotted name, conversations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.logs import Question, column, read_json_lines, turns


def test_lines_with_their_numbers(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes('\ufeff{"a": "ä"}\r\n\r\n{"a": 2}'.encode())
    assert list(read_json_lines(file)) == [(1, {"a": "ä"}), (3, {"a": 2})]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{oops}", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b"[1, 2]", "a list, not an object"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\\ud83d"}', "not text"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, problem: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'{"a": 1}\n\n' + line + b"\n")
    with pytest.raises(UserError, match=rf"rows\.jsonl, line 3: {problem}"):
        list(read_json_lines(file))


def test_a_whole_surrogate_pair_is_text(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'{"a": "\\ud83d\\ude00", "b": NaN}')
    assert next(read_json_lines(file))[1]["a"] == "😀"


def test_columns_by_dotted_name() -> None:
    row = {"a": {"b": {"c": 1}}, "a.b": 2}
    assert (column(row, "a.b.c", "x"), column(row, "a.b", "x")) == (1, 2)
    with pytest.raises(UserError, match=r"line 7: no column 'a\.z'\n.*a, a\.b"):
        column(row, "a.z", "line 7")


def test_turns() -> None:
    user, system = {"role": "user", "content": "Hi"}, {"role": "developer", "content": "Be brief"}
    parts = {"role": "user", "content": [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]}
    assert turns("Hi", "x") == turns([user], "x") == turns([user, {"role": "assistant"}], "x") == Question("Hi")
    assert turns([system, user], "x") == Question("Hi", ({"role": "system", "content": "Be brief"},))
    assert turns([parts], "x").prompt == "one two"


def test_the_key_of_a_question_knows_its_history() -> None:
    assert Question("Hi").key == "Hi"
    assert (
        Question("Hi", ({"role": "system", "content": "a"},)).key != Question("Hi", ({"role": "system", "content": "b"},)).key
    )


@pytest.mark.parametrize(
    "value",
    [None, 5, [], [{"role": "system", "content": "x"}], ["x"], [{"role": "robot", "content": "x"}], [{"role": "user"}]],
)
def test_no_question(value: Any) -> None:
    with pytest.raises(UserError, match=r"^line 3: "):
        turns(value, "line 3")

"""Files as sources: four formats that agree, errors that name the row, splits that never move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.records import Task
from pipeline.sources.files import FileSource
from pipeline.sources.tasks import Fields
from tests.rows import public_data

KINDS = ("jsonl", "json", "csv", "parquet")
FIELDS = Fields(prompt="question", answer="result")


def rows(count: int) -> list[dict[str, Any]]:
    return [{"question": f"What is {n}+{n}?", "result": str(2 * n), "note": f"n{n}"} for n in range(count)]


def write(folder: Path, kind: str, given: list[dict[str, Any]]) -> Path:
    path = folder / f"rows.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in given))
    elif kind == "json":
        path.write_text(json.dumps(given, indent=1))
    elif kind == "csv":
        pl.DataFrame(given).write_csv(path)
    else:
        pl.DataFrame(given).write_parquet(path)
    return path


def read(path: Path, limit: int | None = None, **more: Any) -> list[Task]:
    source = FileSource(kind=path.suffix[1:], path=path, **{"fields": FIELDS, **more})  # type: ignore[arg-type]
    return list(source.tasks(("test",), limit))


@pytest.mark.parametrize("kind", KINDS)
def test_formats_agree(tmp_path: Path, kind: str) -> None:
    tasks = read(write(tmp_path, kind, rows(50)))
    assert [task.prompt for task in tasks] == [row["question"] for row in rows(50)]
    assert (tasks[3].answer, tasks[3].extra, tasks[3].kind) == ("6", {"note": "n3"}, "question")
    assert tasks[0].source == f"{kind}:rows.{kind}"


def test_the_same_rows_have_the_same_ids_in_any_file(tmp_path: Path) -> None:
    first, *others = ([task.id for task in read(write(tmp_path, kind, rows(5)))] for kind in KINDS)
    assert others == [first] * 3


def test_csv_is_text(tmp_path: Path) -> None:
    """A leading zero stays, and a fraction may come after any number of whole numbers."""
    given = [{"question": f"q{n}", "result": "05"} for n in range(200)] + [{"question": "q", "result": "3.5"}]
    tasks = read(write(tmp_path, "csv", given))
    assert (tasks[0].answer, tasks[-1].answer) == ("05", "3.5")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_column_names_the_row_and_the_columns(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UserError, match=rf"rows\.{kind}, (line|row|item) 1: no column 'answer'\n.*question, result, note"):
        read(write(tmp_path, kind, rows(2)), fields=Fields(prompt="question", answer="answer"))


def test_a_malformed_line_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "jsonl", rows(3))
    path.write_text(path.read_text() + "{oops\n")
    with pytest.raises(UserError, match=r"rows\.jsonl, line 4: not JSON"):
        read(path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"question": "a"}', "a dict, not a list"),
        ('{"question": "a"}\n{"question": "b"}', "cannot be read as json"),
        ('[{"question": "a", "result": "1"}, 3]', "item 2: a int, not an object"),
        ('[{"question": "\\ud83d"}]', "item 1: not text"),
    ],
)
def test_what_is_no_list(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "rows.json").write_text(text)
    with pytest.raises(UserError, match=rf"rows\.json.*{problem}"):
        read(tmp_path / "rows.json")


def test_a_list_that_is_said_to_be_lines(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(rows(2), indent=1))
    with pytest.raises(UserError, match=r"line 1: not JSON(.|\n)*a list is a source of kind json"):
        read(tmp_path / "rows.jsonl")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_of_another_format(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"rows.{kind}"
    path.write_bytes(b"" if kind == "csv" else b"question,result\n")
    with pytest.raises(UserError, match=f"cannot be read as {kind}"):
        read(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"source\.path: .*none\.jsonl does not exist\n.*--set source\.path"):
        read(tmp_path / "none.jsonl")


def test_splits_do_not_move_when_rows_are_added(tmp_path: Path) -> None:
    before = {task.id: task.split for task in read(write(tmp_path, "jsonl", rows(300)))}
    after = {task.id: task.split for task in read(write(tmp_path, "jsonl", rows(100) + rows(600)[100:]))}
    assert before.items() <= after.items()
    assert set(before.values()) == {"train", "dev", "test"}
    assert 0.05 < sum(split == "test" for split in after.values()) / len(after) < 0.15


def test_limits(tmp_path: Path) -> None:
    path = write(tmp_path, "jsonl", rows(300))
    assert len(read(path, limit=10)) == 300 - sum(task.split == "test" for task in read(path)) + 10
    source = FileSource(kind="jsonl", path=path, fields=FIELDS, limit=7, dev_share=0, test_share=0)
    assert [task.split for task in source.tasks(("test",), None)] == ["train"] * 7


def test_chat_logs(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Bye"},
        {"role": "assistant", "content": "See you"},
    ]
    [task] = read(write(tmp_path, "jsonl", [{"messages": turns}]), fields=Fields(prompt="messages"))
    assert task.prompt == "Bye"
    assert task.extra == {"history": turns[:3]}


def test_public_questions() -> None:
    tasks = read(public_data("gsm8k_test.jsonl"), fields=Fields(prompt="question", answer="answer"))
    assert len({task.id for task in tasks}) == 1319

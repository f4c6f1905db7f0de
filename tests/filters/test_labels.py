"""Labels: whose they are, in all formats and spellings, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters.labels import LabelFields, LabelFile
from pipeline.identity import file_hash
from pipeline.records import Sample, Task
from tests.rows import make_sample, make_task, public_data

BY_ID = LabelFields(id="sample", label="good")
BY_TEXT = LabelFields(prompt="q", text="a", label="good")
ASKED = make_task(prompt="How many?")


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def labels(path: Path, fields: LabelFields, *rows: tuple[Task, Sample]) -> list[bool | None]:
    return list(LabelFile(path=path, fields=fields).labels_of(rows))


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        (1.0, True),
        ("true", True),
        ("False", False),
        (" 1 ", True),
        ("0", False),
    ],
)
def test_labels_by_id(tmp_path: Path, value: Any, label: bool) -> None:
    path = written(tmp_path, [{"sample": "s1", "good": value}])
    assert labels(path, BY_ID, (ASKED, make_sample("x")), (ASKED, make_sample("x", id="s2"))) == [label, None]


@pytest.mark.parametrize("value", ["yes", "", None, 2, -1, 0.5, [], {}, "truee", "nan"])
def test_what_is_no_label(tmp_path: Path, value: Any) -> None:
    path = written(tmp_path, [{"sample": "s0", "good": 1}, {"sample": "s1", "good": value}])
    with pytest.raises(UserError, match=r"labels\.jsonl, line 2, column 'good': .* is no label\n.*true, false, 1 or 0"):
        labels(path, BY_ID, (ASKED, make_sample("x")))


@pytest.mark.parametrize("ending", ["csv", "parquet", "pq", "jsonl"])
def test_formats(tmp_path: Path, ending: str) -> None:
    frame = pl.DataFrame({"q": ["How many?"] * 2, "a": ["7", "8"], "good": [True, False]})
    path = tmp_path / f"labels.{ending}"
    write = {"csv": frame.write_csv, "jsonl": frame.write_ndjson}.get(ending, frame.write_parquet)
    write(path)  # type: ignore[operator]
    rows = [(ASKED, make_sample(text)) for text in ("7", "8", "9")]
    assert labels(path, BY_TEXT, *rows) == [True, False, None]


@pytest.mark.parametrize(
    ("prompt", "text", "label"),
    [
        ("How many?", "So 7.", True),
        (" how  MANY?\n", "so 7. ", True),
        ("How many", "So 7.", None),
        ("How many?", "So 8.", None),
    ],
)
def test_texts_are_found_however_spelled(tmp_path: Path, prompt: str, text: str, label: bool | None) -> None:
    path = written(tmp_path, [{"q": "How many?", "a": "So 7.", "good": True}])
    assert labels(path, BY_TEXT, (make_task(prompt=prompt), make_sample(text))) == [label]


def test_several_replies_a_row_in_nested_columns(tmp_path: Path) -> None:
    path = written(tmp_path, [{"q": "How many?", "one": {"a": "7", "ok": 1}, "two": {"a": None, "ok": 0}}])
    fields = LabelFields(prompt="q", text=("one.a", "two.a"), label=("one.ok", "two.ok"))
    assert labels(path, fields, *[(ASKED, make_sample(text)) for text in ("7", "", "8")]) == [True, False, None]


def test_earlier_turns_belong_to_the_question(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "How many?"},
    ]
    path = written(tmp_path, [{"q": turns, "a": "7", "good": True}])
    later = make_task(prompt="How many?", extra={"history": turns[:2]})
    assert labels(path, BY_TEXT, (later, make_sample("7")), (ASKED, make_sample("7"))) == [True, None]


def test_contradictions_are_no_labels(tmp_path: Path) -> None:
    rows = [("s1", 1), ("s2", 1), ("s1", 0), ("s2", 1), ("s1", 1)]
    path = written(tmp_path, [{"sample": name, "good": good} for name, good in rows])
    assert labels(path, BY_ID, *[(ASKED, make_sample("x", id=name)) for name in ("s1", "s2")]) == [None, True]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], r"no labels in it"),
        ([{"sample": "s1"}], r"line 1: no column 'good'\n.*Columns there are: sample"),
        ([{"good": 1}], r"line 1: no column 'sample'"),
    ],
)
def test_broken_files(tmp_path: Path, rows: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        labels(written(tmp_path, rows), BY_ID, (ASKED, make_sample("x")))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    missing = LabelFile(path=tmp_path / "none.csv", fields=BY_ID)
    for call in (lambda: list(missing.labels_of([])), missing.rests_on):
        with pytest.raises(UserError, match=r"none\.csv does not exist"):
            call()


def test_it_rests_on_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, [{"sample": "s1", "good": 1}])
    assert LabelFile(path=path, fields=BY_ID).rests_on() == [file_hash(path)]


@pytest.mark.parametrize(
    "fields",
    [
        {"label": "l"}, {"id": "i"}, {"id": "i", "prompt": "p", "text": "t", "label": "l"}, {"prompt": "p", "label": "l"},
        {"text": "t", "label": "l"}, {"prompt": "p", "text": ["a", "b"], "label": "l"}, {"id": "i", "label": ["a", "b"]},
        {"id": "i", "text": "t", "label": "l"}, {"prompt": "p", "text": [], "label": []},
    ],
)  # fmt: skip
def test_fields_that_name_no_samples(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LabelFields(**fields)


def test_the_labels_of_2640_real_answers() -> None:
    path = public_data("gsm8k_model_solutions.jsonl")
    models = "6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"
    fields = LabelFields(
        prompt="question",
        text=tuple(f"{model}.solution" for model in models),
        label=tuple(f"{model}.is_correct" for model in models),
    )
    rows, expected = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for model in models:
            rows.append((make_task(prompt=row["question"]), make_sample(row[model]["solution"])))
            expected.append(row[model]["is_correct"])
    found = labels(path, fields, *rows)
    assert len(found) == 2640 and found == expected
    assert found.count(True) == 1008
    astray = [(make_task(prompt=rows[place - 4][0].prompt), sample) for place, (_, sample) in enumerate(rows)]
    assert labels(path, fields, *astray) == [None] * 2640

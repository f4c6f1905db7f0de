"""Golden ids: should one of these change, every id and every remembered reply of every user would."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.identity import canonical_json, content_hash, file_hash, model_hash, short_id, unit_interval
from pipeline.sources.tasks import split_of, task_id


def test_golden() -> None:
    assert content_hash("a", 1) == "135f17a475a61afdeeaf3759ad2e45ad1c7abb192395abe47e41fc8e395dc1a9"
    assert short_id("task", "question", "", "2+2?", []) == "b1b19871a937cb55"
    assert unit_interval("split", "x") == 0.5781334238913047
    assert task_id("question", "", "What is 2+2?") == "20d22f63abff5d2c"
    assert split_of("x", 0.05, 0.1) == "train"


def test_one_spelling_for_a_value() -> None:
    assert canonical_json({"b": 1.0, "a": ["é", None, True]}) == '{"a":["é",null,true],"b":1.0}'
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})


def test_parts_do_not_run_together() -> None:
    assert len({content_hash("ab", "c"), content_hash("a", "bc"), content_hash("abc"), content_hash(["ab", "c"])}) == 4


def test_nan_has_no_name() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        content_hash(float("nan"))


def test_a_model_is_its_weights_wherever_it_lies(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "README.md").write_text(name)
    golden = "5d32e62fc2a753d30ecea51f8f664baecf86361b9f60964b5d3de5db35cf6516"
    assert model_hash(tmp_path / "here") == model_hash(tmp_path / "there") == golden
    (tmp_path / "there" / "config.json").write_text("{ }")
    assert model_hash(tmp_path / "there") != golden


def test_a_model_that_did_not_change_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{}")
    before, then = model_hash(tmp_path), path.stat()
    path.write_text("[]")
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert model_hash(tmp_path) == before
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns + 1))
    assert model_hash(tmp_path) != before


def test_file_hash(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert file_hash(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

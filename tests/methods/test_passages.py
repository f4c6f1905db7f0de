"""Passages: both forms of file, what is refused, and the mini world's, which state every fact."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.methods.passages import read_passages
from pipeline.mini.facts import passages, so
from pipeline.settings import REPOSITORY


def test_lines_and_json_lines(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("Tom has a boat.\n\n Ann has a kite. \n")
    (tmp_path / "rows.jsonl").write_text('{"text": "Tom has a boat."}\n{"text": "Ann has a kite.", "title": "Ann"}\n')
    for name in ("plain.txt", "rows.jsonl"):
        found = read_passages(tmp_path / name)
        assert found.nearest("Whose kite?", 1) == ["Ann has a kite."] and len(found.nearest("?", 9)) == 2


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text("One.\n")
    assert read_passages(path).nearest("x", 1) == ["One."]
    path.write_text("Another one.\n")
    assert read_passages(path).nearest("x", 1) == ["Another one."]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("p.txt", None, "does not exist"),
        ("p.txt", b"\n \n", "no passages"),
        ("p.txt", b"\xff\xfe", "not UTF-8"),
        ("p.jsonl", b'{"title": "Ann"}\n', "line 1: no field 'text'"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=problem):
        read_passages(tmp_path / name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path} is no file"):
        read_passages(tmp_path)


def test_the_mini_worlds_passages_ship() -> None:
    lines = (REPOSITORY / "data/mini/passages.txt").read_text(encoding="utf-8").splitlines()
    assert lines == passages()
    assert all(any(fact.statement in line for line in lines) for ood in (False, True) for fact in so(ood).values())

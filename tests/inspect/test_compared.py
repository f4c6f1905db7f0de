"""The page that sets another run beside the one that is shown."""

from __future__ import annotations

import html
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.inspect.compared import others, told
from pipeline.tables import table_path
from tests.hostile import acting
from tests.inspect.runs import get, served, whole_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of whose samples 30 are kept; beside it one that was asked otherwise, and keeps 6."""
    runs = tmp_path_factory.mktemp("runs")
    whole_run(runs / "before", asks="Quickly!", bar=0.9)
    (runs / "empty").mkdir()
    (runs / "a file").write_text("")
    return whole_run(runs / "run")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    with served(folder) as number:
        yield number


def test_the_run_beside_it_is_offered(port: int) -> None:
    status, _, text = get(port, "/compare")
    assert status == 200 and "run beside before" in text and 'data-load="/part/compare?other=before"' in text
    assert "empty" not in text and "a file" not in text


def test_what_differs_is_told(port: int) -> None:
    status, _, text = get(port, "/part/compare?other=before")
    assert status == 200 and "run beside before is better by samples accepted" in html.unescape(text)
    assert "<del>Quickly!</del>" in text and "<ins>Think.</ins>" in text
    assert "60 of 60 differ" in text and "distill compare before run" in text
    assert not acting(text) and "<img" not in text and "<script" not in text and "style=" not in text


def test_another_run_that_is_made_anew_is_read_anew(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run")
    assert others(run) == []
    with served(run) as port:
        assert "make generate RECIPE=run SET=name=run-b" in get(port, "/compare")[2]
        other = whole_run(tmp_path / "run-b")
        assert "are not told apart" in get(port, "/part/compare?other=run-b")[2]
        for each in other.iterdir():
            each.unlink()
        other.rmdir()
        whole_run(other, bar=0.9)
        assert "is worse by samples accepted" in get(port, "/part/compare?other=run-b")[2]


def test_the_older_run_is_first_whichever_is_open(tmp_path: Path) -> None:
    old, new = whole_run(tmp_path / "z-old", bar=0.9), whole_run(tmp_path / "a-new")
    for folder, day in ((old, "01"), (new, "02")):  # the log counts, not when its files were copied
        (folder / "run.json").write_text(json.dumps({"starts": [{"began": f"2026-11-{day}T00:00:00Z"}, {}]}))
    for opened, other in ((old, "a-new"), (new, "z-old")):
        with served(opened) as port:
            assert "<h1>a-new beside z-old</h1>" in get(port, f"/compare?other={other}")[2]
            assert "a-new beside z-old is better by samples" in html.unescape(get(port, f"/part/compare?other={other}")[2])
            turned = get(port, f"/compare?other={other}&swapped=yes")[2]
            assert "<h1>z-old beside a-new</h1>" in turned and f'href="/compare?other={other}"' in turned
            worse = get(port, f"/part/compare?other={other}&swapped=yes")[2]
            assert "z-old beside a-new is worse by samples" in html.unescape(worse)


def test_of_several_runs_one_is_chosen(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run", 3)
    for name in ("one", "two"):
        (whole_run(tmp_path / name, 3) / "run.json").write_text('{"starts": [{"began": 7}]}')
    with served(run) as port:
        text = get(port, "/compare")[2]
        assert "data-load" not in text and 'href="/compare?other=one"' in text and 'href="/compare?other=two"' in text


def test_the_last_one_comes_first(tmp_path: Path) -> None:
    for number, name in enumerate(("new", "old", "run")):
        whole_run(tmp_path / name, 3)
        os.utime(table_path(tmp_path / name, "3_samples"), (1000 - number, 1000 - number))
    assert others(tmp_path / "run") == ["new", "old"]


@pytest.mark.parametrize("name", ["nosuch", "..", "../runs/before", "/etc", "run", "empty", "", "%22%3E%3Cscript%3E", "a%00b"])
def test_no_folder_but_a_run_beside_it_is_opened(port: int, name: str) -> None:
    status, _, text = get(port, f"/part/compare?other={name}")
    assert status == 400 and 'role="alert"' in text and "There are before." in html.unescape(text)
    assert "<script>" not in text and not acting(text)


def test_a_run_of_other_tasks_or_broken_tables_is_said(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run", 10)
    other = whole_run(tmp_path / "half", 10)
    table_path(other, "2_responses").write_bytes(b"half of a table")
    with served(run) as port:
        status, _, text = get(port, "/part/compare?other=half")
        assert status == 400 and "2_responses.parquet: this table cannot be read" in html.unescape(text)
        assert get(port, "/compare?other=half")[0] == 200


def test_a_comparison_that_is_killed_is_said(tmp_path: Path) -> None:
    """As the system does to a program that takes too much memory."""
    with ThreadPoolExecutor(1) as asking:
        answer = asking.submit(told, tmp_path / "before", tmp_path / "run")
        while not (alone := multiprocessing.active_children()) and not answer.done():
            time.sleep(0.01)
        for each in alone:
            each.kill()
        with pytest.raises(UserError, match="nobody is left who compared before and run") as caught:
            answer.result(30)
    assert "distill compare before run" in caught.value.remedy

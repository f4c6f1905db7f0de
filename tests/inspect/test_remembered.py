"""Figures that are remembered: made once however many ask at once, and anew when a file they rest on changes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.inspect.remembered import Remembered
from tests.inspect.runs import whole_run


def test_whoever_asks_at_once_waits_for_the_first(tmp_path: Path) -> None:
    remembered, made, again = Remembered(whole_run(tmp_path / "run", 2)), list[int](), threading.Event()

    def make() -> int:
        made.append(1)
        if len(made) > 1:
            again.set()
        again.wait(0.3)  # long enough for the others to come in, were the door open
        return len(made)

    with ThreadPoolExecutor(4) as asking:
        assert [each.result() for each in [asking.submit(remembered, "figure", make) for _ in range(4)]] == [1] * 4
    assert len(made) == 1


def test_nobody_waits_for_another_figure(tmp_path: Path) -> None:
    remembered, both = Remembered(whole_run(tmp_path / "run", 2)), threading.Barrier(2, timeout=10)
    with ThreadPoolExecutor(2) as asking:
        made = [asking.submit(remembered, name, both.wait) for name in ("first", "second")]
        assert sorted(each.result() for each in made) == [0, 1]


@pytest.mark.parametrize("name", ["recipe.yaml", "run.json"])
def test_what_lies_beside_the_tables_counts(tmp_path: Path, name: str) -> None:
    run, made = whole_run(tmp_path / "run", 2), list[int]()
    remembered = Remembered(run)
    for text in ("{}", '{"starts": []}'):
        (run / name).write_text(text)
        for _ in range(2):
            remembered("figure", lambda: made.append(1))
    assert len(made) == 2


def test_another_run_counts_too(tmp_path: Path) -> None:
    run, other = whole_run(tmp_path / "run", 2), whole_run(tmp_path / "other", 2)
    made, remembered = list[int](), Remembered(run)
    for _ in range(2):
        remembered("compare", lambda: made.append(1), other)
    (other / "run.json").write_text("{}")
    remembered("compare", lambda: made.append(1), other)
    assert len(made) == 2

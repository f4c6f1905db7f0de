"""The main job with the models that ship, as far as the corpus: killed and started again, and by two at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.tables import CORPORA

REPOSITORY = Path(__file__).resolve().parents[2]
TABLES = ("1_tasks", "2_responses", "3_samples", "4_verdicts", *CORPORA)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def command(verb: str, data: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "pipeline", verb, "mini", "--limit", "120", "--data", str(data), *more]


def run(verb: str, data: Path, *more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(verb, data, *more), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def landed(data: Path) -> set[str]:
    """Keys of the replies in the store."""
    path = data / "responses.sqlite"
    if not path.exists():
        return set()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        try:
            return {key for (key,) in store.execute("SELECT key FROM replies")}
        except sqlite3.OperationalError:  # not made yet
            return set()


def table(data: Path, name: str) -> pl.DataFrame:
    """A table without the seconds, which no two runs share."""
    frame = pl.read_parquet(data / "runs/mini" / f"{name}.parquet")
    return frame.drop("seconds", strict=False)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("undisturbed")
    run("generate", data)
    return data


def test_killed_half_way_it_asks_only_for_the_rest_and_ends_the_same(undisturbed: Path, tmp_path: Path) -> None:
    whole = len(landed(undisturbed))
    first = subprocess.Popen(command("generate", tmp_path), cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    while len(landed(tmp_path)) < whole // 3 and first.poll() is None:
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = landed(tmp_path)
    assert 0 < len(before) < whole, "killed too early or too late for this test to say anything"
    assert not (tmp_path / "runs/mini/1_tasks.parquet").exists()
    second = run("generate", tmp_path)
    assert f"{whole - len(before)} asked, {len(before)} remembered" in second.stderr
    for name in TABLES:
        assert_frame_equal(table(tmp_path, name), table(undisturbed, name))


def test_two_processes_may_not_work_in_one_folder(tmp_path: Path) -> None:
    first = subprocess.Popen(command("generate", tmp_path), cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    lock = tmp_path / "runs/mini/.lock"
    while not (lock.exists() and lock.read_text()) and first.poll() is None:
        time.sleep(0.05)
    second = subprocess.run(command("generate", tmp_path), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    os.kill(first.pid, signal.SIGINT)
    assert first.wait(60) == 130
    assert second.returncode == 2
    assert f"process {first.pid}" in second.stderr

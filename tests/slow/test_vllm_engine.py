"""`distill generate` with the vllm backend, as a user starts it: to the corpus, killed, and interrupted."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from pipeline.settings import REPOSITORY
from tests.llm.backends.engines import marked_by_anybody

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed"),
]


def start(data: Path, limit: int, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline", "generate", "mini", "--limit", str(limit), "--data", str(data)]
    command += ["--backend", "vllm", "--set", "teacher.dtype=float32"]
    return subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, **environment}
    )


def landed(data: Path) -> int:
    """Replies in the store."""
    path = data / "responses.sqlite"
    if not path.exists():
        return 0
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        try:
            return int(store.execute("SELECT count(*) FROM replies").fetchone()[0])
        except sqlite3.OperationalError:  # not made yet
            return 0


def wait_for_replies(data: Path, count: int, program: subprocess.Popen[str]) -> None:
    while landed(data) < count:
        assert program.poll() is None, program.communicate()[1]
        time.sleep(0.1)


def assert_nothing_is_left() -> None:
    deadline = time.monotonic() + 10
    while marked_by_anybody() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert marked_by_anybody() == set()


def test_generate_makes_the_corpus_and_starts_no_engine_again(tmp_path: Path) -> None:
    _, said = (first := start(tmp_path, 40)).communicate()
    assert first.returncode == 0, said
    run = tmp_path / "runs/mini"
    assert set(pl.read_parquet(run / "2_responses.parquet")["provider"]) == {"vllm"}
    assert pl.read_parquet(run / "5_corpus.parquet").height > 20
    assert_nothing_is_left()
    no_engine_starts = {"VLLM_LOGGING_CONFIG_PATH": str(tmp_path / "missing.json")}
    _, said = (again := start(tmp_path, 40, **no_engine_starts)).communicate()
    assert again.returncode == 0 and "0 asked" in said, said
    _, said = (asking := start(tmp_path, 41, **no_engine_starts)).communicate()
    assert asking.returncode == 2 and "missing.json" in said, said


def test_killed_and_interrupted_it_leaves_no_process_and_loses_no_reply(tmp_path: Path) -> None:
    program = start(tmp_path, 400)
    wait_for_replies(tmp_path, 100, program)
    program.kill()
    program.communicate()
    assert_nothing_is_left()
    before = landed(tmp_path)

    program = start(tmp_path, 400)
    wait_for_replies(tmp_path, before + 100, program)
    os.killpg(program.pid, signal.SIGINT)  # as a terminal does: every process of the engine gets it, too
    _, said = program.communicate(timeout=60)
    assert program.returncode == 130, said
    assert "Traceback" not in said
    assert_nothing_is_left()

    before = landed(tmp_path)
    _, said = (program := start(tmp_path, 400)).communicate()
    assert program.returncode == 0, said
    assert f"{before} remembered" in said

"""Filtering and selecting that are stopped, by Ctrl-C, a scheduler or kill -9: the next start goes on, and nothing is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bench.filter_scale import make_tables, open_run
from pipeline.settings import REPOSITORY
from pipeline.tables import table_path
from tests.small_runs import Ended, end, environment

SAMPLES = 120_000
"""Three shards, so that processes of their own are at work for some seconds."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, and a run with samples to be judged."""
    folder = tmp_path_factory.mktemp("filtering")
    make_tables(open_run(str(folder / "data")), SAMPLES)
    recipe = open_run(str(folder / "data")).recipe.as_yaml()
    (folder / "recipes").mkdir()
    (folder / "recipes/scale.yaml").write_text(recipe.replace("data/mini", f"{REPOSITORY}/data/mini"))
    return folder


def start(folder: Path, verb: str) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "pipeline", verb, "scale")
    return subprocess.Popen(
        command, cwd=folder, env=environment("", data="data"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def stopped(folder: Path, verb: str, how: signal.Signals, ready: Callable[[], bool]) -> tuple[Ended, float]:
    """Starts a command, sends it a signal once it is so far, and waits; how it ended, and after how many seconds."""
    process = start(folder, verb)
    until = time.monotonic() + 120
    while not ready() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    began = time.monotonic()
    process.send_signal(how)
    ended = end(process)
    took = time.monotonic() - began
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive, "processes outlived the program"
    return ended, took


def pieces(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in (folder / "data/runs/scale/filtering").glob("*/0*.parquet")}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_filtering_that_is_stopped_goes_on(folder: Path, how: signal.Signals) -> None:
    run = folder / "data/runs/scale"
    subprocess.run(["rm", "-rf", str(run / "filtering"), str(table_path(run, "4_verdicts"))], check=True)
    ended, took = stopped(folder, "filter", how, lambda: len(pieces(folder)) >= 4)
    assert took < 10
    if how != signal.SIGKILL:
        assert ended.code == 130 and "interrupted" in ended.err and "Traceback" not in ended.err, ended.err
    assert not table_path(run, "4_verdicts").exists() and not list(run.glob("5_*"))
    before = pieces(folder)
    assert before
    again, _ = stopped(folder, "filter", how, lambda: table_path(run, "4_verdicts").exists())
    assert table_path(run, "4_verdicts").exists(), again.err
    after = pieces(folder)
    assert {name: after[name] for name in before} == before, "what was judged is not judged again"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_selecting_can_be_stopped(folder: Path, how: signal.Signals) -> None:
    run = folder / "data/runs/scale"
    ended, took = stopped(folder, "select", how, lambda: bool(list(run.glob(".5_corpus*"))))
    assert took < 10 and ended.code == 130 and "Traceback" not in ended.err, ended.err
    assert not list(run.glob("*5_*"))

"""Small runs of `distill generate` as processes of their own, for tests of what happens to them.

In: how many rows, what the settings are. Out: a working folder with a recipe called `small`, its tasks, prompts as they ship
and a tokenizer; a command that runs there; and what is left when it has ended: tables, replies, the log of starts. One row is
one call, so that hits at the server can be counted against rows.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.settings import REPOSITORY
from tests.servers import ChatServer, closed_url

KEY = "sk-test-0123456789abcdef"
RECIPE = """
source: {kind: jsonl, path: tasks.jsonl, fields: {prompt: question, answer: answer}, dev_share: 0.1, test_share: 0.0}
teacher: {backend: openai, model: small-1, sampling: {temperature: 0.7, max_tokens: 32, seed: 5}}
methods:
  - {method: chain_of_thought, samples: 1}
filters: [finished, not_empty, answer_matches]
selection: {per_task: 1}
student: {model: tokenizer}
"""
TABLES = (
    "1_tasks", "2_responses", "3_samples", "4_verdicts", "5_control", "5_corpus", "5_gold_labels", "5_teacher_labels",
)  # fmt: skip


def question(number: int) -> str:
    """The question of a row; no question is part of another's."""
    return f"How much is {7 * number} + {number + 1}?"


def make_folder(folder: Path, rows: Iterable[int], recipe: str = RECIPE) -> Path:
    """A working folder whose tasks are the questions of these numbers."""
    (folder / "recipes").mkdir(parents=True)
    (folder / "recipes/small.yaml").write_text(recipe)
    write_rows(folder, rows)
    shutil.copytree(REPOSITORY / "prompts", folder / "prompts")
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    (folder / "tokenizer").mkdir()
    tokenizer.save(str(folder / "tokenizer/tokenizer.json"))
    return folder


def write_rows(folder: Path, rows: Iterable[int]) -> None:
    lines = [{"question": question(number), "answer": str(8 * number + 1)} for number in rows]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def start(
    folder: Path, url: str, *words: str, verb: str = "generate", key: str = KEY, **settings: Any
) -> subprocess.Popen[str]:
    """`distill generate small …` in a folder, with nothing of the caller's settings; those given are `DISTILL_…`."""
    given = environment(url, key, data="data", **settings)
    command = (sys.executable, "-m", "pipeline", verb, "small", *words)
    return subprocess.Popen(command, cwd=folder, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def environment(url: str, key: str = KEY, **settings: Any) -> dict[str, str]:
    """The environment of a command: nothing of the caller's settings, those given as `DISTILL_…`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DISTILL_", "OPENAI_"))}
    kept |= {"OPENAI_BASE_URL": url or closed_url(), "OPENAI_API_KEY": key, "NO_PROXY": "127.0.0.1"}
    kept |= {"PYTHONPATH": str(REPOSITORY), "HF_HUB_OFFLINE": "1"}
    return kept | {f"DISTILL_{name.upper()}": str(value) for name, value in settings.items()}


def end(process: subprocess.Popen[str], seconds: float = 300.0) -> Ended:
    """Waits for a command; one that takes longer is killed, and the test fails."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        stop(process, signal.SIGKILL)
        raise
    return Ended(process.returncode, out, err)


def stop(process: subprocess.Popen[str], how: signal.Signals) -> Ended:
    """Sends a signal and waits until the command has ended."""
    process.send_signal(how)
    return end(process)


def generate(folder: Path, url: str, *words: str, **settings: Any) -> Ended:
    """A whole command."""
    return end(start(folder, url, *words, **settings))


def done(folder: Path, url: str, *words: str, **settings: Any) -> Ended:
    """A whole command that must work, and owe nothing."""
    ended = generate(folder, url, *words, **settings)
    assert ended.code == 0, ended.err
    assert "failed for now" not in ended.out, ended.out
    return ended


def undisturbed_folder(folder: Path, rows: int) -> Path:
    """A folder in which `generate` has run over so many rows, and nothing went wrong."""
    make_folder(folder, range(rows))
    with ChatServer() as server:
        done(folder, server.url)
        assert server.hits == server.answered.total() == rows
    return folder


def tables(folder: Path) -> dict[str, list[dict[str, object]]]:
    """The rows of every table, without the time calls took."""
    frames = {name: pl.read_parquet(folder / f"data/runs/small/{name}.parquet") for name in TABLES}
    return {name: frame.drop("seconds", strict=False).to_dicts() for name, frame in frames.items()}


def finishes(folder: Path) -> dict[str, int]:
    """How many calls ended in which way."""
    responses = pl.read_parquet(folder / "data/runs/small/2_responses.parquet")
    return dict(responses.group_by("finish").len().iter_rows())


def replies(folder: Path, store: str = "data/responses.sqlite") -> int:
    """How many replies are remembered."""
    if not (folder / store).exists():
        return 0
    with sqlite3.connect(folder / store, timeout=30) as connection, suppress(sqlite3.OperationalError):  # not made yet
        return int(connection.execute("SELECT count(*) FROM replies").fetchone()[0])
    return 0


def outcomes(folder: Path) -> list[str]:
    """How each start ended, by `run.json`."""
    log = json.loads((folder / "data/runs/small/run.json").read_text())
    return [start["outcome"] for start in log["starts"]]

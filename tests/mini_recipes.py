"""Small runs of the recipes for the models that ship, for tests of whole recipes.

In: a recipe's name and a data folder. Out: commands on a small run of it, and what is left behind: tables, starts, replies.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.cli import main
from pipeline.recipe import Recipe, load_recipe
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from pipeline.tables import table_path
from tests.replaying import Replaying
from tests.small_runs import environment, stop

NAMES = sorted(path.stem for path in (REPOSITORY / "recipes").glob("*_mini.yaml"))
SEED = 5
"""Of the teacher's sampling: over HTTP it tells one sample from another."""
SMALL = (
    f"teacher.sampling.seed={SEED}",
    "student.epochs=1",
    "source.limit=16",
    "evaluation.limit=2",
    "evaluation.max_tokens=48",
)
FEWER = {
    "algorithm_distillation_mini": ("source.limit=3",),
    "alpaca_mini": ("methods.0.tasks=12", "methods.0.at_once=6"),
    "lion_mini": ("methods.0.added=6", "source.limit=10"),
    "self_instruct_mini": ("methods.0.tasks=12", "methods.0.at_once=6"),
}
"""What makes a recipe small that `source.limit` does not."""


@dataclass(frozen=True)
class Small:
    """A small run of a recipe in a data folder of its own."""

    name: str
    data: Path
    more: tuple[str, ...] = ()
    """Further changes of the recipe."""

    @property
    def run(self) -> Run:
        return Run(load_recipe(self.name, self._changes()), load_settings(data=str(self.data), device="cpu"))

    @property
    def recipe(self) -> Recipe:
        return self.run.recipe

    @property
    def folder(self) -> Path:
        return self.data / "runs" / self.name

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(table_path(self.folder, name))

    @property
    def starts(self) -> list[dict[str, Any]]:
        return list(json.loads((self.folder / "run.json").read_text())["starts"])

    def words(self, verb: str, *more: str) -> list[str]:
        """The command."""
        sets = [word for change in self._changes() for word in ("--set", change)]
        return [verb, self.name, "--data", str(self.data), "--device", "cpu", *sets, *more]

    def _changes(self) -> list[str]:
        return [*SMALL, *FEWER.get(self.name, ()), *self.more]

    def replayed(self) -> Replaying:
        """A server that answers as the teacher did here."""
        return Replaying(self.folder, self.run.model("teacher").identity, SEED)

    def remembered(self) -> int:
        """How many replies of a server are in the store."""
        path = self.data / "responses.sqlite"
        if not path.exists():
            return 0
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            try:
                return int(store.execute("SELECT count(*) FROM replies WHERE provider = '127.0.0.1'").fetchone()[0])
            except sqlite3.OperationalError:  # not made yet
                return 0


def check_a_kill(first: Small, folder: Path, due: Callable[[Small, Replaying, int], None]) -> None:
    """Kills a run that a server answers as the first was, starts it again, and compares it with one that nothing disturbed.

    Args:
        due: returns when it is time; it is told the run, the server and how many calls a whole run needs. So many have come
            to the server before.
    """
    whole, killed = (Small(first.name, folder / name, first.more) for name in ("whole", "killed"))
    with first.replayed() as server:
        served = ("--backend", "openai", "--base-url", server.url, "--set", "teacher.json_schema=false")
        assert main(whole.words("generate", *served)) == 0
        needed = server.hits
        server.seconds = 0.05
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *killed.words("generate", *served, "--concurrency", "8")],
            env=environment(server.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        due(killed, server, needed)
        ended = stop(process, signal.SIGKILL)
        assert ended.code == -signal.SIGKILL, f"it ended before it was killed: {ended.err}"
        landed, before, server.seconds = killed.remembered(), server.hits, 0.0
        assert not table_path(killed.folder, "3_samples").exists()
        assert main(killed.words("generate", *served)) == 0
        assert server.hits - before == needed - landed
    paths = sorted(whole.folder.glob("*.parquet"))
    assert len(paths) >= 5
    for path in paths:
        for one, other in zip(rows(path), rows(killed.folder / path.name), strict=True):
            probable, as_probable = one.pop("logprobs", None), other.pop("logprobs", None)
            assert one == other, path.name
            assert probable == pytest.approx(as_probable, abs=1e-3)  # a batch of another size rounds otherwise in float32


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a table, without the time calls took; of log-probabilities those of the tokens that came."""
    found = pl.read_parquet(path).drop("seconds", strict=False).to_dicts()
    for row in found:
        if row.get("logprobs"):
            row["logprobs"] = [each["logprob"] for each in json.loads(row["logprobs"])]
    return found

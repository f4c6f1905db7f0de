"""`distill store`: what it says of a store adds up, what it writes is whole, and what it throws away is what was meant."""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.llm.databases import database_at
from pipeline.llm.databases.stored import Damaged, Stored, checksum
from pipeline.llm.request import Reply
from pipeline.llm.store import Store
from pipeline.report.replies import export, prune, stats
from tests.llm.test_store import stored

LOGPROBS = [{"token": "a", "logprob": -0.5, "top": [{"token": "b", "logprob": -1.5}]}]
REPLIES = {
    "a1": ("api.example.org", "big", Reply(text="Größe\n", tokens_in=1200, tokens_out=30, cost=0.25, seconds=1.5)),
    "a2": ("api.example.org", "big", Reply(text="x", tokens_in=800, tokens_out=10, cost=0.5, logprobs=LOGPROBS)),
    "a3": ("api.example.org", "big", Reply(finish="error", error="too long", tokens_in=None)),
    "b1": ("local", "small", Reply(text="y", reasoning="because", tokens_in=5, tokens_out=5, cost=0.0)),
    "c1": ("", "", Reply(text="before providers were stored")),
}


def put_all(where: str | Path) -> None:
    async def scene() -> None:
        async with Store(where) as store:
            for key, (provider, model, reply) in REPLIES.items():
                await store.put(key, reply, provider=provider, model=model)

    asyncio.run(scene())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    put_all(tmp_path / "responses.sqlite")
    return tmp_path / "responses.sqlite"


def words(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines]


def test_stats(path: Path) -> None:
    lines = stats(path)
    assert lines[0].startswith(f"{path}: 5 replies in 0.0 MB, landed 20")
    assert words(lines[1:]) == [
        "provider model replies tokens in tokens out dollars without text",
        "api.example.org big 3 2,000 + 1 unknown 40 + 1 unknown 0.7500 + 1 unknown 1",
        "local small 1 5 5 0.0000 0",
        "unknown unknown 1 unknown unknown unknown 0",
    ]


def test_an_empty_store_has_stats(tmp_path: Path) -> None:
    with database_at(tmp_path / "empty.sqlite"):
        pass
    assert stats(tmp_path / "empty.sqlite") == [f"{tmp_path}/empty.sqlite: 0 replies in 0.0 MB"]


@pytest.mark.parametrize("verb", [stats, lambda where: export(where, Path("x.jsonl")), lambda where: prune(where, errors=True)])
def test_where_nothing_was_stored_nothing_is_made(tmp_path: Path, verb: object) -> None:
    with pytest.raises(UserError, match=r"none\.sqlite: no replies are stored there"):
        verb(tmp_path / "none.sqlite")  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


def test_export_as_lines(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.jsonl"
    assert export(path, out) == [f"{out}: 5 replies"]
    lines = {line["key"]: line for line in map(json.loads, out.read_text("utf-8").splitlines())}
    assert list(lines["a2"]) == ["key", "provider", "model", "landed", *Reply.model_fields]
    assert (lines["a1"]["text"], lines["a1"]["provider"], lines["a1"]["landed"][-6:]) == (
        "Größe\n",
        "api.example.org",
        "+00:00",
    )
    assert (lines["a2"]["logprobs"], lines["c1"]["provider"], lines["a3"]["error"]) == (LOGPROBS, None, "too long")
    assert export(path, out) == [f"{out}: 5 replies"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["all.jsonl", "responses.sqlite"]


def test_export_as_parquet(path: Path, tmp_path: Path) -> None:
    export(path, tmp_path / "all.parquet")
    frame = pl.read_parquet(tmp_path / "all.parquet").sort("key")
    assert frame.columns == ["key", "provider", "model", "landed", *Reply.model_fields]
    assert frame["cost"].to_list() == [0.25, 0.5, None, 0.0, None]
    assert json.loads(frame["logprobs"][1]) == LOGPROBS
    assert frame["landed"].dtype == pl.Datetime("ms", "UTC")


def test_export_as_a_store(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    export(path, copy)
    assert stored(copy) == stored(path)
    assert words(stats(copy)[1:]) == words(stats(path)[1:])
    with pytest.raises(UserError, match="is there already, and may be a store"):
        export(path, copy)


def test_a_damaged_store_is_mended_by_export(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in (
            "UPDATE replies SET reply = replace(reply, 'x', 'z') WHERE key = 'a2'",
            "UPDATE replies SET reply = '{half' WHERE key = 'c1'",
        ):
            connection.execute(statement)
        connection.commit()
    assert words(stats(path))[-1].startswith("2 of them cannot be read. `distill store export")
    mended = tmp_path / "mended.sqlite"
    assert export(path, mended) == [f"{mended}: 3 replies", "  2 replies could not be read and were left out"]
    assert stored(mended).keys() == {"a1", "a3", "b1"}


def test_a_store_that_was_cut_off_is_mended_by_export(tmp_path: Path) -> None:
    path, mended = tmp_path / "responses.sqlite", tmp_path / "mended.sqlite"
    fill(path, 1000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 9 // 10])
    with pytest.raises(Damaged, match="malformed"):
        stats(path)
    lines = export(path, mended)
    assert "parts of the store could not be read" in lines[-1]
    assert 800 < len(stored(mended)) < 1000


@pytest.mark.parametrize(
    ("name", "says"),
    [("all.csv", "not a kind of file"), ("none/all.jsonl", "cannot be written"), ("none/all.parquet", "cannot be written")],
)
def test_a_file_that_cannot_be_written(path: Path, tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        export(path, tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == ["responses.sqlite"]


def test_an_export_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path, out = tmp_path / "responses.sqlite", tmp_path / "all.jsonl"
    fill(path, 1000)
    out.write_text("of yesterday")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        with pytest.raises(UserError, match=r"all\.jsonl: cannot be written: File too large"):
            export(path, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert out.read_text() == "of yesterday"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["all.jsonl", "responses.sqlite"]


@pytest.mark.parametrize(
    ("conditions", "gone", "cost"),
    [
        ({"errors": True}, {"a3"}, "unknown"),
        ({"provider": "api.example.org"}, {"a1", "a2", "a3"}, "0.7500 + 1 unknown"),
        ({"provider": "api.example.org", "errors": True}, {"a3"}, "unknown"),
        ({"provider": "local", "model": "small"}, {"b1"}, "0.0000"),
        ({"provider": "local", "model": "big"}, set(), "0.0000"),
        ({"model": "unknown"}, {"c1"}, "unknown"),
        ({"older_than_days": 10}, {"a1"}, "0.2500"),
        ({"older_than_days": 0}, set(REPLIES), "0.7500 + 2 unknown"),
    ],
)
def test_prune(path: Path, conditions: dict[str, object], gone: set[str], cost: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE replies SET landed = landed - 20 * 86400 WHERE key = 'a1'")
        connection.commit()
    said = prune(path, dry_run=True, **conditions)  # type: ignore[arg-type]
    assert said == (len(gone), [f"{path}: {len(gone)} replies would be thrown away; dollars they had cost: {cost}"])
    assert stored(path).keys() == REPLIES.keys()
    said = prune(path, **conditions)  # type: ignore[arg-type]
    assert said == (len(gone), [f"{path}: {len(gone)} replies were thrown away; dollars they had cost: {cost}"])
    assert stored(path).keys() == REPLIES.keys() - gone


@pytest.mark.parametrize("conditions", [{}, {"older_than_days": -1}, {"older_than_days": float("nan")}])
def test_prune_refuses_to_throw_everything_away(path: Path, conditions: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"no condition is given|not a number of days"):
        prune(path, **conditions)  # type: ignore[arg-type]
    assert stored(path).keys() == REPLIES.keys()


def fill(where: str | Path, rows: int) -> None:
    """Puts many rows."""
    with database_at(where) as database:
        for start in range(0, rows, 1000):
            replies = [
                (f"k{number}", Reply(text=f"{number} " * 200, cost=0.001).model_dump_json().encode())
                for number in range(start, min(start + 1000, rows))
            ]
            database.put([Stored(key, reply, 1e9, "many", "m", checksum(key, reply)) for key, reply in replies])


def test_prune_gives_space_back(path: Path) -> None:
    fill(path, 3000)
    before = path.stat().st_size
    assert prune(path, provider="many")[0] == 3000
    assert path.stat().st_size < before / 10
    assert stored(path).keys() == REPLIES.keys()


MEASURE = """
import resource, sys
from pathlib import Path
from pipeline.report.replies import export, prune, stats

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

small, large, out = sys.argv[1:]
for where in (small, large):
    stats(where), export(where, Path(out)), prune(where, provider="many", dry_run=True)
    print(peak())
"""


@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path) -> None:
    small, large = tmp_path / "small.sqlite", tmp_path / "large.sqlite"
    fill(small, 2000)
    fill(large, 40_000)
    words = [sys.executable, "-c", MEASURE, str(small), str(large), str(tmp_path / "out.jsonl")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    few, many = map(float, done.stdout.split())
    assert many - few < 15  # MB, of 40 in the store

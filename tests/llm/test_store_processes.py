"""Several processes on one store ask for each key once, also when one of them is killed in the middle."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KEYS = 200
ASKER = """
import asyncio, os, random, sys
from pipeline.llm.request import Reply
from pipeline.llm.store import Store

async def main(where, log, number):
    draw = random.Random(int(number))
    notes = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    keys = [str(key) for key in range(KEYS)]
    draw.shuffle(keys)

    def note(*words):
        os.write(notes, (" ".join(words) + "\\n").encode())

    async with Store(where) as store:
        async def ask():
            while keys:
                key = keys.pop()
                if await store.claim(key) is None:
                    note("asked", key, number)
                    await asyncio.sleep(draw.uniform(0, 0.04))
                    await store.put(key, Reply(text=f"by {number}"), provider="test", model="m")
                    note("stored", key, number)
                note("got", key, number)
        await asyncio.gather(*(ask() for _ in range(8)))

asyncio.run(main(*sys.argv[1:]))
""".replace("KEYS", str(KEYS))
"""A process that wants all keys, at random, eight at a time, and notes what it asked for itself."""


@contextmanager
def askers(where: str | Path, log: Path, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many processes on one store, which end with the block."""
    words = [sys.executable, "-c", ASKER, str(where), str(log)]
    processes = [subprocess.Popen([*words, str(number)]) for number in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def notes(log: Path, what: str) -> list[tuple[str, str]]:
    """Key and process of every note of a sort, in order."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [(key, number) for word, key, number in map(str.split, lines) if word == what]


def expect_each_asked_once(where: str | Path, log: Path) -> None:
    """Four processes want the same keys."""
    with askers(where, log, 4) as processes:
        assert [process.wait(60) for process in processes] == [0] * 4
    asked = notes(log, "asked")
    assert sorted(key for key, _ in asked) == sorted(map(str, range(KEYS)))
    assert len({number for _, number in asked}) > 1, "one process did everything: nothing was tested"
    assert Counter(number for _, number in notes(log, "got")) == {str(number): KEYS for number in range(4)}


def expect_only_what_was_in_flight_asked_twice(where: str | Path, log: Path) -> None:
    """The same, and the first process that asked is killed in the middle."""
    with askers(where, log, 4) as processes:
        while len(notes(log, "stored")) < KEYS // 4:
            time.sleep(0.005)
        victim = notes(log, "asked")[-1][1]
        processes[int(victim)].kill()
        assert sorted(process.wait(60) for process in processes) == [-9, 0, 0, 0]
    asked, stored = notes(log, "asked"), notes(log, "stored")
    in_flight = {key for key, number in asked if number == victim} - {key for key, _ in stored if (key, victim) in stored}
    twice = {key for key, times in Counter(key for key, _ in asked).items() if times > 1}
    assert {key for key, _ in asked} == set(map(str, range(KEYS)))
    assert twice <= in_flight and len(in_flight) <= 8
    assert len(asked) <= KEYS + len(in_flight)
    got = Counter(number for _, number in notes(log, "got"))
    assert [got[str(number)] for number in range(4) if str(number) != victim] == [KEYS] * 3


def test_each_key_is_asked_once(tmp_path: Path) -> None:
    expect_each_asked_once(tmp_path / "responses.sqlite", tmp_path / "log")


def test_after_a_kill_only_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    expect_only_what_was_in_flight_asked_twice(tmp_path / "responses.sqlite", tmp_path / "log")


@pytest.mark.slow
def test_after_many_kills_only_what_was_in_flight_is_asked_again(tmp_path: Path) -> None:
    for turn in range(10):
        folder = tmp_path / str(turn)
        folder.mkdir()
        expect_only_what_was_in_flight_asked_twice(folder / "responses.sqlite", folder / "log")

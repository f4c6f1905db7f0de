"""`distill generate` killed, interrupted, and run twice at once on one store.

What is promised: a process that dies costs what it had in flight and nothing else, an interrupt ends within five seconds with
everything that landed, several processes ask each question once, and the tables are those of a run that nothing disturbed.
"""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.servers import ChatServer, Trouble, wait_until
from tests.slow.conftest import ROWS
from tests.small_runs import (
    done,
    end,
    make_folder,
    outcomes,
    replies,
    start,
    stop,
    tables,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_killed_at_ten_random_points(work: Path, undisturbed: Path) -> None:
    draw, in_flight, allowed = random.Random(20), 8, ROWS
    with ChatServer(seconds=0.1) as server:
        for _ in range(10):
            before = server.hits
            process = start(work, server.url, concurrency=in_flight)
            server.wait_for_hits(before + draw.randint(1, 2 * ROWS // 20))
            time.sleep(draw.uniform(0.0, 0.1))
            stop(process, signal.SIGKILL)
            allowed += in_flight
            assert not list((work / "data/runs/small").glob("*.parquet"))
        server.seconds = 0.0
        done(work, server.url, concurrency=in_flight)
        print(f"{server.hits} hits for {ROWS} rows; {allowed} are allowed")
        assert ROWS <= server.hits <= allowed
        assert len(server.by_body) == ROWS
    assert tables(work) == tables(undisturbed)


def test_killed_while_the_tables_are_written(work: Path, undisturbed: Path) -> None:
    """The last part of a run: nothing is asked any more, and a kill finds it in the middle of files."""
    with ChatServer() as server:
        done(work, server.url)
        shutil.rmtree(work / "data/runs")
        draw = random.Random(21)
        for _ in range(6):
            process = start(work, server.url)
            wait_until((work / "data/runs/small/.lock").exists)
            time.sleep(draw.uniform(0.0, 0.5))
            stop(process, signal.SIGKILL)
        done(work, server.url)
        assert server.hits == ROWS
    assert tables(work) == tables(undisturbed)
    assert not list((work / "data/runs/small").glob(".*.unfinished"))


@pytest.mark.parametrize("seconds", [0.3, 60.0], ids=["answers", "hangs"])
def test_an_interrupt_ends_within_five_seconds_and_keeps_what_landed(work: Path, undisturbed: Path, seconds: float) -> None:
    in_flight = 16
    with ChatServer(seconds=0.05) as server:
        process = start(work, server.url, concurrency=in_flight)
        server.wait_for_hits(ROWS // 2)
        server.seconds = seconds
        server.wait_for_hits(server.hits + in_flight // 2)
        began = time.monotonic()
        ended = stop(process, signal.SIGINT)
        assert time.monotonic() - began < 5
        assert ended.code == 130 and "interrupted" in ended.err and "Traceback" not in ended.err, ended.err
        assert replies(work) == server.answered.total()
        assert outcomes(work) == ["KeyboardInterrupt"]
        server.seconds, before, left = 0.0, server.hits, ROWS - replies(work)
        done(work, server.url)
        assert server.hits - before == left > 0
        assert max(server.answered.values()) == 1
    assert tables(work) == tables(undisturbed)


def test_an_interrupt_while_everybody_waits_ends_at_once(work: Path) -> None:
    """Nothing is in flight: all have been told to come again in half a minute."""
    with ChatServer(Trouble(429, headers={"Retry-After": "30"})) as server:
        process = start(work, server.url)
        server.wait_for_hits(20)
        time.sleep(0.5)
        began = time.monotonic()
        assert stop(process, signal.SIGINT).code == 130
        assert time.monotonic() - began < 5


def test_a_second_interrupt_does_no_harm(work: Path, undisturbed: Path) -> None:
    with ChatServer(seconds=0.2) as server:
        process = start(work, server.url, concurrency=8)
        server.wait_for_hits(40)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert end(process).code in (130, -signal.SIGINT)
        server.seconds = 0.0
        done(work, server.url)
        assert server.hits <= ROWS + 8
    assert tables(work) == tables(undisturbed)


def test_two_runs_on_one_store_ask_each_question_once(tmp_path: Path) -> None:
    """Both take the same questions in the same order, so that the second soon wants what the first is just asking."""
    store, rows = str(tmp_path / "replies.sqlite"), {"one": range(0, 300), "two": range(0, 330)}
    folders = {name: make_folder(tmp_path / name, numbers) for name, numbers in rows.items()}
    with ChatServer(Trouble(500, share=0.05), seconds=0.2, seed=5) as server:
        running = [start(each, server.url, "--store", store, concurrency=16) for each in folders.values()]
        for each in running:
            ended = end(each)
            assert ended.code == 0 and "failed for now" not in ended.out, ended.err + ended.out
        assert len(server.by_body) == server.answered.total() == 330
        assert max(server.answered.values()) == 1
        assert server.most_at_once > 16  # else they did not run at once, and nothing was shown
    for name, numbers in rows.items():
        alone = make_folder(tmp_path / f"alone-{name}", numbers)
        with ChatServer() as calm:
            done(alone, calm.url)
        assert tables(folders[name]) == tables(alone)


def test_who_waits_for_a_killed_run_takes_over(tmp_path: Path) -> None:
    store = str(tmp_path / "replies.sqlite")
    one, two = (make_folder(tmp_path / name, range(60)) for name in ("one", "two"))
    with ChatServer(seconds=0.05) as server:
        first = start(one, server.url, "--store", store, concurrency=16)
        server.wait_for_hits(5)
        server.seconds = 60.0  # the first is stuck with what it holds
        server.wait_for_hits(16)
        second = start(two, server.url, "--store", store, concurrency=16)
        time.sleep(3)
        server.seconds = 0.0
        stop(first, signal.SIGKILL)
        ended = end(second, 60)
        assert ended.code == 0 and "failed for now" not in ended.out, ended.err
        assert server.hits <= 60 + 16

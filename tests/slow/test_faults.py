"""`distill generate` as people run it, before endpoints that fail in every way, and under ceilings.

Each command is a process of its own; the server lives in the test and counts. What is promised: no row is lost, none is paid
for twice, and the tables are those of a run that nothing disturbed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE

import pytest

from pipeline.llm.backends.protocol import STRANGE_TRIES
from pipeline.llm.retry import TRIES
from tests import trouble
from tests.limits import RateLimit
from tests.servers import ChatServer, Trouble, deaf_url
from tests.slow.conftest import ROWS
from tests.small_runs import (
    RECIPE,
    done,
    end,
    environment,
    finishes,
    generate,
    make_folder,
    outcomes,
    question,
    replies,
    start,
    tables,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_fifth_of_the_calls_failing_loses_no_row(work: Path, undisturbed: Path) -> None:
    with ChatServer(Trouble(500, share=0.2), seconds=0.05, seed=7) as server:
        done(work, server.url)
        assert server.answered.total() == len(server.by_body) == ROWS
        assert 1.1 * ROWS < server.hits < 1.5 * ROWS
    assert tables(work) == tables(undisturbed)


def test_everything_at_once_loses_no_row(work: Path, undisturbed: Path) -> None:
    with ChatServer(*trouble.WEATHER, seconds=0.02, seed=3) as server:
        done(work, server.url, read_seconds=1.0, total_seconds=5.0)
    assert tables(work) == tables(undisturbed)


@pytest.mark.parametrize("retry_after", [True, False])
def test_through_a_storm_of_429_most_of_what_is_allowed_is_used(tmp_path: Path, retry_after: bool) -> None:
    folder, rows = make_folder(tmp_path / "work", range(900)), 900
    limit = RateLimit(per_second=60, burst=60, retry_after=retry_after)
    with ChatServer(seconds=0.1, limit=limit) as server:
        done(folder, server.url)
        seconds = server.answered_at[-1] - server.times[0]
    assert server.answered.total() == rows
    assert rows / limit.allowed(seconds) >= 0.7  # bench/faults.py measures it; the machine may be busy here


HOPELESS = ("HANG", "HALF", "GONE", "CUT", "RESET", "ENDED", "TOO_LITTLE", "NO_JSON", "HTML", "NO_CHOICES", "GATEWAY")


def rows_that_never_work(folder: Path) -> None:
    make_folder(folder, range(60))
    troubles = [replace(getattr(trouble, name), where=question(number)) for number, name in enumerate(HOPELESS)]
    with ChatServer(*troubles) as server:
        began = time.monotonic()
        ended = generate(folder, server.url, read_seconds=0.5)
        assert ended.code == 0, ended.err
        assert time.monotonic() - began < 300  # with up to half a minute between two tries
        assert finishes(folder) == {"stop": 60 - len(HOPELESS), "owed": len(HOPELESS)}
        assert f"{len(HOPELESS)} calls failed for now" in ended.out
        tries = sorted(server.by_body.values())[-len(HOPELESS) :]
        assert tries[0] == STRANGE_TRIES and all(5 <= count <= TRIES for count in tries[1:]), tries
        before = server.hits
        server.troubles.clear()
        done(folder, server.url)
        assert server.hits == before + len(HOPELESS) and server.answered.total() == 60


def a_deaf_endpoint(folder: Path) -> None:
    make_folder(folder, range(60))
    with deaf_url() as url:
        ended = generate(folder, url, read_seconds=0.3)
    assert ended.code == 2 and "Traceback" not in ended.err
    assert "40 times" in ended.err and "no answer in time" in ended.err, ended.err


@pytest.fixture(scope="module")
def long_waits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Callable[[], None]]]:
    """The checks that wait for minutes, and for little else: at the same time."""
    checks = {"rows": rows_that_never_work, "endpoint": a_deaf_endpoint}
    with ThreadPoolExecutor() as pool:
        yield {name: pool.submit(check, tmp_path_factory.mktemp(name) / "work").result for name, check in checks.items()}


def test_rows_that_never_work_are_given_up_in_time_and_owed(long_waits: dict[str, Callable[[], None]]) -> None:
    long_waits["rows"]()


def test_an_endpoint_that_is_deaf_ends_the_run(long_waits: dict[str, Callable[[], None]]) -> None:
    long_waits["endpoint"]()


MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
"""Runs a command and tells, last of all, the most memory it took in KiB: of the tests' own processes some take more."""


def test_answers_of_a_hundred_megabytes_are_not_swallowed(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "work", range(40))
    huge = [replace(trouble.HUGE, where=question(number)) for number in range(3)]
    zipped = [replace(trouble.ZIPPED, where=question(number)) for number in range(3, 6)]
    with ChatServer(*huge, *zipped) as server:
        command = (sys.executable, "-c", MEASURED, sys.executable, "-m", "pipeline", "generate", "small")
        given = environment(server.url, data="data")
        ended = end(subprocess.Popen(command, cwd=folder, env=given, stdout=PIPE, stderr=PIPE, text=True))
        assert ended.code == 0 and finishes(folder) == {"stop": 34, "owed": 6}, ended.err
        assert "larger than" in ended.out and server.hits == 40
    most = int(ended.err.splitlines()[-1]) / 1024
    assert 50 < most < 600, f"the command took {most:.0f} MiB"


@pytest.mark.parametrize("ceiling", [{"max_tokens": 9000}, {"max_calls": 150}], ids=["tokens", "calls"])
def test_a_ceiling_holds_against_the_bill_and_a_higher_one_goes_on(
    work: Path, undisturbed: Path, ceiling: dict[str, int]
) -> None:
    broken = (Trouble(wire=trouble.reset_in_the_body, share=0.1), Trouble(cut=True, share=0.1), Trouble(500, share=0.1))
    with ChatServer(*broken, seconds=0.02, seed=9) as server:
        stopped = generate(work, server.url, concurrency=8, **ceiling)
        assert stopped.code == 3, stopped.err
        (name, most), *_ = ceiling.items()
        assert f"stopped: DISTILL_{name.upper()}={most}" in stopped.err and "the same command goes on" in stopped.err
        bill = server.bill.tokens if name == "max_tokens" else server.bill.calls
        assert 0.5 * most < bill <= most
        assert replies(work) == server.answered.total() > 0
        done(work, server.url, **{name: most * 100})
        assert server.answered.total() == ROWS and max(server.answered.values()) == 1
    assert outcomes(work) == ["BudgetReached", "done"]
    assert tables(work) == tables(undisturbed)


def test_nothing_is_lost_when_a_wrong_key_comes_in_the_middle(work: Path, undisturbed: Path) -> None:
    in_flight = 8
    with ChatServer(seconds=0.05) as server:
        process = start(work, server.url, concurrency=in_flight)
        server.wait_for_hits(ROWS // 2)
        server.troubles = [trouble.WRONG_KEY]
        before = server.hits
        ended = end(process)
        assert ended.code == 2 and "401 Incorrect API key provided: ***" in ended.err
        assert server.hits - before <= 2 * in_flight
        assert replies(work) == server.answered.total()
        server.troubles = []
        done(work, server.url)
        assert server.answered.total() == ROWS and max(server.answered.values()) == 1
    assert tables(work) == tables(undisturbed)


def test_an_edited_recipe_is_another_question(work: Path) -> None:
    """What tells the tests above that the tables would differ if anything did."""
    with ChatServer() as server:
        done(work, server.url)
        before = tables(work)
        (work / "recipes/small.yaml").write_text(RECIPE.replace("seed: 5", "seed: 6"))
        done(work, server.url)
        assert server.hits == 2 * ROWS
    assert tables(work) != before

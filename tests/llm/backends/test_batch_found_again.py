"""Batches across failures, kills and days: all is found again at the provider, and nothing is paid for twice."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.batch import BatchModel
from pipeline.llm.backends.batch_lines import Terms
from pipeline.llm.request import Reply
from pipeline.settings import load_settings
from tests.batch_provider import Course
from tests.batch_server import BatchServer, Kind, Mishap
from tests.llm.batching import QUICK, answers, ask, model, right, sums, texts, through_door, until
from tests.trouble import Trouble

KINDS: tuple[Kind, ...] = ("list", "upload", "create", "look", "content")


@pytest.mark.parametrize("how", [{}, {"cut": True}, {"late": True}, {"late": True, "cut": True}], ids=str)
def test_what_passes_loses_nothing_and_pays_once(how: Any) -> None:
    with BatchServer(*(Mishap(kind, times=1, **how) for kind in KINDS)) as server:
        replies = ask(server.url, *sums(3), terms=Terms(0.03, 0.02, 0.05, patience=20))
    assert texts(replies) == right(3)
    assert len(server.batches) == 1
    assert set(server.billed.values()) == {1}


@pytest.mark.parametrize("kind", ["look", "content"])
def test_a_provider_out_of_order_keeps_the_batch_for_another_day(kind: Kind) -> None:
    with BatchServer(Mishap(kind)) as server:
        for error in ask(server.url, *sums(2), terms=Terms(0.03, 0.02, 0.05, patience=0.2)):
            assert isinstance(error, CallFailed) and not error.again and "same command" in str(error)
        server.mishaps.clear()
        assert texts(ask(server.url, *sums(2))) == right(2)
    assert len(server.batches) == 1


@pytest.mark.parametrize(
    "mishap",
    [
        Mishap("upload", times=1, hang=True, late=True),
        Mishap("create", times=1, hang=True, late=True),
        Mishap("content", times=1, hang=True),
    ],
    ids=["uploaded", "created", "download"],
)  # fmt: skip
def test_after_a_kill_nothing_is_paid_twice(mishap: Mishap, tmp_path: Path) -> None:
    with BatchServer(mishap) as server:
        command = [sys.executable, "-m", "tests.llm.batching", str(tmp_path), server.url, "5"]
        program = subprocess.Popen(command)
        server.wait_for(mishap.kind)
        program.kill()
        program.wait(30)
        assert texts(asyncio.run(through_door(tmp_path, model(server.url), *sums(5)))) == right(5)
    assert len(server.batches) == 1
    assert server.billed.total() == len(server.billed) == 5


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
def test_ten_kills_at_any_time_pay_once(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    with BatchServer(courses=(Course("expired", after=25),), seconds=8.0) as server:
        for _ in range(10):
            program = subprocess.Popen([sys.executable, "-m", "tests.llm.batching", str(tmp_path), server.url, "60"])
            with suppress(subprocess.TimeoutExpired):
                program.wait(moments.uniform(0.8, 3.0))
            program.kill()
            program.wait(30)
        assert texts(asyncio.run(through_door(tmp_path, model(server.url), *sums(60)))) == right(60)
    assert server.billed.total() == len(server.billed) == 60
    assert texts(asyncio.run(through_door(tmp_path, model(server.url), *sums(60)))) == right(60)  # without a server


def test_days_later_the_same_command_picks_it_up(capsys: pytest.CaptureFixture[str]) -> None:
    with BatchServer() as server:
        server.paused = True
        leave(server, 5)
        said = capsys.readouterr()
        assert said.out == "" and said.err == "5 requests go on at 127.0.0.1 (batch_1); the same command picks them up\n"
        server.paused = False
        server.age(20)
        assert texts(ask(server.url, *sums(8))) == right(8)
        assert [len(each) for each in server.asked] == [5, 3]
        server.age(11)
        assert texts(ask(server.url, *sums(1))) == right(1)  # its files are gone, and with them what was paid for
    assert len(server.batches) == 3
    assert capsys.readouterr().err == ""


def leave(server: BatchServer, count: int) -> None:
    """Submits requests and leaves before they are answered."""

    async def scene() -> None:
        asking = asyncio.create_task(answers(model(server.url), *sums(count)))
        before = len(server.batches)
        await until(lambda: len(server.batches) > before and "look" in server.log)
        asking.cancel()
        await asyncio.wait([asking])

    asyncio.run(scene())


def test_batches_on_later_pages_are_found() -> None:
    with BatchServer(page=1) as server:
        for number in range(3):
            ask(server.url, sums(3)[number])
        assert texts(ask(server.url, *sums(3))) == right(3)
    assert len(server.batches) == 3


def test_batches_of_others_are_left_alone() -> None:
    with BatchServer() as server:
        other = BatchModel(backend="batch", model="large-1").open(load_settings(openai_base_url=server.url), QUICK)
        asyncio.run(answers(other, *sums(2)))
        for marks in (None, {"made_by": "somebody", "model": "small-1"}):
            ask(server.url, *sums(2))
            list(server.batches.values())[-1]["metadata"] = marks
        before = len(server.log)
        ask(server.url, *sums(1))
    assert server.log[before:].count("content") == 1  # its own
    assert len(server.batches) == 4


def test_results_that_were_deleted_are_asked_for_again() -> None:
    with BatchServer() as server:
        ask(server.url, *sums(2))
        del server.contents[server.batches["batch_1"]["output_file_id"]]
        assert texts(ask(server.url, *sums(2))) == right(2)
    assert len(server.batches) == 2


def test_a_result_is_read_once_and_no_further_than_needed() -> None:
    async def scene(url: str) -> None:
        async with model(url).start() as backend:
            for asked in sums(6)[3:]:  # three turns
                await backend.complete(asked)

    with BatchServer(rows=(Trouble(400, '{"error": {"message": "no"}}', where="0 + 1"),)) as server:
        ask(server.url, *sums(3))
        before = len(server.log)
        ask(server.url, sums(2)[1])
        assert server.log[before:] == ["list", "content"]
        before = len(server.log)
        asyncio.run(scene(server.url))
    calls = server.log[before:]
    assert calls.count("list") == 1
    assert calls.count("content") == 2 + 3


def test_an_input_that_cannot_be_read_is_waited_for() -> None:
    with BatchServer() as server:
        server.paused = True
        leave(server, 3)
        del server.contents[server.batches["batch_1"]["input_file_id"]]

        async def scene() -> list[Reply | BaseException]:
            asking = asyncio.create_task(answers(model(server.url), *sums(5)))
            before = server.log.count("look")
            await until(lambda: server.log.count("look") >= before + 2)
            assert len(server.batches) == 1
            server.paused = False
            return await asking

        assert texts(asyncio.run(scene())) == right(5)
    assert len(server.batches) == 2
    assert server.billed.total() == len(server.billed) == 5


def test_what_is_left_by_a_batch_being_cancelled_is_submitted_again() -> None:
    with BatchServer(courses=(Course(after=1),), seconds=0.4) as server:
        leave(server, 3)
        server.cancel_all()
        assert texts(ask(server.url, *sums(3))) == right(3)
    assert [len(each) for each in server.asked] == [3, 2]
    assert set(server.billed.values()) == {1}

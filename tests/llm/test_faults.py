"""The door before a server that misbehaves: what is promised for each misbehaviour, and that it harms no other row.

All troubles that befall single rows are put to one door at once, among rows that nothing befalls, and then to a second door on
the same store: what was an outcome is remembered, what failed for now is asked again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetReached, UserError
from pipeline.llm.ask import Door
from pipeline.llm.backends import CallFailed
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.budget import Budget
from pipeline.llm.model import Model
from pipeline.llm.request import Reply
from pipeline.llm.retry import TRIES
from pipeline.settings import load_settings
from tests import trouble
from tests.limits import RateLimit
from tests.llm.asking import door, request
from tests.servers import ChatServer, Trouble, closed_url, deaf_url, times
from tests.small_runs import question

Ended = Reply | BaseException
HEALTHY = range(100, 130)
SECONDS = {"connect_seconds": 2.0, "read_seconds": 1.5, "total_seconds": 3.0}

PASSING = {
    **{name: times(getattr(trouble, name), 1) for name in (
        "OVERLOADED", "UNAVAILABLE", "GATEWAY", "BROKEN", "WRAPPED_ERROR", "HTML", "EMPTY", "NO_JSON", "NO_MESSAGE",
        "NO_CHOICES", "CUT", "RESET", "ENDED", "TOO_LITTLE", "TOO_MUCH", "HANG", "HALF", "GONE",
    )},
    "DRIP": Trouble(wire=trouble.drip(0.2, 12), times=1),  # never silent for long, and too long in all
    "LATE": Trouble(seconds=2.0, times=1),
}  # fmt: skip
"""What befalls the first try; the second is answered."""
ANSWERED = {
    "NO_USAGE": trouble.NO_USAGE,
    "TWICE": trouble.TWICE,
    "NULL_CONTENT": trouble.NULL_CONTENT,
    "SLOW_DRIP": Trouble(wire=trouble.drip(0.2, 40)),  # longer in all than one silence may be
    "SWOLLEN": Trouble(wire=trouble.swell(4)),
    "SWOLLEN_AND_ZIPPED": Trouble(wire=trouble.swell(4, zipped=True)),
}
"""Odd, and an answer all the same."""
REFUSED = {"TOO_LONG": trouble.TOO_LONG, "FILTERED": trouble.FILTERED, "STOPPED": trouble.STOPPED}
"""Outcomes that asking again would not change."""
OWED = {
    "BROKEN_FOR_GOOD": trouble.BROKEN,
    "HUGE": Trouble(wire=trouble.swell(40)),
    "ZIPPED": Trouble(wire=trouble.swell(40, zipped=True)),
    "TOMORROW": Trouble(429, headers={"Retry-After": "86400"}),
}
"""Failures that may pass another day."""
ROWS = {name: number for number, name in enumerate([*PASSING, *ANSWERED, *REFUSED, *OWED])}


def small(url: str, **settings: Any) -> Model:
    """`small-1` at an address, by settings."""
    return OpenAIModel(backend="openai", model="small-1").open(load_settings(openai_base_url=url, **settings))


async def ask_all(opened: Door, model: Model, numbers: list[int], **sampling: Any) -> dict[int, Ended]:
    """What became of each question."""
    asking = (opened.ask(model, request(question(number), **sampling)) for number in numbers)
    results = await asyncio.gather(*asking, return_exceptions=True)
    return {number: each if isinstance(each, BaseException) else each[1] for number, each in zip(numbers, results, strict=True)}


def ask(folder: Path, model: Model, numbers: list[int], budget: Budget | None = None) -> dict[int, Ended]:
    """Opens a door, asks everything at once, closes it."""

    async def scene() -> dict[int, Ended]:
        async with door(folder, budget) as opened:
            return await ask_all(opened, model, numbers, max_tokens=32)

    return asyncio.run(scene())


@dataclass
class Twice:
    """Everything asked twice, by two doors on one store."""

    first: dict[int, Ended]
    second: dict[int, Ended]
    hits: tuple[dict[str, int], dict[str, int]]
    """Calls by what befalls them, of the first door and of the second."""
    seconds: float
    """What the first door took."""


def hits_of(server: ChatServer, before: int = 0) -> dict[str, int]:
    """Calls by the trouble's name."""
    prompts = [body["messages"][-1]["content"] for body in server.bodies[before:]]
    return {name: prompts.count(question(number)) for name, number in ROWS.items()}


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twice]:
    folder = tmp_path_factory.mktemp("faults")
    troubles = [replace(each, where=question(ROWS[name])) for name, each in (PASSING | ANSWERED | REFUSED | OWED).items()]
    numbers = [*ROWS.values(), *HEALTHY]
    with ChatServer(*troubles) as server:
        began = time.monotonic()
        first = ask(folder, small(server.url, **SECONDS), numbers)
        seconds, before = time.monotonic() - began, server.hits
        second = ask(folder, small(server.url, **SECONDS), numbers)
        yield Twice(first, second, (hits_of(server, 0), hits_of(server, before)), seconds)


def hits(twice: Twice, name: str) -> tuple[int, int]:
    first, second = twice.hits
    return first[name] - second[name], second[name]


def answered(ended: Ended, number: int) -> bool:
    return isinstance(ended, Reply) and ended.finish == "stop" and str(ended.text).endswith(f"The answer is {8 * number + 1}.")


def test_rows_that_nothing_befalls_are_answered(twice: Twice) -> None:
    assert all(answered(twice.first[number], number) for number in HEALTHY)
    assert {number: twice.second[number] for number in HEALTHY} == {number: twice.first[number] for number in HEALTHY}


def test_all_of_it_ends_in_bounded_time(twice: Twice) -> None:
    assert twice.seconds < 12


@pytest.mark.parametrize("name", PASSING)
def test_what_befalls_one_try_is_mended_by_the_next(name: str, twice: Twice) -> None:
    assert answered(twice.first[ROWS[name]], ROWS[name]), twice.first[ROWS[name]]
    assert hits(twice, name) == (2, 0)


@pytest.mark.parametrize("name", ANSWERED)
def test_what_is_odd_is_an_answer(name: str, twice: Twice) -> None:
    reply = twice.first[ROWS[name]]
    assert isinstance(reply, Reply) and reply.error is None and reply.finish == "stop", reply
    assert reply.text == "" if name == "NULL_CONTENT" else answered(reply, ROWS[name])
    assert (reply.tokens_out is None) is (name == "NO_USAGE")
    assert hits(twice, name) == (1, 0)
    assert twice.second[ROWS[name]] == reply


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_an_outcome_and_not_asked_again(name: str, twice: Twice) -> None:
    reply = twice.first[ROWS[name]]
    assert isinstance(reply, Reply), reply
    assert reply.finish == ("error" if name == "TOO_LONG" else "content_filter")
    assert hits(twice, name) == (1, 0)
    assert twice.second[ROWS[name]] == reply


@pytest.mark.parametrize("name", OWED)
def test_a_failure_is_owed_and_asked_again(name: str, twice: Twice) -> None:
    assert isinstance(twice.first[ROWS[name]], CallFailed), twice.first[ROWS[name]]
    assert all(1 <= count <= TRIES for count in hits(twice, name))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("WRONG_KEY", "401 Incorrect API key"),
        ("UNKNOWN_MODEL", "404 The model"),
        ("NO_CREDIT", "429 You exceeded your current quota"),
        ("UNSUPPORTED", "400 Unsupported parameter"),
        ("ELSEWHERE", "307"),
    ],
)
def test_what_somebody_must_mend_stops_everything_at_once(tmp_path: Path, name: str, says: str) -> None:
    async def scene(url: str) -> None:
        async with door(tmp_path) as opened:
            model = small(url, concurrency=8)
            await asyncio.gather(*(opened.ask(model, request(question(number))) for number in range(200)))

    with ChatServer(getattr(trouble, name), seconds=0.05) as server, pytest.raises(UserError) as caught:
        asyncio.run(scene(server.url))
    assert says in caught.value.what and server.url in caught.value.what and caught.value.remedy
    assert server.hits <= 8


def test_nobody_takes_the_connection(tmp_path: Path) -> None:
    began = time.monotonic()
    with deaf_url(full=True) as url:
        ended = ask(tmp_path, small(url, connect_seconds=0.3), [1])[1]
    assert isinstance(ended, UserError) and "cannot be reached" in ended.what
    assert time.monotonic() - began < 10


def half_bad(share: float) -> list[Trouble]:
    """Troubles for a share of a hundred rows."""
    tomorrow = {"Retry-After": "86400"}  # so that nobody tries ten times
    bad = [Trouble(500, "<html>oops</html>", tomorrow), Trouble(503, "No such worker.", tomorrow), trouble.TOO_LONG]
    return [replace(bad[number % 3], where=question(number)) for number in range(100) if number % 10 < 10 * share]


def run_of_hundred(folder: Path, url: str) -> dict[int, Ended]:
    """A hundred rows, eight at a time, until the first error that ends a run."""

    async def scene() -> dict[int, Ended]:
        async with door(folder) as opened:
            model, ended = small(url, concurrency=8), {}
            for start in range(0, 100, 20):
                ended |= await ask_all(opened, model, list(range(start, start + 20)))
                for each in ended.values():
                    if isinstance(each, UserError):
                        raise each
            return ended

    return asyncio.run(scene())


def test_half_of_the_calls_failing_stops_the_run(tmp_path: Path) -> None:
    with ChatServer(*half_bad(0.6)) as server, pytest.raises(UserError) as caught:
        run_of_hundred(tmp_path, server.url)
    said = caught.value.what
    assert "of the last 40 calls failed" in said and "small-1" in said
    assert all(words in said for words in ("oops", "No such worker.", "maximum context length")), said
    assert len(server.by_body) <= 60


def test_a_third_of_the_calls_failing_does_not(tmp_path: Path) -> None:
    with ChatServer(*half_bad(0.3)) as server:
        ended = run_of_hundred(tmp_path, server.url)
    assert sum(isinstance(each, Reply) and each.finish == "stop" for each in ended.values()) == 70


@pytest.mark.parametrize(("retry_after", "tells"), [(False, "nothing"), (False, "openai"), (True, "anthropic")])
def test_beyond_a_limit_every_row_is_answered(tmp_path: Path, retry_after: bool, tells: Any) -> None:
    limit = RateLimit(per_second=120, burst=20, level=0, retry_after=retry_after, tells=tells)
    with ChatServer(seconds=0.02, limit=limit) as server:
        ended = ask(tmp_path, small(server.url), list(range(40)))
    assert all(answered(each, number) for number, each in ended.items())
    assert server.bill.calls == 40


# a ceiling, held against the server's own bill

COSTLY = (
    Trouble(wire=trouble.reset_in_the_body, share=0.15),
    Trouble(wire=trouble.end_in_the_body, share=0.15),
    Trouble(cut=True, share=0.1),
    Trouble(200, '{"choices": [', share=0.1),
    Trouble(change=trouble.without_usage, share=0.3),
    Trouble(wire=trouble.hang, share=0.05),
)
"""What a provider bills and the client does not learn."""


@pytest.mark.parametrize("troubles", [(), COSTLY], ids=["sound", "costly"])
@pytest.mark.parametrize("ceiling", [{"max_tokens": 900}, {"max_calls": 25}], ids=["tokens", "calls"])
def test_a_ceiling_holds_against_the_servers_bill(
    tmp_path: Path, troubles: tuple[Trouble, ...], ceiling: dict[str, int]
) -> None:
    async def scene(url: str, budget: Budget) -> None:
        async with door(tmp_path, budget) as opened:
            model = small(url, concurrency=8, read_seconds=0.4)
            await asyncio.gather(*(opened.ask(model, request(question(number), max_tokens=32)) for number in range(80)))

    with ChatServer(*troubles, seconds=0.02) as server:
        with pytest.raises(BudgetReached) as caught:
            asyncio.run(scene(server.url, Budget(**ceiling)))
        assert f"DISTILL_{next(iter(ceiling)).upper()}={next(iter(ceiling.values()))}" in str(caught.value)
        assert 0 < server.bill.tokens <= ceiling.get("max_tokens", 10**9)
        assert 0 < server.bill.calls <= ceiling.get("max_calls", 10**9)
        assert server.answered.total() > 0 and max(server.answered.values()) == 1
        server.troubles, before = [], server.answered.copy()
        asyncio.run(scene(server.url, Budget()))
        assert all(server.answered[name] == 1 for name in before), "what was paid for was asked again"
    ended = ask(tmp_path, small(closed_url()), list(range(80)))
    assert all(isinstance(each, Reply) for each in ended.values())


def test_samples_that_go_together_do_not_wait_for_each_other_under_a_ceiling(tmp_path: Path) -> None:
    async def scene(url: str) -> list[BaseException | tuple[str, Reply]]:
        async with door(tmp_path, Budget(max_calls=6)) as opened:
            openai = OpenAIModel(backend="openai", model="small-1", samples_per_call=4)
            model = openai.open(load_settings(openai_base_url=url))
            asked = [request(question(number), sample=sample, max_tokens=32) for number in range(2) for sample in range(4)]
            asking = asyncio.gather(*(opened.ask(model, each) for each in asked), return_exceptions=True)
            return await asyncio.wait_for(asking, 20)

    with ChatServer(seconds=0.1) as server:
        ended = asyncio.run(scene(server.url))
    assert sum(isinstance(each, BudgetReached) for each in ended) == 4
    assert sum(isinstance(each, tuple) for each in ended) == 4 and server.hits == 1

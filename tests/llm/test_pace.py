"""The pace: calls at once fall by an overload and rise again; rates are held evenly; headers are understood."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.llm.pace import DECREASE, Pace, duration


def test_no_more_than_the_limit_are_let_go() -> None:
    async def scene() -> None:
        pace = Pace(2)
        first, second = await pace.enter(), await pace.enter()
        third = asyncio.create_task(pace.enter())
        await asyncio.sleep(0.01)
        assert not third.done()
        pace.leave(first)
        await asyncio.wait_for(third, 1)
        assert pace.under_way == 2
        pace.leave(second)

    asyncio.run(scene())


def test_an_overload_counts_once_for_all_that_were_under_way() -> None:
    async def scene() -> None:
        pace = Pace(64)
        slots = [await pace.enter() for _ in range(64)]
        for slot in slots[:32]:
            pace.leave(slot, overloaded=True)
        assert pace.limit == pytest.approx(64 * DECREASE)
        for slot in slots[32:]:
            pace.leave(slot, tokens_out=1)
        await asyncio.sleep(0.05)
        later = await pace.enter()
        pace.leave(later, overloaded=True)
        assert pace.limit == 1.0  # only one was under way, and that was too many

    asyncio.run(scene())


def test_replies_raise_the_limit_by_one_a_round_up_to_the_most() -> None:
    async def scene() -> None:
        pace = Pace(10)
        pace.limit = 4.0
        for _ in range(4):
            pace.leave(await pace.enter(), tokens_out=1)
        assert 4.8 < pace.limit < 5
        for _ in range(200):
            pace.leave(await pace.enter(), tokens_out=1)
        assert pace.limit == 10

    asyncio.run(scene())


def test_a_failure_that_is_no_overload_changes_nothing() -> None:
    async def scene() -> None:
        pace = Pace(8)
        pace.leave(await pace.enter())
        assert (pace.limit, pace.under_way) == (8.0, 0)

    asyncio.run(scene())


def test_who_gives_up_in_line_takes_no_place() -> None:
    async def scene() -> None:
        pace = Pace(1)
        first = await pace.enter()
        gone, stays = asyncio.create_task(pace.enter()), asyncio.create_task(pace.enter())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        pace.leave(first)
        await asyncio.wait_for(stays, 1)
        assert pace.under_way == 1

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("limits", "size"),
    [({"requests": 1200.0}, (0, 0)), ({"tokens_in": 12000.0}, (10, 0)), ({"tokens_out": 24000.0}, (0, 20))],
)
def test_a_rate_is_held_evenly(limits: dict[str, float], size: tuple[int, int]) -> None:
    async def scene() -> list[float]:
        pace, times = Pace(1000, **limits), []

        async def call() -> None:
            slot = await pace.enter(*size)
            times.append(time.monotonic())
            await asyncio.sleep(0.01)
            pace.leave(slot, tokens_in=size[0], tokens_out=size[1])

        await asyncio.gather(*(call() for _ in range(30)))
        return times

    times = asyncio.run(scene())
    assert 1.2 <= times[-1] - times[0] <= 2.5  # twenty a second, the first at once
    assert sum(each - times[0] < 0.5 for each in times) <= 15


def test_what_a_reply_took_corrects_what_was_thought() -> None:
    async def scene() -> float:
        pace = Pace(10, tokens_out=6000.0)  # a hundred a second
        slot = await pace.enter(0, 10)
        pace.leave(slot, tokens_in=0, tokens_out=60)
        started = time.monotonic()
        await pace.enter(0, 10)
        return time.monotonic() - started

    assert 0.4 <= asyncio.run(scene()) <= 1.0


def told(headers: dict[str, str], **own: float) -> dict[str, float]:
    """Rates a second learned from headers."""
    pace = Pace(10, **own)
    pace.told(headers)
    return {kind: round(bucket.rate, 3) for kind, bucket in pace._buckets.items()}


def test_headers_of_openai() -> None:
    headers = {
        "x-ratelimit-limit-requests": "6000", "x-ratelimit-remaining-requests": "5999", "x-ratelimit-reset-requests": "10ms",
        "x-ratelimit-limit-tokens": "60000", "x-ratelimit-remaining-tokens": "54000", "x-ratelimit-reset-tokens": "6s",
    }  # fmt: skip
    assert told(headers) == {"requests": 100.0, "tokens": 1000.0}


def test_a_limit_by_the_day_is_known_by_the_time_until_it_is_given_back() -> None:
    headers = {
        "x-ratelimit-limit-requests": "14400", "x-ratelimit-remaining-requests": "14370",
        "x-ratelimit-reset-requests": "2m59.56s",
    }  # fmt: skip
    assert told(headers)["requests"] == pytest.approx(30 / 179.56, abs=1e-3)


def test_headers_of_anthropic() -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-input-tokens-limit": "40000", "anthropic-ratelimit-input-tokens-remaining": "20000",
        "anthropic-ratelimit-input-tokens-reset": soon, "anthropic-ratelimit-output-tokens-limit": "8000",
    }  # fmt: skip
    rates = told(headers)
    assert rates["requests"] == pytest.approx(50 / 60, abs=1e-3)
    assert rates["input-tokens"] == pytest.approx(20000 / 30, rel=0.01)
    assert rates["output-tokens"] == pytest.approx(8000 / 60, abs=1e-3)


def test_headers_only_lower_what_the_user_set() -> None:
    headers = {"x-ratelimit-limit-requests": "6000"}
    assert told(headers, requests=60.0)["requests"] == 1.0
    assert told(headers, requests=60000.0)["requests"] == 100.0


def test_a_full_bucket_does_not_tell_how_fast_it_fills() -> None:
    full = {
        "x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "10", "x-ratelimit-reset-requests": "0s",
    }  # fmt: skip
    assert told(full) == {}
    pace = Pace(10)
    pace.told(full | {"x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "10ms"})
    pace.told(full)
    assert pace._buckets["requests"].rate == pytest.approx(100)


def test_the_limit_falls_once_in_the_time_a_call_takes() -> None:
    async def scene() -> None:
        pace = Pace(64)
        for _ in range(50):
            slot = await pace.enter()
            await asyncio.sleep(0.02)
            pace.leave(slot, tokens_out=1)
        for calls in (40, 20, 20):
            slots = [await pace.enter() for _ in range(calls)]
            for slot in slots:
                pace.leave(slot, overloaded=True)
        assert pace.limit == pytest.approx(40 * DECREASE)

    asyncio.run(scene())


def test_who_comes_again_goes_first() -> None:
    async def scene() -> list[str]:
        pace, order = Pace(1), []

        async def call(name: str, first: bool) -> None:
            slot = await pace.enter(first=first)
            order.append(name)
            pace.leave(slot)

        held = await pace.enter()
        calls = [asyncio.create_task(call("new", False)), asyncio.create_task(call("again", True))]
        await asyncio.sleep(0)
        pace.leave(held)
        await asyncio.gather(*calls)
        return order

    assert asyncio.run(scene()) == ["again", "new"]


def test_headers_that_say_nothing() -> None:
    assert told({"content-type": "application/json"}) == {}
    assert told({"x-ratelimit-limit-requests": "soon"}) == {}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360.0), ("20ms", 0.02), ("1h2m3.5s", 3723.5), ("1.5", 1.5), ("0", 0.0), ("", None), ("soon", None), ("-1", None)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_a_duration(text: str) -> None:
    seconds = duration(text)
    assert seconds is None or seconds >= 0

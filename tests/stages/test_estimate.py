"""The estimate of a run beside the run itself: mini recipes against a served teacher, whose bill is the truth."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetReached
from pipeline.llm.backends.batch import BatchModel
from pipeline.llm.request import Price, Sampling
from pipeline.recipe import Recipe, load_recipe
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.counting import Count, Took
from pipeline.stages.estimate import estimate
from pipeline.stages.forecast import Forecast, forecast
from pipeline.stages.generate import generate
from pipeline.stages.pilot import first_draw, second_draw, strata_of
from tests.rows import make_task
from tests.servers import ChatServer, closed_url
from tests.skewed import SkewedServer

PRICED = "teacher.price={input: 1.0, output: 4.0}"
TASKS = 40
QUOTA = "methods.0.samples={accept: 1, at_most: 6}"


def recipe(*changes: str, seed: int = 1, tasks: int = TASKS) -> Recipe:
    own = (
        "teacher.model=skewed",
        f"source.limit={tasks}",
        f"source.seed={seed}",
        "teacher.sampling.max_tokens=400",
        "evaluation.limit=20",
        "methods.0.samples=4",
        "methods.1.samples=2",
        "methods.2.samples=4",
    )
    return load_recipe("mini", [*own, *changes], "openai")


def answers(of: Recipe) -> dict[str, str]:
    return {task.prompt: task.answer for task in of.source.tasks(("test",), 1) if task.answer}


@pytest.fixture(scope="module")
def server() -> Iterator[SkewedServer]:
    with SkewedServer(answers(recipe()), seconds=0.01) as running:
        yield running


def run(of: Recipe, url: str, folder: Path, **settings: Any) -> Run:
    opened = Run(of, load_settings(data=folder, openai_base_url=url, **settings))
    opened.folder.mkdir(parents=True, exist_ok=True)
    return opened


def forecast_of(opened: Run, pilot: int = 40) -> Forecast:
    return asyncio.run(forecast(opened, pilot, lambda counted: None))


def lines_of(opened: Run, pilot: int = 40) -> str:
    return "\n".join(asyncio.run(estimate(opened, pilot)))


def holds(found: Forecast, server: SkewedServer) -> dict[str, bool]:
    """For each column of a server's whole bill whether the estimate held it."""
    bill, price = server.bill, Price(input=1.0, output=4.0)
    real = {"calls": bill.calls, "tokens_in": bill.tokens_in, "tokens_out": bill.tokens_out}
    real |= {"cost": price.of(bill.tokens_in, bill.tokens_out)}  # type: ignore[dict-item]
    found_columns = {column: found.total(column) for column in real}
    return {column: each is not None and each.low <= real[column] + 1e-9 and real[column] - 1e-9 <= each.high
            for column, each in found_columns.items()}  # fmt: skip


def test_dry_counts_what_will_be_asked_and_asks_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "note: `train` asks the teacher" in lines_of(run(recipe(PRICED), closed_url(), tmp_path), pilot=0)
    out = capsys.readouterr().out
    assert "0 are remembered for nothing, 168 are to be asked" in out
    assert "tokens out  at most 67,200 by max_tokens" in out and "cost        at most $0.2" in out


def test_the_pilot_is_the_first_part_of_the_run(tmp_path: Path) -> None:
    made = recipe(PRICED)
    with SkewedServer(answers(made)) as server:
        found = forecast_of(run(made, server.url, tmp_path))
        assert server.bill.calls == found.spent.calls and 20 < found.spent.calls <= 44
        piloted = run(made, server.url, tmp_path)
        asyncio.run(generate(piloted))
        calls = found.total("calls")
        assert calls is not None and calls.value == calls.low == calls.high == server.bill.calls == 168
        assert piloted.door.tally.remembered == found.spent.calls
        tokens_in = found.total("tokens_in")
        assert tokens_in is not None and tokens_in.value == pytest.approx(server.bill.tokens_in, rel=0.03)
        assert holds(found, server)["cost"]


def test_a_second_estimate_pays_for_nothing_and_says_the_same(server: SkewedServer, tmp_path: Path) -> None:
    first = forecast_of(run(recipe(PRICED), server.url, tmp_path))
    before = server.hits
    second = forecast_of(run(recipe(PRICED), server.url, tmp_path))
    assert server.hits == before
    assert second.left == first.left and second.piloted == first.piloted
    assert second.known == first.spent.calls and second.spent.calls == 0


def test_half_done_is_half_to_ask(server: SkewedServer, tmp_path: Path) -> None:
    whole = forecast_of(run(recipe(PRICED), server.url, tmp_path / "a"))
    asyncio.run(generate(run(recipe(PRICED, tasks=TASKS // 2), server.url, tmp_path / "b")))
    found = forecast_of(run(recipe(PRICED), server.url, tmp_path / "b"))
    assert 60 < found.known < 120 and found.known + found.owed.calls == whole.owed.calls
    total = found.total("calls")
    assert total is not None and total.value == found.owed.calls
    asyncio.run(generate(run(recipe(PRICED), server.url, tmp_path / "b")))
    done = forecast_of(run(recipe(PRICED), server.url, tmp_path / "b"))
    assert (done.owed.calls, done.spent.calls, done.left["cost"].value) == (0, 0, 0)


def test_more_samples_are_not_taken_for_a_whole_new_run(tmp_path: Path) -> None:
    with SkewedServer(answers(recipe())) as server:
        asyncio.run(generate(run(recipe(PRICED), server.url, tmp_path)))
        before = server.bill.calls
        more = recipe(PRICED, "methods.0.samples=6")
        found = forecast_of(run(more, server.url, tmp_path))
        asyncio.run(generate(run(more, server.url, tmp_path)))
        total = found.total("calls")
        assert total is not None and total.value == pytest.approx(server.bill.calls - before) and total.low == total.high


def test_a_quota_is_estimated_by_what_tasks_really_ask(tmp_path: Path) -> None:
    made = recipe(PRICED, QUOTA, tasks=120)
    with SkewedServer(answers(made), median=20) as server:
        found = forecast_of(run(made, server.url, tmp_path))
        asyncio.run(generate(run(made, server.url, tmp_path)))
        calls = found.total("calls")
        assert calls is not None and calls.value < 0.9 * found.owed.calls, "six samples would be asked of every problem"
        assert calls.low < calls.value < calls.high and holds(found, server)["calls"]


def test_an_unknown_price_is_said(server: SkewedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(run(recipe(), server.url, tmp_path, max_cost=None))
    words = "cost        unknown (no price for skewed at 127.0.0.1 in data/prices.yaml)"
    assert words in lines and words in capsys.readouterr().out
    assert "$" not in lines and "out, cost unknown" in lines


def test_an_endpoint_that_tells_no_usage(tmp_path: Path) -> None:
    with SkewedServer({}, told=False) as server:
        lines = lines_of(run(recipe(PRICED), server.url, tmp_path))
    assert "calls       168 to ask" in lines
    assert "tokens out  unknown (the endpoint does not tell" in lines and "cost        unknown (the endpoint" in lines


@pytest.mark.parametrize(
    ("ceilings", "words"),
    [
        ({"max_calls": 100}, r"DISTILL_MAX_CALLS=100: would stop the run after about 7\d % of what is left"),
        ({"max_calls": 1000, "max_tokens": 10**7}, r"DISTILL_MAX_TOKENS=1e\+07: enough for what is left"),
        ({"max_cost": 0.09}, r"DISTILL_MAX_COST=0\.09: may stop the run before its end"),
    ],
)
def test_ceilings(server: SkewedServer, tmp_path: Path, ceilings: dict[str, Any], words: str) -> None:
    assert re.search(f"^{words}$", lines_of(run(recipe(PRICED), server.url, tmp_path, **ceilings)), re.MULTILINE)


def test_the_pilot_is_under_the_same_ceilings(server: SkewedServer, tmp_path: Path) -> None:
    opened = run(recipe(PRICED), server.url, tmp_path, max_tokens=3000)
    before = server.bill.tokens
    with pytest.raises(BudgetReached, match="DISTILL_MAX_TOKENS=3000"):
        forecast_of(opened)
    assert 0 < server.bill.tokens - before <= 3000


def test_rates_that_are_set_decide_the_time(server: SkewedServer, tmp_path: Path) -> None:
    found = forecast_of(run(recipe(PRICED), server.url, tmp_path, requests_per_minute=6000))
    assert found.time is not None and found.time.value >= found.left["calls"].value / 100
    freely = forecast_of(run(recipe(PRICED), server.url, tmp_path, concurrency=2))
    assert freely.time is not None and freely.time.value == pytest.approx(freely.left["seconds"].value / 2)


def test_a_batch_teacher_is_piloted_live_at_the_price_of_batches(tmp_path: Path) -> None:
    """A batch file may take a day; its replies have the keys of live calls, so the run need not buy the pilot again."""
    price = Price(input=1.0, output=4.0, batch_discount=0.5)
    teacher = BatchModel(backend="batch", model="skewed", sampling=Sampling(max_tokens=400), price=price)
    with SkewedServer({}) as server:
        batch = run(recipe().model_copy(update={"teacher": teacher}), server.url, tmp_path)
        found = forecast_of(batch)
        live = recipe("teacher.price={input: 0.5, output: 2.0}", "teacher.sampling={max_tokens: 400}")
        again = forecast_of(run(live, server.url, tmp_path))
    assert again.spent.calls == 0 and again.left["cost"].value == pytest.approx(found.left["cost"].value)
    assert found.spent.cost == pytest.approx(price.of(int(found.spent.tokens_in), int(found.spent.tokens_out)))
    assert found.time is None


def test_many_kinds_share_a_small_pilot(server: SkewedServer, tmp_path: Path) -> None:
    found = forecast_of(run(recipe(PRICED), server.url, tmp_path), pilot=8)
    assert 0 < found.spent.calls < 20
    assert found.left["tokens_out"].low < found.left["tokens_out"].value < found.left["tokens_out"].high


def test_a_pilot_of_all_is_no_estimate_any_more(server: SkewedServer, tmp_path: Path) -> None:
    found = forecast_of(run(recipe(PRICED, tasks=8), server.url, tmp_path), pilot=1000)
    assert found.owed.calls == found.spent.calls
    assert all(each.high == 0 for each in found.left.values())


def test_it_reads_well(server: SkewedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(run(recipe(PRICED), server.url, tmp_path)).splitlines()
    assert lines[0].startswith("pilot of ") and "tokens in" in lines[0] and "cost $" in lines[0]
    assert [line.split()[0] for line in lines[2:7]] == ["calls", "tokens", "tokens", "cost", "time"]
    assert all(" to " in line for line in lines[2:6])
    assert capsys.readouterr().out.startswith("mini: 168 calls, as far as can be counted without an answer; 0 are")


@pytest.mark.slow
@pytest.mark.parametrize("quota", [False, True])
def test_nine_of_ten_intervals_hold_the_bill(tmp_path: Path, quota: bool) -> None:
    held = []
    for seed in range(10):
        made = recipe(PRICED, *([QUOTA] if quota else []), seed=seed + 1, tasks=120)
        with SkewedServer(answers(made), seed=seed) as server:
            folder = tmp_path / str(seed)
            found = forecast_of(run(made, server.url, folder))
            asyncio.run(generate(run(made, server.url, folder)))
            held.append(holds(found, server))
    for column in ("calls", "tokens_in", "tokens_out", "cost"):
        assert sum(each[column] for each in held) >= 9, column


def test_a_ceiling_in_dollars_needs_a_price(tmp_path: Path) -> None:
    with ChatServer() as server:
        opened = run(recipe(), server.url, tmp_path, max_cost=1.0)
        with pytest.raises(Exception, match=r"data/prices\.yaml"):
            forecast_of(opened)
        assert server.hits == 0


def test_what_may_be_asked_again_is_not_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = recipe(PRICED, "methods.0.longer=800")
    lines = lines_of(run(made, closed_url(), tmp_path, max_cost=1.0), pilot=0)
    out = capsys.readouterr().out
    assert "tokens out  about" in out and "more where" in out and "at most" not in out
    assert "may stop the run before its end" in lines


def test_a_task_that_failed_is_not_drawn_twice() -> None:
    counts = [Count((make_task(id=f"{number:016x}"), [0]), calls=1, tokens_in=9, tokens_out=9) for number in range(6)]
    (stratum,) = strata_of(counts, 40)
    first = [count for _, count in first_draw([stratum])]
    stratum.drawn[first[1].name] = Took(1, 9, 9)
    second = [count.name for _, count in second_draw([stratum], 5)]
    assert not {count.name for count in first} & set(second) and len(second) == 4

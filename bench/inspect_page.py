"""Measures the page of `make inspect` on a run of a million samples: `python bench/inspect_page.py`.

In: made-up tasks and samples as `filter_scale` makes them, with a call, eight verdicts and for half of them an example of the
corpus each. Out, as Markdown: seconds until the page is ready in Chromium, counted from the start of the command, and of each
thing that people do there; and the most memory that the program held. Needs `playwright` and a Chromium.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import psutil
from filter_scale import children_of, make_tables, open_run
from playwright.sync_api import Page, expect, sync_playwright

from pipeline.publication import Publication
from pipeline.settings import REPOSITORY
from pipeline.tables import TABLES

FILTERS = (
    "finished", "not_empty", "not_refusal", "answer_matches", "length", "no_duplicates", "no_near_duplicates",
    "not_contaminated",
)  # fmt: skip
AT_ONCE = 100_000
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\?token=\S+")
LONGEST_WAIT = 120_000
"""Milliseconds."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the page of `make inspect`.")
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--data", help="a data folder made by this program before; a temporary one unless said")
    parser.add_argument("--chromium", default=os.environ.get("CHROMIUM", "/usr/bin/chromium"), help="the browser")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = arguments.data or temporary
        run = open_run(data)
        if not (run.folder / "3_samples.parquet").exists():
            make_tables(run, arguments.samples)
        if not (run.folder / "4_verdicts.parquet").exists():
            add_tables(run.folder)
        run.write_recipe()
        beside(run.folder)
        print("\n".join(table(measured(run.folder, arguments.chromium), arguments.samples)))


READY = "page ready, from the start of the command"
COUNTED = "funnel, sources and overlap counted, likewise"


@dataclass
class Figures:
    """What was measured."""

    seconds: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    """Of which the program computed."""
    peaks: dict[str, float] = field(default_factory=dict)
    """Most MB of the program and what it started, the browser's not counted."""
    now: str = READY
    """What is being done."""


def measured(folder: Path, chromium: str) -> Figures:
    """Starts the command, and does in a browser what people do."""
    figures = Figures()
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        began = time.monotonic()
        command = [sys.executable, "-m", "pipeline", "inspect", str(folder), "--port", "0", "--no-browser"]
        started = psutil.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=os.environ | {"PYTHONUNBUFFERED": "1"}
        )
        threading.Thread(target=watch, args=(started, figures), daemon=True).start()
        try:
            assert started.stdout
            found = ADDRESS.search(started.stdout.readline())
            assert found, "the command printed no address"
            page.goto(found[0])
            figures.seconds[READY], figures.cpu[READY] = time.monotonic() - began, sum(started.cpu_times()[:2])
            figures.now = COUNTED
            complete(page)
            figures.seconds[COUNTED], figures.cpu[COUNTED] = time.monotonic() - began, sum(started.cpu_times()[:2])
            visits(page, started, figures)
        finally:
            started.terminate()
            started.wait()
        browser.close()
    return figures


def watch(program: psutil.Popen, figures: Figures) -> None:
    """Notes the most memory until the program ends."""
    while program.poll() is None:
        figures.peaks[figures.now] = max(figures.peaks.get(figures.now, 0.0), held_mb(program))
        time.sleep(0.1)


def held_mb(program: psutil.Process) -> float:
    """What a program and those it started hold now; what they share, such as the code of libraries, counts once."""
    total = 0
    for each in [program, *children_of(program)]:
        with suppress(psutil.Error):  # it ended meanwhile
            total += each.memory_full_info().pss
    return total / 1e6


def complete(page: Page) -> None:
    """Waits until every part of the page is there."""
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=LONGEST_WAIT)


def visits(page: Page, program: psutil.Popen, figures: Figures) -> None:
    """What people do, one after the other; each is timed until its rows are there, and the count of rows apart."""

    def timed(name: str, do: Callable[[], object]) -> None:
        figures.now, began, computed = name, time.monotonic(), sum(program.cpu_times()[:2])
        do()
        figures.seconds[name] = time.monotonic() - began
        figures.cpu[name] = sum(program.cpu_times()[:2]) - computed
        complete(page)

    def show(**fields: str) -> None:
        for name, value in fields.items():
            page.select_option(f"#{name}", value) if name in ("table", "sort", "order") else page.fill(f"#{name}", value)
        page.get_by_role("button", name="Show").click()
        page.wait_for_load_state()

    timed("open the samples", lambda: page.get_by_role("link", name="Tables", exact=True).click())
    timed("filter: finish = 'length'", lambda: show(where="finish = 'length'"))
    timed("filter: words in the targets that no sample has", lambda: show(where="", find="no such words"))
    timed("filter: words that many have", lambda: show(find="the answer is 7"))
    timed("sort the samples by target", lambda: show(find="", sort="target"))
    timed("open the verdicts", lambda: show(table="4_verdicts", sort=""))
    timed("filter 8 verdicts a sample: decision and score", lambda: show(where="decision = 'drop' AND score < 0.05"))
    timed("sort them by score", lambda: show(where="filter = 'length'", sort="score"))
    timed("open a row", lambda: page.get_by_role("link", name="Open row").first.click())
    timed("open the dropped", lambda: page.get_by_role("link", name="Dropped", exact=True).click())

    def slide() -> None:
        page.locator("#at").press("PageUp")
        page.wait_for_timeout(200)
        complete(page)

    timed("move the slider, with the samples at the edge", slide)
    timed("open the calls", lambda: page.get_by_role("link", name="Calls", exact=True).click())

    def compare() -> None:
        page.get_by_role("link", name="Compare", exact=True).click()
        page.wait_for_url("**/compare")
        complete(page)

    timed("compare with another run of as many samples, in a process of its own", compare)


def table(figures: Figures, samples: int) -> list[str]:
    lines = [f"| with {samples:,} samples | seconds | of the processor | MB at most |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {seconds:.2f} | {figures.cpu[name]:.2f} | {figures.peaks.get(name, 0.0):,.0f} |"
        for name, seconds in figures.seconds.items()
    ]
    return [*lines, "", f"- {psutil.cpu_count()} cores; the program held {max(figures.peaks.values()):,.0f} MB at most"]


def beside(folder: Path) -> None:
    """Another run of the same tables, which takes no room."""
    other = folder.with_name(f"{folder.name}-b")
    other.mkdir(exist_ok=True)
    for path in folder.glob("*.parquet"):
        if not (other / path.name).exists():
            os.link(path, other / path.name)


def add_tables(folder: Path) -> None:
    """Writes responses, verdicts and a corpus for the samples that are there."""
    narrow = (
        pl.scan_parquet(folder / "3_samples.parquet").select("id", "task_id", "messages", "target", "response_keys").collect()
    )
    parts = list(narrow.iter_slices(AT_ONCE))
    draws = np.random.default_rng(0)
    with Publication(folder, "2_responses", "4_verdicts", "5_corpus") as new:
        for part in parts:
            new["2_responses"].extend(columns("2_responses", responses(part, draws)))
            new["5_corpus"].extend(columns("5_corpus", examples(part.gather_every(2))))
        for name in FILTERS:
            for part in parts:
                new["4_verdicts"].extend(columns("4_verdicts", verdicts(part["id"], name, draws)))


def columns(name: str, frame: pl.DataFrame) -> dict[str, object]:
    """All columns of a table, those that are not given empty."""
    every = {
        each: frame[each].to_arrow() if each in frame.columns else [None] * len(frame) for each in TABLES[name].model_fields
    }
    return dict(every)


def responses(part: pl.DataFrame, draws: np.random.Generator) -> pl.DataFrame:
    """A reply for each sample, of the lengths and times that calls have."""
    count = len(part)
    return part.select(
        "task_id", "messages", key=pl.col("response_keys").list.first(), role=pl.lit("teacher"), sample=pl.lit(0),
        template=pl.lit("chain_of_thought/teacher"), template_hash=pl.lit("0" * 16), provider=pl.lit("made.up"),
        model=pl.lit("made-up-1"), text="target", finish=pl.Series(np.where(draws.random(count) < 0.02, "length", "stop")),
        tokens_in=pl.Series(draws.integers(100, 300, count)), tokens_out=pl.Series(draws.integers(20, 400, count)),
        cost=pl.Series(draws.random(count) / 1e4), seconds=pl.Series(draws.lognormal(0.5, 0.7, count)),
    )  # fmt: skip


def verdicts(ids: pl.Series, name: str, draws: np.random.Generator) -> pl.DataFrame:
    """One filter's words: it drops the lowest tenth of its scores, and is unsure of one in a thousand."""
    scores = draws.beta(5, 2, len(ids))
    dropped = scores < 0.4
    decision = np.where(draws.random(len(ids)) < 0.001, "unverifiable", np.where(dropped, "drop", "keep"))
    reason = np.where(decision == "unverifiable", "nobody could tell", np.where(dropped, "too low", "high enough"))
    return pl.DataFrame(
        {"sample_id": ids, "decision": decision, "score": scores, "reason": reason}
    ).with_columns(filter=pl.lit(name), detail=pl.lit(""))  # fmt: skip


def examples(part: pl.DataFrame) -> pl.DataFrame:
    """A row of the corpus for each of some samples."""
    answer = pl.struct(role=pl.lit("assistant"), content=pl.col("target"))
    return part.select(
        "id", "task_id", sample_id="id", method=pl.lit("chain_of_thought"), view=pl.lit("rationale"), split=pl.lit("train"),
        messages=pl.concat_list("messages", answer), weight=pl.lit(1.0), negative=pl.lit(False), tokens=pl.lit(200),
    )  # fmt: skip


if __name__ == "__main__":
    main()

"""Measures time and memory of filtering and selecting against the number of samples: `python bench/filter_scale.py`.

In: made-up samples of about 1 kB, four a task, one in twenty the same as another, one in fifty cut off; a thousand tasks for
evaluation. Out, as Markdown: seconds and the most memory that the program and its processes held together, for each size; and
a drawing of both, `docs/filtering.svg`. What is measured runs in a program of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import psutil

from pipeline.pieces import seconds_of
from pipeline.publication import Publication
from pipeline.recipe import parse_recipe
from pipeline.records import Message, Sample, Task
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings

SIZES = (10_000, 100_000, 1_000_000, 2_000_000)
SAMPLES_OF_A_TASK, EVALUATION_TASKS, WORDS, VOCABULARY = 4, 1_000, 150, 30_000
DRAWING = REPOSITORY / "docs/filtering.svg"
RECIPE = {
    "name": "scale", "source": {"kind": "mini"}, "teacher": {"backend": "local", "model": "data/mini/teacher"},
    "methods": [{"method": "chain_of_thought"}], "student": {"model": "data/mini/student"},
}  # fmt: skip
"""A recipe that says nothing of filters, so that the default ones are measured."""


@dataclass(frozen=True)
class Figures:
    """What one size took."""

    rows: int
    filter_seconds: float
    select_seconds: float
    peak_mb: float
    kept: int
    of_filters: dict[str, float]
    """Seconds of each filter."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure filtering against the number of samples.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--folder", help="where the tables are made; a temporary folder unless said")
    parser.add_argument("--run", help="filter and select in this data folder, and print what it took")
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(worked(arguments.run)))
        return
    figures = []
    for rows in arguments.sizes:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as data:
            make_tables(open_run(data), rows)
            figures.append(measured(data, rows))
            print(figures[-1], file=sys.stderr)
    DRAWING.write_text(drawing(figures), encoding="utf-8")
    print("\n".join(table(figures)))


def open_run(data: str) -> Run:
    return Run(parse_recipe(RECIPE, "scale", "scale"), load_settings(data=data))


def make_tables(run: Run, rows: int) -> None:
    """Writes tasks and samples, a few thousand at a time."""
    run.folder.mkdir(parents=True)
    with Publication(run.folder, "1_tasks", "3_samples") as new:
        texts = made_up_texts(rows + rows // SAMPLES_OF_A_TASK + EVALUATION_TASKS)
        for number in range(EVALUATION_TASKS):
            new["1_tasks"].append(task(number, "test", next(texts)[:300]))
        for number in range(EVALUATION_TASKS, EVALUATION_TASKS + rows // SAMPLES_OF_A_TASK):
            asked = task(number, "train", next(texts)[:300])
            new["1_tasks"].append(asked)
            last = next(texts)
            for place in range(SAMPLES_OF_A_TASK):
                text = last if (number + place) % 20 == 0 else next(texts)
                new["3_samples"].append(sample(number * SAMPLES_OF_A_TASK + place, asked, text))


def made_up_texts(count: int) -> Iterator[str]:
    """Texts whose words are as frequent as words are (Zipf), at most so many."""
    draws = np.random.default_rng(0)
    words = np.array([f"{chr(97 + n % 26)}{n:x}" for n in range(VOCABULARY)], dtype=object)
    for _ in range(0, 2 * count, 1_000):
        for row in np.minimum(draws.zipf(1.2, (1_000, WORDS)), VOCABULARY) - 1:
            yield " ".join(words[row])


def task(number: int, split: str, prompt: str) -> Task:
    return Task(id=f"{number:016x}", source="made:up", split=split, kind=f"kind{number % 3}", prompt=prompt, answer="7")


def sample(number: int, asked: Task, text: str) -> Sample:
    return Sample(
        id=f"{number:016x}", task_id=asked.id, method="chain_of_thought", view="rationale",
        messages=[Message(role="user", content=asked.prompt)], target=f"{text} The answer is 7.", answer="7",
        response_keys=[f"{number:064x}"], finish="length" if number % 50 == 0 else "stop",
    )  # fmt: skip


def worked(data: str) -> dict[str, object]:
    """Filters, selects and counts as `status` does, and says how long the first two took."""
    from pipeline.filters.verdicts import filter_names
    from pipeline.report.status import as_text
    from pipeline.stages.filter import filter_samples
    from pipeline.stages.select import select
    from pipeline.tables import read_frame

    run, times = open_run(data), [time.monotonic()]
    for stage in (filter_samples, select):
        asyncio.run(stage(run))
        times.append(time.monotonic())
    as_text(run.folder)
    names = filter_names(run.recipe.filters)
    return {
        "seconds": [end - start for start, end in pairwise(times)],
        "kept": read_frame(run.folder, "5_corpus", ["id"]).height,
        "filters": {name: seconds_of(run.folder, name) for name in names},
    }


def measured(data: str, rows: int) -> Figures:
    """Runs it in a program of its own and watches the memory of that and its processes."""
    started = psutil.Popen([sys.executable, __file__, "--run", data], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    peak = 0.0
    while started.poll() is None:
        peak = max(peak, memory_mb(started))
        time.sleep(0.1)
    out = started.stdout.read() if started.stdout else ""
    if started.returncode:
        raise SystemExit(f"{rows} rows: ended with {started.returncode}")
    found = json.loads(out)
    filtering, selecting = found["seconds"]
    return Figures(rows, filtering, selecting, peak, found["kept"], found["filters"])


def memory_mb(process: psutil.Process) -> float:
    """What a process and those it started hold now; what they share counts once for each."""
    total = 0
    for each in [process, *children_of(process)]:
        try:
            total += each.memory_info().rss
        except psutil.Error:  # it ended meanwhile
            continue
    return total / 1e6


def children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def table(figures: list[Figures]) -> list[str]:
    names = ("samples", "filter s", "select s", "samples a second", "peak MB", "kept")
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for each in figures:
        seconds = each.filter_seconds + each.select_seconds
        times = f"{each.filter_seconds:.1f} | {each.select_seconds:.1f} | {each.rows / seconds:,.0f}"
        lines.append(f"| {each.rows:,} | {times} | {each.peak_mb:,.0f} | {each.kept:,} |")
    largest = figures[-1]
    shares = ", ".join(f"{name} {seconds:.1f}" for name, seconds in largest.of_filters.items())
    lines += ["", f"- {psutil.cpu_count()} cores; the memory is that of the program and all its processes together"]
    return [*lines, f"- seconds on one core of each filter at {largest.rows:,} samples: {shares}"]


def drawing(figures: list[Figures]) -> str:
    """Time and memory against the number of samples, both axes from 0."""
    width, height, gap = 640, 300, 60
    most = max(each.rows for each in figures)
    series = {
        "minutes": ([(each.filter_seconds + each.select_seconds) / 60 for each in figures], "#2a78d6"),
        "GB at the peak": ([each.peak_mb / 1e3 for each in figures], "#dd6128"),
    }
    parts = [f'<line x1="{gap}" y1="{height}" x2="{width}" y2="{height}" stroke="#868c96"/>']
    for place, (name, (values, colour)) in enumerate(series.items()):
        points = [
            (gap + (width - gap - 40) * each.rows / most, height - (height - gap) * value / max(values))
            for each, value in zip(figures, values, strict=True)
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in points)
        label = f'<text x="{gap}" y="{20 + 20 * place}">{name}: up to {max(values):.2f}</text>'
        parts.append(f'<g fill="{colour}">{dots}{label}<polyline points="{line}" fill="none" stroke="{colour}"/></g>')
    for place, each in enumerate(figures):
        x = gap + (width - gap - 40) * each.rows / most
        if place and (each.rows - figures[place - 1].rows) / most < 0.06:
            continue  # its label would stand on the one before
        parts.append(f'<text x="{x:.1f}" y="{height + 20}" text-anchor="middle" fill="#5b6069">{short(each.rows)}</text>')
    style = 'font-family="system-ui, sans-serif" font-size="13"'
    title = "Time and memory of filtering and selecting against the number of samples"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 20} {height + 40}" role="img" {style}>'
        f"<title>{title}</title>{''.join(parts)}</svg>\n"
    )


def short(rows: int) -> str:
    return f"{rows // 1_000_000} M" if rows >= 1_000_000 else f"{rows // 1_000} k"


if __name__ == "__main__":
    main()

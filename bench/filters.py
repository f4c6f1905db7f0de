"""Measures filters beside the libraries people use for the same: `python bench/filters.py [SECTION …]`.

In: which sections; each makes its own input, the same every time. Out: a Markdown table a section. Every library runs in a
fresh process with its own Python, which is installed into `.venv-bench/` the first time unless `--python NAME=PATH` names one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import numpy as np
from peers.install import NotInstalled, interpreter

from pipeline.answers.final import same_answer
from pipeline.filters.union import OfRows
from pipeline.records import Message, Sample, Task
from pipeline.sources.mini import MiniSource

REPOSITORY = Path(__file__).resolve().parent.parent
LONGEST_RUN = 3600
LIBRARIES = ("distill", "datasketch", "datatrove", "data-juicer")
"""What finds near duplicates."""
Rows = list[dict[str, Any]]


def near_duplicates(arguments: argparse.Namespace) -> Rows:
    """MinHash side by side on synthetic documents, one in five a copy with up to a tenth of its words replaced."""
    rows: Rows = []
    with tempfile.TemporaryDirectory() as folder:
        for documents in arguments.documents:
            path = Path(folder) / f"{documents}.jsonl"
            kilobytes = write_documents(path, documents) / documents / 1000
            for peer in arguments.libraries:
                for figures in driven("near_duplicates", peer, [str(path)], arguments):
                    rows.append({"documents": documents, "kilobytes": kilobytes, **figures})
    ours = {row["documents"]: row["cpu_seconds"] for row in rows if row["peer"] == "distill"}
    for row in rows:
        row["times our CPU"] = row["cpu_seconds"] / ours.get(row["documents"], float("nan"))
        row["documents a second"] = row["documents"] / row["wall_seconds"]
        row["a CPU second"] = row["documents"] / row["cpu_seconds"]
    names = ("library", "documents", "removed", "wall_seconds", "documents a second", "a CPU second", "times our CPU")
    print_table(rows, (*names, "before_mb", "peak_mb", "child_mb"))
    return rows


def write_documents(path: Path, documents: int, words: int = 160) -> int:
    """Writes documents of Zipf-distributed words in a random order, as JSON lines; returns their bytes."""
    dice = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = np.array(["".join(dice.choice(letters, size=dice.integers(2, 11))) for _ in range(30_000)])
    shares = 1 / np.arange(1, len(vocabulary) + 1)
    shares /= shares.sum()
    originals = dice.choice(len(vocabulary), size=(documents - documents // 5, words), p=shares)
    copies = originals[dice.integers(len(originals), size=documents // 5)]
    replaced = dice.random(copies.shape) < dice.uniform(0, 0.1, size=(len(copies), 1))
    copies[replaced] = dice.choice(len(vocabulary), size=replaced.sum(), p=shares)
    texts = (" ".join(vocabulary[row]) for row in dice.permutation(np.concatenate([originals, copies])))
    with path.open("w", encoding="utf-8") as file:
        return sum(file.write(json.dumps({"text": text}) + "\n") - 13 for text in texts)


def exact_duplicates(arguments: argparse.Namespace) -> Rows:
    """Exact duplicates among short samples made as they are read, so that all memory is the filter's own."""
    rows = [
        {"samples": samples, **figures}
        for samples in arguments.samples
        for figures in driven("exact_duplicates", "distill", [str(samples)], arguments)
    ]
    for row in rows:
        row["samples a second"] = row["samples"] / row["wall_seconds"]
    print_table(rows, ("samples", "removed", "wall_seconds", "samples a second", "before_mb", "peak_mb"))
    return rows


def row_filters(arguments: argparse.Namespace) -> Rows:
    """Filters that judge a sample by itself, on worked solutions of about 1 kB, and the comparison of answers alone."""
    rows = solutions(arguments.solutions)
    found = [timed("same_answer", [partial(same_answer, str(task.answer), sample.target) for task, sample in rows])]
    for kind in get_args(OfRows):
        condition = kind(filter=get_args(kind.model_fields["filter"].annotation)[0]).for_student("data/mini/student")
        if condition.filter not in NEED_MORE:
            calls = [partial(condition.judge, task, sample) for task, sample in rows]
            found.append(timed(condition.filter, calls))
    print_table(found, ("filter", "samples", "cpu_seconds", "samples a CPU second"))
    return found


NEED_MORE = {"fits_schema", "constraints_met"}
"""Filters that say nothing of these tasks."""


def solutions(count: int) -> list[tuple[Task, Sample]]:
    """Four worked solutions of the mini world a sample, the answer of the last being the task's."""
    source = MiniSource(kind="mini", kinds=("word_problem",), limit=4 * count, dev_share=0)
    drawn = (task for task in source.tasks((), None))
    rows = []
    while some := list(islice(drawn, 4)):
        prompt, target = (
            "\n".join(texts) for texts in zip(*((each.prompt, each.extra["solution"]) for each in some), strict=True)
        )
        task = some[-1].model_copy(update={"prompt": prompt})
        message = Message(role="user", content=prompt)
        given = {"method": "chain_of_thought", "view": "rationale", "response_keys": ["k"], "finish": "stop"}
        rows.append((task, Sample(id=task.id, task_id=task.id, messages=[message], target=target, **given)))
    return rows


def timed(name: str, calls: Sequence[Callable[[], object]]) -> dict[str, Any]:
    """What some calls took of one core; the first is made once before."""
    calls[0]()
    started = time.process_time()
    for call in calls:
        call()
    seconds = time.process_time() - started
    return {"filter": name, "samples": len(calls), "cpu_seconds": seconds, "samples a CPU second": len(calls) / seconds}


SECTIONS: dict[str, Callable[[argparse.Namespace], Rows]] = {
    "near_duplicates": near_duplicates,
    "exact_duplicates": exact_duplicates,
    "row_filters": row_filters,
}


def driven(driver: str, peer: str, told: Sequence[str], arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What a driver measured with one library, the best of some rounds; nothing, and a note, where it cannot be had."""
    try:
        python = arguments.python.get(peer) or (sys.executable if peer == "distill" else str(interpreter(peer)))
        rounds = [_drive([python, "-P", "-m", f"bench.peers.{driver}", peer, *told]) for _ in range(arguments.rounds)]
    except (NotInstalled, subprocess.SubprocessError, ValueError) as error:
        print(f"{peer}: no figure: {error}", file=sys.stderr)
        return
    best = min(rounds, key=lambda each: each["cpu_seconds"])
    print(f"{driver}: {peer} {' '.join(told)}: {best}", file=sys.stderr)
    yield {"peer": peer, **best}


def _drive(command: list[str]) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, cwd=folder, env={**environment, "HOME": folder}, capture_output=True, text=True, timeout=LONGEST_RUN
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"removed": ')]
    if not lines:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise ValueError(f"exit code {done.returncode}, its last words: {said[-1][-300:]}")
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures


def print_table(rows: Rows, columns: Sequence[str]) -> None:
    """Rows as Markdown, numbers as long as they are telling."""
    print(f"| {' | '.join(column.replace('_', ' ') for column in columns)} |")
    print("|---" * len(columns) + "|")
    for row in rows:
        print(f"| {' | '.join(_cell(row[column]) for column in columns)} |")
    print()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure filters beside other libraries.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"some of {', '.join(SECTIONS)}; all unless said")
    parser.add_argument("--documents", type=_numbers, default=[50_000], help="sizes for near_duplicates")
    parser.add_argument("--libraries", type=_names, default=list(LIBRARIES), help=f"some of {', '.join(LIBRARIES)}")
    parser.add_argument("--samples", type=_numbers, default=[1_000_000, 10_000_000], help="sizes for exact_duplicates")
    parser.add_argument("--solutions", type=int, default=2_000, help="samples for row_filters")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each, of which the least CPU time counts")
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH", help="the Python that has a library")
    arguments = parser.parse_args()
    arguments.python = dict(each.split("=", 1) for each in arguments.python)
    if unknown := [name for name in arguments.sections if name not in SECTIONS]:
        parser.error(f"no such section: {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    for name in arguments.sections or SECTIONS:
        print(f"**{name.replace('_', ' ')}**\n")
        SECTIONS[name](arguments)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}; the best of {arguments.rounds}.")


def _names(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    main()

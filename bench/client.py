"""Measures clients side by side: the same prompts to the same endpoint, in turns, each run in a fresh process.

In: which clients, how many rows, how many in flight. Out: a Markdown table with the medians of the rounds, and with `--json`
every figure of every run. The first time it installs the peers into `.venv-bench/`, which takes minutes and 3 GB. `--again`
adds our own, started a second time over what it stored; `--memory` measures only our own, at 10,000 and 100,000 rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from peers.drive import CLIENTS, Bench, Failed, call, serving
from peers.install import NotInstalled
from server import capacity, run

AGAIN = "distill, again"
SMALL, LARGE = 10_000, 100_000
"""Rows between which memory must not grow."""
COLUMNS = ("client", "wall s", "rows/s", "times bare", "CPU s", "peak MB", "import s", "all s")
Runs = dict[str, list[dict[str, Any]]]


def main() -> None:
    arguments = _arguments()
    latency = 0.0 if arguments.memory else arguments.latency
    with serving(latency) as port:
        call(port, "POST", "/reset", {"latency": 0.0})
        rate = run(capacity(port, arguments.in_flight))
        call(port, "POST", "/reset", {"latency": latency})
        bench = Bench(port, arguments.in_flight)
        if arguments.memory:
            runs, failed = memory(bench), {}
            lines = memory_table(runs)
        else:
            runs, failed = rounds(bench, arguments)
            lines = table(runs, arguments.rows)
    lines += ["", *(f"- {client} failed: {reason}" for client, reason in failed.items())]
    lines += [f"- {line}" for line in circumstances(arguments, rate, runs)]
    print("\n".join(lines))
    if arguments.json:
        found = {"arguments": vars(arguments) | {"json": None}, "server_per_second": rate, "runs": runs, "failed": failed}
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure clients side by side.")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds the server takes to answer")
    parser.add_argument("--clients", default=",".join(CLIENTS), help="some of: %(default)s")
    parser.add_argument("--again", action="store_true", help="also start distill a second time over what it stored")
    parser.add_argument("--memory", action="store_true", help="only distill, at 10,000 and 100,000 rows, latency 0")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    arguments = parser.parse_args()
    arguments.clients = [name.strip() for name in arguments.clients.split(",")]
    if unknown := [name for name in arguments.clients if name not in CLIENTS]:
        parser.error(f"no such client: {', '.join(unknown)}; there are {', '.join(CLIENTS)}")
    return arguments


def rounds(bench: Bench, arguments: argparse.Namespace) -> tuple[Runs, dict[str, str]]:
    """All runs of each client, in turns; and why some have none. A client that failed once is left out from then on."""
    runs: Runs = defaultdict(list)
    failed: dict[str, str] = {}
    for number in range(arguments.rounds):
        for client in arguments.clients:
            if client in failed:
                continue
            try:
                with tempfile.TemporaryDirectory() as folder:
                    _note(f"round {number + 1}", client, runs, bench.measure(client, arguments.rows, Path(folder)))
                    if client == "distill" and arguments.again:
                        _note(f"round {number + 1}", AGAIN, runs, bench.measure(client, arguments.rows, Path(folder)))
            except (NotInstalled, Failed) as error:
                failed[client] = f"{type(error).__name__}: {error}"
                print(f"{client}: {failed[client]}", file=sys.stderr)
    return runs, failed


def memory(bench: Bench) -> Runs:
    """Our own at two sizes, and at the larger a second time over what it stored."""
    runs: Runs = defaultdict(list)
    for rows in (SMALL, LARGE):
        with tempfile.TemporaryDirectory() as folder:
            _note("memory", f"{rows:,} rows", runs, bench.measure("distill", rows, Path(folder)))
            if rows == LARGE:
                _note("memory", f"{rows:,} rows, again", runs, bench.measure("distill", rows, Path(folder)))
    return runs


def _note(when: str, name: str, runs: Runs, figures: dict[str, Any]) -> None:
    runs[name].append({key: value for key, value in figures.items() if key != "late"})
    print(f"{when}: {name}: {figures['wall_seconds']:.2f} s", file=sys.stderr)


def table(runs: Runs, rows: int) -> list[str]:
    """A row a client, the fastest first."""
    walls = {client: median(each, "wall_seconds") for client, each in runs.items()}
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for client, wall in sorted(walls.items(), key=lambda pair: pair[1]):
        returned = min(each["rows"] for each in runs[client])
        name = client if returned == rows else f"{client} ({returned} of {rows} rows)"
        times = f"{wall / walls['bare']:.2f}" if "bare" in walls else "–"
        cpu, imports = (median(runs[client], each) for each in ("cpu_seconds", "import_seconds"))
        speeds = (f"{wall:.2f}", f"{returned / wall:.0f}", times, f"{cpu:.1f}")
        cells = (name, *speeds, _memory(runs[client]), f"{imports:.1f}", f"{imports + wall:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def memory_table(runs: Runs) -> list[str]:
    lines = ["| distill | wall s | rows/s | calls at the server | CPU s | peak MB |", "|---" * 6 + "|"]
    for name, (only,) in runs.items():
        wall = only["wall_seconds"]
        cells = (f"{wall:.1f}", f"{only['rows'] / wall:.0f}", f"{only['server']['hits']:,}", f"{only['cpu_seconds']:.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} | {_memory([only])} |")
    small, large = (runs[f"{rows:,} rows"][0]["peak_mb"] for rows in (SMALL, LARGE))
    return [*lines, "", f"Peak memory grows by {large - small:.0f} MB from {SMALL:,} to {LARGE:,} rows."]


def median(runs: list[dict[str, Any]], name: str) -> float:
    return statistics.median(each[name] for each in runs)


def _memory(runs: list[dict[str, Any]]) -> str:
    """The peak of the client, and of its own processes where it has some."""
    children = median(runs, "child_mb")
    return f"{median(runs, 'peak_mb'):.0f}" + (f" + {children:.0f}" if children >= 1 else "")


def circumstances(arguments: argparse.Namespace, rate: float, runs: Runs) -> list[str]:
    """What one must know to compare these figures with others."""
    every = [each for client in runs.values() for each in client]
    calls = sum(each["server"]["hits"] for each in every)
    late = 1000 * sum(each["server"]["late_seconds"] for each in every) / max(calls, 1)
    libraries = sorted({each["library"] for each in every})
    ideal = f", ideal {-(-arguments.rows // arguments.in_flight) * arguments.latency:.2f} s" if not arguments.memory else ""
    return [
        f"{os.cpu_count()} cores, Python {platform.python_version()}; " + ", ".join(libraries),
        f"{arguments.in_flight} in flight, latency {0.0 if arguments.memory else arguments.latency:g} s{ideal}; "
        f"median of {max(map(len, runs.values()), default=0)}, in turns",
        "wall s: from the prompts to all answers, without any import; all s: with them; peak MB: client + its child processes",
        f"the server alone answers {rate:,.0f} calls a second; in these runs its answers were {late:.1f} ms late on average",
    ]


if __name__ == "__main__":
    main()

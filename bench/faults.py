"""Measures `distill generate` before an endpoint that fails: `python -m bench.faults`.

In: an endpoint with 100 ms latency, 1,000 rows, 64 in flight. Out, as Markdown, side by side in turns, the best and all of
several rounds: the time of a calm run, the time with one call in five answered by status 500 and its ratio to the calm one, and
the rate of answers through a storm of 429, beside what the endpoint allows. Times are the server's: from the first call to the
last answer, so that starting the program flatters no ratio. Every run is checked to have lost no row.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.limits import RateLimit
from tests.servers import ChatServer, Trouble
from tests.small_runs import done, make_folder

LATENCY, IN_FLIGHT = 0.1, 64
ALLOWED, BURST = 100.0, 10.0
"""Calls a second the endpoint lets in through a storm, where 640 could be asked; and how many at once."""
MOST_TIMES, LEAST_SHARE = 1.6, 0.8
"""What is promised: how much longer failures may take, and how much of what is allowed is used."""

CASES: dict[str, Callable[[], ChatServer]] = {
    "calm": lambda: ChatServer(seconds=LATENCY),
    "20 % status 500": lambda: ChatServer(Trouble(500, share=0.2), seconds=LATENCY),
    "429 with Retry-After": lambda: _stormy(retry_after=True),
    "429 without Retry-After": lambda: _stormy(retry_after=False),
    "429 with OpenAI's headers": lambda: _stormy(retry_after=True, tells="openai"),
}


def _stormy(**told: object) -> ChatServer:
    return ChatServer(seconds=LATENCY, limit=RateLimit(ALLOWED, BURST, **told))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Round:
    """One run as the server saw it."""

    hits: int
    answered: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.answered / self.seconds

    @property
    def share(self) -> float:
        """Answers, of all that the limit let in meanwhile."""
        return self.answered / (BURST + ALLOWED * self.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure generate before an endpoint that fails.")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rounds: dict[str, list[Round]] = {name: [] for name in CASES}
    for _ in range(arguments.rounds):
        for name, open_server in CASES.items():
            rounds[name].append(measure(open_server(), arguments.rows))
            print(f"{name}: {rounds[name][-1]}", file=sys.stderr)
    print(as_markdown(rounds, arguments.rows))


def measure(server: ChatServer, rows: int) -> Round:
    """One run in a new folder."""
    with tempfile.TemporaryDirectory() as folder, server:
        work = make_folder(Path(folder) / "work", range(rows))
        done(work, server.url, concurrency=IN_FLIGHT)
        assert server.answered.total() == len(server.by_body) == rows, "a row was lost, or paid for twice"
        return Round(server.hits, rows, server.answered_at[-1] - server.times[0])


def as_markdown(rounds: dict[str, list[Round]], rows: int) -> str:
    """A row a case: its best round, all rounds, and what was promised."""
    best = {name: min(each, key=lambda one: one.seconds) for name, each in rounds.items()}
    calm = best["calm"].seconds
    lines = [
        f"{rows:,} rows, {IN_FLIGHT} in flight, {LATENCY * 1000:.0f} ms latency; storms let in {ALLOWED:.0f} calls a second.",
        "",
    ]
    lines += [
        "| endpoint | best s | all rounds | calls sent | answers a second | measured | promised |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in best.items():
        every = ", ".join(f"{each.seconds:.2f}" for each in rounds[name])
        cells = (name, f"{one.seconds:.2f}", every, f"{one.hits:,}", f"{one.rate:.0f}", *_promise(name, one, calm))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _promise(name: str, one: Round, calm: float) -> tuple[str, str]:
    if name == "calm":
        return "1", ""
    if name.startswith("429"):
        return f"{100 * one.share:.0f} % of what is allowed", f"at least {100 * LEAST_SHARE:.0f} %"
    return f"{one.seconds / calm:.2f} times calm", f"at most {MOST_TIMES} times"


if __name__ == "__main__":
    main()

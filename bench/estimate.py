"""Measures how often the intervals of `distill estimate` hold what the run then takes: `python bench/estimate.py`.

For each seed other tasks of the mini world and another teacher: an estimate, then the run itself, then the server's own bill.
In: how skewed the replies of a served teacher shall be, or a real one (`--serve`, `--url`). Out, as Markdown: for each column
how many intervals held, their mean width, and how far the estimate itself was off.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from contextlib import ExitStack, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for tests.skewed, which is no package of ours

from pipeline.recipe import Recipe, load_recipe
from pipeline.report.funnel import read_funnel
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.counting import Took
from pipeline.stages.estimate import PILOT
from pipeline.stages.forecast import forecast
from pipeline.stages.generate import generate
from pipeline.stages.interval import Interval
from tests.real_servers import NAME, vllm_server
from tests.skewed import SkewedServer

PRICE = "teacher.price={input: 1.0, output: 4.0}"
FIXED = ("methods.0.samples=4", "methods.1.samples=2", "methods.2.samples=4")
"""Instead of the quotas of the mini recipe."""
COLUMNS = ("calls", "tokens_in", "tokens_out", "cost")


@dataclass(frozen=True)
class Outcome:
    """One seed: what was estimated, and what came."""

    estimated: dict[str, Interval]
    real: Took
    pilot: float
    """Calls of the pilot."""

    def held(self, column: str) -> bool:
        each, real = self.estimated[column], getattr(self.real, column)
        return bool(each.low - 1e-9 <= real <= each.high + 1e-9)

    def width(self, column: str) -> float:
        """Of the interval, in parts of what came."""
        return (self.estimated[column].high - self.estimated[column].low) / float(getattr(self.real, column))

    def off(self, column: str) -> float:
        return abs(self.estimated[column].value / float(getattr(self.real, column)) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the coverage of `distill estimate`.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=300, help="tasks of the mini recipe; three in five are word problems")
    parser.add_argument("--pilot", type=int, default=PILOT, help="calls of a pilot")
    parser.add_argument("--url", help="a real server, up to /v1; its teacher answers as it does")
    parser.add_argument("--serve", metavar="PYTHON", help="the mini teacher behind vLLM's server, by a Python that has vLLM")
    parser.add_argument("--model", default=NAME, help="the model's name there")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="change a field of the recipe")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        url = arguments.url
        if arguments.serve:
            log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "server.log"
            url = stack.enter_context(vllm_server(arguments.serve, log))
        if url:
            words = "the mini teacher behind vLLM's server" if arguments.serve else f"served at {url}"
            report(words, [outcome(arguments, seed, url) for seed in range(arguments.seeds)])
            return
    for words, spread, quota in (
        ("even replies", (0.2, 0.2), False),
        ("skewed replies", (0.5, 0.5), False),
        ("very skewed replies", (0.8, 0.8), False),
        ("skewed replies, quotas", (0.5, 0.5), True),
    ):
        report(words, [served(arguments, seed, spread, () if quota else FIXED) for seed in range(arguments.seeds)])


def served(arguments: argparse.Namespace, seed: int, spread: tuple[float, float], changes: tuple[str, ...]) -> Outcome:
    """One seed with a teacher whose replies have lengths of this spread, between prompts and between replies to one."""
    answers = {task.prompt: task.answer for task in recipe(arguments, seed).source.tasks(("test",), 1) if task.answer}
    with SkewedServer(answers, seed=seed, prompts=spread[0], replies=spread[1]) as server:
        found = outcome(arguments, seed, server.url, changes)
    if (server.bill.calls, server.bill.tokens_out) != (found.real.calls, found.real.tokens_out):
        raise SystemExit(f"seed {seed}: the server billed {server.bill}, the run counted {found.real}")
    return found


def outcome(arguments: argparse.Namespace, seed: int, url: str, changes: tuple[str, ...] = ()) -> Outcome:
    """An estimate and the run it was for."""
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(StringIO()):
        settings = load_settings(data=folder, openai_base_url=url)
        first, second = (Run(recipe(arguments, seed, changes), settings) for _ in range(2))
        found = asyncio.run(forecast(first, arguments.pilot, lambda counted: None))
        second.folder.mkdir(parents=True)
        asyncio.run(generate(second))
        spent = read_funnel(second.folder).spent
    real = Took(spent.calls, spent.tokens_in, spent.tokens_out, spent.cost or 0.0)
    return Outcome({column: found.total(column) or Interval(0, 0, 0) for column in COLUMNS}, real, found.spent.calls)


def recipe(arguments: argparse.Namespace, seed: int, changes: tuple[str, ...] = ()) -> Recipe:
    own = (f"teacher.model={arguments.model}", PRICE, f"source.limit={arguments.tasks}", f"source.seed={seed + 1}")
    return load_recipe("mini", [*own, *changes, *arguments.set], "openai")


def report(words: str, outcomes: list[Outcome]) -> None:
    pilot = statistics.mean(each.pilot for each in outcomes)
    calls = statistics.mean(each.real.calls for each in outcomes)
    print(f"\n**{words}**: {len(outcomes)} seeds, {calls:,.0f} calls each, {pilot:.0f} of them in the pilot\n")
    print("| | interval held | mean width | mean error |\n|---|---|---|---|")
    for column in COLUMNS:
        held = sum(each.held(column) for each in outcomes)
        width, off = (100 * statistics.mean(getattr(each, name)(column) for each in outcomes) for name in ("width", "off"))
        print(f"| {column} | {held} of {len(outcomes)} | {width:.0f} % | {off:.1f} % |", flush=True)


if __name__ == "__main__":
    main()

"""What each verb of the command line does: opens the run its flags speak of, calls the stages, prints what they found.

Everything heavy is imported when a verb needs it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.run import Run

SETTINGS_FLAGS = {
    "openai_base_url": "address of the OpenAI-compatible endpoint",
    "data": "folder of the runs and the response store",
    "store": "file of the response store, or its address in PostgreSQL",
    "concurrency": "calls in flight at once",
    "requests_per_minute": "ceiling on the calls a minute",
    "input_tokens_per_minute": "ceiling on the prompt tokens a minute",
    "output_tokens_per_minute": "ceiling on the reply tokens a minute",
    "max_calls": "ceiling on calls",
    "max_tokens": "ceiling on tokens",
    "max_cost": "ceiling in dollars",
    "device": "auto, cpu, cuda or mps",
}
"""Settings that have a flag; all of them can stand in the environment or in .env."""


def _open(arguments: argparse.Namespace) -> Run:
    """The run the flags speak of."""
    from pipeline.recipe import load_recipe
    from pipeline.run import Run
    from pipeline.settings import load_settings

    flags = (
        ("source.limit", arguments.limit),
        ("teacher.model", arguments.teacher),
        ("student.model", arguments.student),
    )
    changes = [f"{path}={value}" for path, value in flags if value] + arguments.set
    settings = load_settings(**{name: getattr(arguments, name) for name in SETTINGS_FLAGS})
    return Run(load_recipe(arguments.recipe, changes, arguments.backend), settings)


def _work(run: Run, verb: str, *stages: Callable[[Run], Awaitable[None]]) -> None:
    """Runs stages one after the other in the run's folder, which nobody else may use meanwhile, and logs the start."""
    from pipeline.run import locked

    async def all_stages() -> None:
        me = asyncio.current_task()
        assert me is not None
        loop = asyncio.get_running_loop()

        def end(*_: object) -> None:  # seen at once also by work that awaits nothing
            me.cancel()
            loop.call_soon_threadsafe(lambda: None)

        signal.signal(signal.SIGTERM, end)  # what a scheduler sends before it kills
        for stage in stages:
            await stage(run)

    gc.freeze()  # what is loaded by now stays, and rows come and go by their reference counts alone:
    gc.set_threshold(50_000, 20, 50)  # looking for cycles as often as Python does takes a fifth of a run's time
    started, outcome = time.monotonic(), "failed"
    with locked(run):
        try:
            asyncio.run(all_stages())
            outcome = "done"
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            run.log_start(verb, time.monotonic() - started, outcome)


def _noting(*parts: str) -> Callable[[Run], Awaitable[None]]:
    """Writes into the folder's recipe which of its parts the stages before have just used; all of it where none is named."""

    async def note(run: Run) -> None:
        run.write_recipe(*parts)

    return note


def generate(arguments: argparse.Namespace) -> None:
    from pipeline.stages.filter import filter_samples
    from pipeline.stages.generate import generate
    from pipeline.stages.select import select

    run = _open(arguments)
    _work(run, "generate", generate, filter_samples, select, _noting())
    _print_status(run)
    _print_owed(run)


def filter(arguments: argparse.Namespace) -> None:
    from pipeline.stages.filter import filter_samples
    from pipeline.stages.select import select

    run = _open(arguments)
    _work(run, "filter", filter_samples, select, _noting("filters", "decontaminate", "labels", "selection"))
    _print_status(run)
    _print_owed(run)


def select(arguments: argparse.Namespace) -> None:
    from pipeline.stages.select import select

    run = _open(arguments)
    _work(run, "select", select, _noting("selection"))
    _print_status(run)


def train(arguments: argparse.Namespace) -> None:
    from pipeline.stages.evaluate import check_items, evaluate
    from pipeline.stages.train import train
    from pipeline.tables import table_path

    run = _open(arguments)
    if not table_path(run.folder, "5_corpus").exists():
        generate(arguments)
    run = _with_the_tables_recipe(run)
    _work(run, "train", check_items, train, _noting("student", "evaluation"), evaluate)
    _print_comparison(run)


def evaluate(arguments: argparse.Namespace) -> None:
    from pipeline.stages.evaluate import evaluate

    run = _with_the_tables_recipe(_open(arguments))
    _work(run, "evaluate", evaluate, _noting("evaluation"))
    _print_comparison(run)


def eval_harness(arguments: argparse.Namespace) -> None:
    from pipeline.stages.eval_harness import eval_harness

    run = _with_the_tables_recipe(_open(arguments))
    include = Path(arguments.include).absolute() if arguments.include else None

    async def stage(run: Run) -> None:
        await eval_harness(run, arguments.tasks, include, arguments.model)

    _work(run, "eval-harness", stage)
    _print_comparison(run)


def push(arguments: argparse.Namespace) -> None:
    from pipeline.report.card import corpus_card
    from pipeline.stages.push import push

    run = _with_the_tables_recipe(_open(arguments))
    corpus = (arguments.corpus, corpus_card(run.folder)) if arguments.corpus else None
    print("\n".join(push(run, arguments.repository, arguments.yes, corpus)))


def report(arguments: argparse.Namespace) -> None:
    from pipeline.report.page import write_page

    print(write_page(_open(arguments).folder))


def status(arguments: argparse.Namespace) -> None:
    _print_status(_open(arguments))


def estimate(arguments: argparse.Namespace) -> None:
    from pipeline.stages.estimate import PILOT, estimate

    run = _open(arguments)
    print("\n".join(asyncio.run(estimate(run, PILOT if arguments.pilot is None else arguments.pilot))))


def preview(arguments: argparse.Namespace) -> None:
    from pipeline.stages.preview import preview

    run = _open(arguments)
    if arguments.training:
        _preview_training(_with_the_tables_recipe(run))
    else:
        print("\n".join(preview(run)))


def _preview_training(run: Run) -> None:
    from pipeline.report.training import summary, write_training_page
    from pipeline.stages.proving import prove_corpus

    proven, examples = prove_corpus(run)
    print(f"{summary(proven)}\npage: {write_training_page(run.folder, proven, examples)}")


def inspect(arguments: argparse.Namespace) -> None:
    from pipeline.report.look import look

    print("\n".join(look(_open(arguments).folder)))


def play(arguments: argparse.Namespace) -> None:
    from pipeline.stages.playing import play_games

    async def stage(run: Run) -> None:
        print("\n".join(await play_games(run)))

    _work(_with_the_tables_recipe(_open(arguments)), "play", stage)


def search_prompts(arguments: argparse.Namespace) -> None:
    from pipeline.stages.prompt_search import Search, search_prompts

    run = _open(arguments)
    search = Search(arguments.method, arguments.dev, arguments.candidates, arguments.steps, arguments.place)

    async def stage(run: Run) -> None:
        print("\n".join(await search_prompts(run, search)))

    _work(run, "search-prompts", stage)


def why(arguments: argparse.Namespace) -> None:
    from pipeline.report.fate import fate

    print("\n".join(fate(_open(arguments).folder, arguments.id)))


def methods(arguments: argparse.Namespace) -> None:
    from pipeline.methods.union import Method
    from pipeline.report.catalogue import catalogue

    print(catalogue(Method, "method"))


def filters(arguments: argparse.Namespace) -> None:
    from pipeline.filters.union import Filter
    from pipeline.report.catalogue import catalogue

    print(catalogue(Filter, "filter"))


def benchmarks(arguments: argparse.Namespace) -> None:
    from pipeline.benchmarks.union import Benchmark
    from pipeline.report.catalogue import catalogue

    print(catalogue(Benchmark, "benchmark"))


def _with_the_tables_recipe(run: Run) -> Run:
    """The run with the recipe its corpus was made with; only student and evaluation may differ by now."""
    from dataclasses import replace

    from pipeline.run import DATA_PARTS, changed_parts

    made = run.table_recipe()
    if made is None:
        return run
    parts = {name: getattr(made, name) for name in DATA_PARTS}
    recipe = run.recipe.model_copy(update=parts)
    differing = changed_parts(run.recipe.model_dump(mode="json"), recipe.model_dump(mode="json"))
    if differing:
        print(f"note: the corpus is used as it was made; the recipe now differs in {', '.join(differing)}.", file=sys.stderr)
    return replace(run, recipe=recipe)


def _write_cards(run: Run) -> None:
    """Tells in the folder of each student of this corpus what it is."""
    from pipeline.report.card import Taught, write_cards
    from pipeline.stages.train import is_trained

    trained = [each for each in run.pupils() if is_trained(run, each)]
    write_cards(run.folder, [Taught(each.name, each.model, each.table, each.seed) for each in trained])


def _print_owed(run: Run) -> None:
    tally = run.door.tally
    if tally.owed:
        print(f"{tally.owed} calls failed for now ({tally.last_error}); the same command asks them again.")


def _print_status(run: Run) -> None:
    from pipeline.report.status import as_text

    print(as_text(run.folder))


def _print_comparison(run: Run) -> None:
    from pipeline.report.comparison import as_text
    from pipeline.report.page import write_page

    _write_cards(run)
    print(as_text(run.folder))
    print(f"report: {write_page(run.folder)}")

"""What each verb of the command line does: opens the run its words speak of, calls the stages, prints what they found.

Everything heavy is imported when a verb needs it.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.opening import noting, open_run, run_folder, with_the_tables_recipe, work
from pipeline.terminal import json_line, pour, say

if TYPE_CHECKING:
    from pipeline.run import Run


def generate(arguments: argparse.Namespace) -> None:
    from pipeline.stages.filter import filter_samples
    from pipeline.stages.generate import generate
    from pipeline.stages.select import select

    run = open_run(arguments)
    work(run, "generate", generate, filter_samples, select, noting())
    _print_status(run)
    _print_owed(run)


def filter(arguments: argparse.Namespace) -> None:
    from pipeline.stages.filter import filter_samples
    from pipeline.stages.select import select

    run = open_run(arguments)
    work(run, "filter", filter_samples, select, noting("filters", "decontaminate", "labels", "selection"))
    _print_status(run)
    _print_owed(run)


def select(arguments: argparse.Namespace) -> None:
    from pipeline.stages.select import select

    run = open_run(arguments)
    work(run, "select", select, noting("selection"))
    _print_status(run)


def train(arguments: argparse.Namespace) -> None:
    from pipeline.stages.evaluate import check_items, evaluate
    from pipeline.stages.train import train
    from pipeline.tables import table_path

    run = open_run(arguments)
    if not table_path(run.folder, "5_corpus").exists():
        generate(arguments)
    run = with_the_tables_recipe(run)
    work(run, "train", check_items, train, noting("student", "evaluation"), evaluate)
    _print_comparison(run)


def evaluate(arguments: argparse.Namespace) -> None:
    from pipeline.stages.evaluate import evaluate

    run = with_the_tables_recipe(open_run(arguments))
    work(run, "evaluate", evaluate, noting("evaluation"))
    _print_comparison(run)


def eval_harness(arguments: argparse.Namespace) -> None:
    from pipeline.stages.eval_harness import eval_harness

    run = with_the_tables_recipe(open_run(arguments))
    include = Path(arguments.include).absolute() if arguments.include else None

    async def stage(run: Run) -> None:
        await eval_harness(run, arguments.tasks, include, arguments.model)

    work(run, "eval-harness", stage)
    _print_comparison(run)


def push(arguments: argparse.Namespace) -> None:
    from pipeline.report.card import corpus_card
    from pipeline.stages.push import push

    run = with_the_tables_recipe(open_run(arguments))
    corpus = (arguments.corpus, corpus_card(run.folder)) if arguments.corpus else None
    say(*push(run, arguments.repository, arguments.yes, corpus))


def report(arguments: argparse.Namespace) -> None:
    from pipeline.report.page import write_page

    say(str(write_page(open_run(arguments).folder)))


def status(arguments: argparse.Namespace) -> None:
    _print_status(open_run(arguments))


def estimate(arguments: argparse.Namespace) -> None:
    from pipeline.stages.estimate import PILOT, estimate

    run = open_run(arguments)
    say(*asyncio.run(estimate(run, PILOT if arguments.pilot is None else arguments.pilot)))


def preview(arguments: argparse.Namespace) -> None:
    from pipeline.stages.anew import asked_anew
    from pipeline.stages.preview import preview

    run = open_run(arguments)
    if arguments.training:
        _preview_training(with_the_tables_recipe(run))
    else:
        say(*preview(run))
        say(*asyncio.run(asked_anew(run)))


def _preview_training(run: Run) -> None:
    from pipeline.report.training import summary, write_training_page
    from pipeline.stages.proving import prove_corpus

    proven, examples = prove_corpus(run)
    say(f"{summary(proven)}\npage: {write_training_page(run.folder, proven, examples)}")


def inspect(arguments: argparse.Namespace) -> None:
    from pipeline.inspect.serve import serve
    from pipeline.settings import load_settings

    folder = run_folder(arguments.recipe, arguments.data)
    store = load_settings(data=arguments.data, store=arguments.store).store_path
    serve(folder, store, arguments.port, arguments.browser)


def play(arguments: argparse.Namespace) -> None:
    from pipeline.stages.playing import play_games

    async def stage(run: Run) -> None:
        say(*await play_games(run))

    work(with_the_tables_recipe(open_run(arguments)), "play", stage)


def search_prompts(arguments: argparse.Namespace) -> None:
    from pipeline.stages.prompt_search import Search, search_prompts

    run = open_run(arguments)
    search = Search(arguments.method, arguments.dev, arguments.candidates, arguments.steps, arguments.place)

    async def stage(run: Run) -> None:
        say(*await search_prompts(run, search))

    work(run, "search-prompts", stage)


def compare(arguments: argparse.Namespace) -> None:
    from pipeline.report.compare import compare
    from pipeline.report.compare_lines import as_lines
    from pipeline.report.compare_page import write_compare_page

    first, second = (run_folder(name, arguments.data) for name in (arguments.first, arguments.second))
    found = compare(first, second, arguments.examples or 20)
    page = write_compare_page(found, second)
    if arguments.json:
        return pour([json_line({**found.as_json(), "page": str(page)})])
    say(*as_lines(found, arguments.examples or 3), f"page: {page}")


def methods(arguments: argparse.Namespace) -> None:
    from pipeline.methods.union import Method
    from pipeline.report.catalogue import catalogue

    say(catalogue(Method, "method"))


def filters(arguments: argparse.Namespace) -> None:
    from pipeline.filters.union import Filter
    from pipeline.report.catalogue import catalogue

    say(catalogue(Filter, "filter"))


def benchmarks(arguments: argparse.Namespace) -> None:
    from pipeline.benchmarks.union import Benchmark
    from pipeline.report.catalogue import catalogue

    say(catalogue(Benchmark, "benchmark"))


def _write_cards(run: Run) -> None:
    """Tells in the folder of each student of this corpus what it is."""
    from pipeline.report.card import Taught, write_cards
    from pipeline.stages.train import is_trained

    trained = [each for each in run.pupils() if is_trained(run, each)]
    write_cards(run.folder, [Taught(each.name, each.model, each.table, each.seed) for each in trained])


def _print_owed(run: Run) -> None:
    tally = run.door.tally
    if tally.owed:
        say(f"{tally.owed} calls failed for now ({tally.last_error}); the same command asks them again.")


def _print_status(run: Run) -> None:
    from pipeline.report.status import as_text

    say(as_text(run.folder))


def _print_comparison(run: Run) -> None:
    from pipeline.report.comparison import as_text
    from pipeline.report.page import write_page

    _write_cards(run)
    say(as_text(run.folder))
    say(f"report: {write_page(run.folder)}")

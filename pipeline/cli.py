"""The command `distill`: parses words, calls what they name, prints errors. Heavy imports wait until a verb needs them.

Exit codes: 0 done · 1 our fault, with a traceback · 2 the user can mend it, without one · 3 stopped by a budget, start again to
go on · 130 interrupted, likewise.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from pipeline import __version__
from pipeline.errors import DistillError, UserError

if TYPE_CHECKING:
    from pipeline.run import Run

INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    arguments = _parser().parse_args(words)
    try:
        arguments.run(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except DistillError as error:
        if error.exit_code == 1:
            raise
        print(f"stopped: {error}\n  Everything that landed is kept; the same command goes on from here.", file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted: everything that landed is kept; the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return _disk(error)
    return 0


def _disk(error: OSError) -> int:
    """A disk that is full, read-only or forbidden is the user's to mend; any other OS error is ours."""
    import errno

    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM):
        raise error
    place = error.filename or "the run's folder"
    print(
        f"error: {place}: {error.strerror}\n  Free space or permit writing there, or work elsewhere with --data DIR; "
        "what landed before is safe and the tables are as they were.",
        file=sys.stderr,
    )
    return UserError.exit_code


class _Parser(argparse.ArgumentParser):
    """An argument parser whose own errors look like the others."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}\n  {self.prog} --help shows what there is.", file=sys.stderr)
        raise SystemExit(UserError.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="distill", description="Black-box distillation: a teacher's answers become a small model.")
    parser.add_argument("--version", action="version", version=f"distill {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)
    recipe_verbs: list[tuple[str, str, Callable[[argparse.Namespace], None]]] = [
        ("generate", "ask the teacher, filter and select: tables 1 to 5", _generate),
        ("filter", "judge the samples again and select; asks nobody", _filter),
        ("select", "select again; asks nobody", _select),
        ("train", "train the student and its control, evaluate, report; generates first if there is no corpus", _train),
        ("evaluate", "evaluate again and report", _evaluate),
        ("report", "write report.html", _report),
        ("status", "the funnel: tasks, responses, samples, kept by filter", _status),
        ("preview", "the first rendered prompts of every method; asks nobody", _preview),
        ("inspect", "every table: path, rows, columns explained, a few rows", _inspect),
    ]
    for name, text, run in recipe_verbs:
        _add_recipe_flags(verbs.add_parser(name, help=text, description=text)).set_defaults(run=run, verb=name)
    why = verbs.add_parser("why", help="what became of a row, by any id of any table")
    why.add_argument("id", help="an id, or its first characters")
    _add_recipe_flags(why, flag=True).set_defaults(run=_why, verb="why")
    for name, text, list_run in (
        ("methods", "the methods there are, with their parameters", _methods),
        ("filters", "the filters there are, with their thresholds", _filters),
    ):
        verbs.add_parser(name, help=text, description=text).set_defaults(run=list_run, verb=name)
    return parser


def _add_recipe_flags(parser: argparse.ArgumentParser, flag: bool = False) -> argparse.ArgumentParser:
    if flag:
        parser.add_argument("--recipe", default="mini", help="a name in recipes/ or a path (default: mini)")
    else:
        parser.add_argument("recipe", nargs="?", default="mini", help="a name in recipes/ or a path (default: mini)")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="change a field of the recipe")
    parser.add_argument("--limit", help="source.limit")
    parser.add_argument("--teacher", help="teacher.model")
    parser.add_argument("--backend", choices=("openai", "local", "recorded"), help="teacher.backend")
    parser.add_argument("--base-url", help="address of the OpenAI-compatible endpoint (OPENAI_BASE_URL)")
    parser.add_argument("--student", help="student.model")
    parser.add_argument("--data", help="folder of the runs and the response store (DISTILL_DATA)")
    parser.add_argument("--store", help="file of the response store (DISTILL_STORE)")
    parser.add_argument("--concurrency", help="calls in flight at once (DISTILL_CONCURRENCY)")
    parser.add_argument("--max-tokens", help="ceiling on tokens (DISTILL_MAX_TOKENS)")
    parser.add_argument("--max-cost", help="ceiling in dollars (DISTILL_MAX_COST)")
    parser.add_argument("--device", help="auto, cpu, cuda or mps (DISTILL_DEVICE)")
    return parser


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
    settings = load_settings(
        data=arguments.data, store=arguments.store, concurrency=arguments.concurrency, device=arguments.device,
        max_tokens=arguments.max_tokens, max_cost=arguments.max_cost, openai_base_url=arguments.base_url,
    )  # fmt: skip
    return Run(load_recipe(arguments.recipe, changes, arguments.backend), settings)


def _work(run: Run, verb: str, *stages: Callable[[Run], Awaitable[None]]) -> None:
    """Runs stages one after the other in the run's folder, which nobody else may use meanwhile, and logs the start."""
    from pipeline.run import locked

    async def all_stages() -> None:
        for stage in stages:
            await stage(run)

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


def _generate(arguments: argparse.Namespace) -> None:
    from pipeline.stages.filter import filter_samples
    from pipeline.stages.generate import generate
    from pipeline.stages.select import select

    run = _open(arguments)
    _work(run, "generate", generate, filter_samples, select)
    _print_status(run)
    owed = run.door.tally.owed
    if owed:
        print(f"{owed} calls failed for now ({run.door.tally.last_error}); the same command asks them again.")


def _filter(arguments: argparse.Namespace) -> None:
    from pipeline.stages.filter import filter_samples
    from pipeline.stages.select import select

    run = _open(arguments)
    _work(run, "filter", filter_samples, select)
    _print_status(run)


def _select(arguments: argparse.Namespace) -> None:
    from pipeline.stages.select import select

    run = _open(arguments)
    _work(run, "select", select)
    _print_status(run)


def _train(arguments: argparse.Namespace) -> None:
    from pipeline.stages.evaluate import check_items, evaluate
    from pipeline.stages.train import train
    from pipeline.tables import table_path

    run = _open(arguments)
    if not table_path(run.folder, "5_corpus").exists():
        _generate(arguments)
    run = _with_the_tables_recipe(run)
    _work(run, "train", check_items, train, evaluate)
    _print_comparison(run)


def _evaluate(arguments: argparse.Namespace) -> None:
    from pipeline.stages.evaluate import evaluate

    run = _with_the_tables_recipe(_open(arguments))
    _work(run, "evaluate", evaluate)
    _print_comparison(run)


def _report(arguments: argparse.Namespace) -> None:
    from pipeline.report.page import write_page

    print(write_page(_open(arguments).folder))


def _status(arguments: argparse.Namespace) -> None:
    _print_status(_open(arguments))


def _preview(arguments: argparse.Namespace) -> None:
    from pipeline.stages.preview import preview

    print("\n".join(preview(_open(arguments))))


def _inspect(arguments: argparse.Namespace) -> None:
    from pipeline.report.look import look

    print("\n".join(look(_open(arguments).folder)))


def _why(arguments: argparse.Namespace) -> None:
    from pipeline.report.fate import fate

    print("\n".join(fate(_open(arguments).folder, arguments.id)))


def _methods(arguments: argparse.Namespace) -> None:
    from pipeline.recipe import Method
    from pipeline.report.catalogue import catalogue

    print(catalogue(Method, "method"))


def _filters(arguments: argparse.Namespace) -> None:
    from pipeline.recipe import Filter
    from pipeline.report.catalogue import catalogue

    print(catalogue(Filter, "filter"))


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


def _print_status(run: Run) -> None:
    from pipeline.report.status import as_text

    print(as_text(run.folder))


def _print_comparison(run: Run) -> None:
    from pipeline.report.comparison import as_text
    from pipeline.report.page import write_page

    print(as_text(run.folder))
    print(f"report: {write_page(run.folder)}")


if __name__ == "__main__":
    raise SystemExit(main())

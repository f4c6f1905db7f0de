"""The command `distill`: parses words, calls what they name, prints errors. Heavy imports wait until a verb needs them.

Exit codes: 0 done · 1 our fault, with a traceback · 2 the user can mend it, without one · 3 stopped by a budget, start again to
go on · 130 interrupted, likewise.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from pipeline import __version__, store_verbs, table_verbs, verbs
from pipeline.errors import DistillError, UserError
from pipeline.opening import SETTINGS_FLAGS
from pipeline.terminal import complain, tell_traceback

INTERRUPTED = 130
MOST_CANDIDATES = 1000
LARGEST = 10**12
"""Of a number in a command: of anything that is counted there are fewer."""
"""Instructions that are written at once; the papers ask for 50."""
BACKENDS = ("openai", "batch", "vllm", "local", "recorded")


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    sys.excepthook = tell_traceback
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what the terminal's encoding lacks is written out
    arguments = _parser().parse_args(words)
    try:
        arguments.run(arguments)
    except UserError as error:
        complain(f"error: {error}")
        return error.exit_code
    except DistillError as error:
        if error.exit_code == 1:
            raise
        complain(f"stopped: {error}\n  Everything that landed is kept; the same command goes on from here.")
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _interrupted()
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return _disk(error)
    except Exception as error:
        if "KeyboardInterrupt" not in "".join(traceback.format_exception(error)):
            raise
        return _interrupted()  # compiled libraries, pydantic's while it builds a model, make an error of their own of it
    return 0


def _interrupted() -> int:
    complain("interrupted: everything that landed is kept; the same command goes on from here.")
    return INTERRUPTED


def _disk(error: OSError) -> int:
    """A disk that is full, read-only or forbidden is the user's to mend; any other OS error is ours."""
    import errno

    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENAMETOOLONG):
        raise error
    place = error.filename or "the run's folder"
    remedy = "Free space there, permit reading and writing" if error.errno != errno.ENAMETOOLONG else "Give it a shorter name"
    complain(
        f"error: {place}: {error.strerror}\n  {remedy}, or work elsewhere with --data DIR; "
        "what landed before is safe and the tables are as they were.",
    )
    return UserError.exit_code


class _Parser(argparse.ArgumentParser):
    """An argument parser whose own errors look like the others."""

    def error(self, message: str) -> NoReturn:
        complain(f"error: {message}\n  {self.prog} --help shows what there is.")
        raise SystemExit(UserError.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="distill", description="Black-box distillation: a teacher's answers become a small model.")
    parser.add_argument("--version", action="version", version=f"distill {__version__}")
    there = parser.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)
    recipe_verbs: list[tuple[str, str, Callable[[argparse.Namespace], None]]] = [
        ("generate", "ask the teacher, filter and select: tables 1 to 5", verbs.generate),
        ("filter", "judge the samples again and select; the teacher is asked nothing", verbs.filter),
        ("select", "select again; asks nobody", verbs.select),
        ("train", "train the student and its control, evaluate, report; generates first if there is no corpus", verbs.train),
        ("evaluate", "evaluate again and report", verbs.evaluate),
        ("play", "whole games of bandits by everybody who is compared: regret, best arm (algorithm_distillation)", verbs.play),
        ("report", "write report.html", verbs.report),
        ("status", "the funnel: tasks, responses, samples, kept by filter", verbs.status),
        ("estimate", "what generate would ask, and what it would cost, from a small pilot", verbs.estimate),
        ("preview", "the first rendered prompts of every method; asks nobody", verbs.preview),
    ]
    parser_of: dict[str, argparse.ArgumentParser] = {}
    for name, text, run in recipe_verbs:
        parser_of[name] = _add_recipe_flags(there.add_parser(name, help=text, description=text))
        parser_of[name].set_defaults(run=run, verb=name)
    parser_of["estimate"].add_argument("--pilot", type=_not_negative, metavar="CALLS", help="calls to ask now; 0 asks nobody")
    parser_of["preview"].add_argument(
        "--training", action="store_true", help="prove the corpus instead, and write training.html: what the student learns"
    )
    _add_table_verbs(there)
    _add_compare_verb(there)
    push = _add_recipe_flags(there.add_parser("push", help="show what would go to a model hub, or send it with --yes"))
    push.add_argument("repository", help="owner/name for the student")
    push.add_argument("--corpus", metavar="OWNER/NAME", help="send the corpus there, too, as a data set")
    push.add_argument("--yes", action="store_true", help="send it; the token is that of HF_TOKEN or `hf auth login`")
    push.set_defaults(run=verbs.push, verb="push")
    harness = _add_recipe_flags(there.add_parser("eval-harness", help="evaluate students by lm-evaluation-harness"))
    harness.add_argument("--tasks", nargs="+", required=True, metavar="TASK", help="names of its tasks")
    harness.add_argument("--include", metavar="DIR", help="a folder of further task files")
    harness.add_argument("--model", nargs="+", default=["distilled"], help="base or students (default: distilled)")
    harness.set_defaults(run=verbs.eval_harness, verb="eval-harness")
    _add_search_verb(there)
    _add_store_verbs(there.add_parser("store", help="the response store: stats, export, prune"))
    for name, text, list_run in (
        ("methods", "the methods there are, with their parameters", verbs.methods),
        ("filters", "the filters there are, with their thresholds", verbs.filters),
        ("benchmarks", "the benchmarks there are, with their parameters and sources", verbs.benchmarks),
    ):
        there.add_parser(name, help=text, description=text).set_defaults(run=list_run, verb=name)
    return parser


def _add_table_verbs(there: argparse._SubParsersAction[_Parser]) -> None:
    text = (
        "rows of a table: for reading on a terminal, tab-separated in a pipe, or JSON; without a table, what tables there are"
    )
    show = there.add_parser("show", help=text, description=text)
    show.add_argument("table", nargs="?", help="tasks, responses, samples, verdicts, corpus, …")
    show.add_argument(
        "--where", default="", metavar="SQL",
        help="condition on the columns, as in \"decision = 'drop' AND score < 3 ORDER BY score\"; it may name all tables",
    )  # fmt: skip
    show.add_argument("--columns", default="", metavar="A,B", help="columns to show, in this order")
    show.add_argument("--limit", type=_positive, metavar="N", help="rows at most (20 on a terminal, else all)")
    show.set_defaults(run=table_verbs.show, verb="show")
    text = "what became of a row: what was asked and said, which filter dropped it, where it is in the corpus"
    why = there.add_parser("why", help=text, description=text)
    why.add_argument("id", help="an id of any table, its first characters, or some words of the question")
    why.set_defaults(run=table_verbs.why, verb="why")
    _add_inspect_verb(there)
    for parser in (show, why):
        parser.add_argument("--json", action="store_true", help="JSON, one object a line, nothing left out")
        parser.add_argument("--recipe", default="mini", help="a recipe, a run or a folder with tables (default: mini)")
        parser.add_argument("--data", help=f"{SETTINGS_FLAGS['data']} (DISTILL_DATA)")


def _add_compare_verb(there: argparse._SubParsersAction[_Parser]) -> None:
    text = "two runs on the same tasks: prompts, what was accepted at which price, outputs, and whether they can be told apart"
    parser = there.add_parser("compare", help=text, description=text)
    for name, which in (
        ("first", "the run that is there"),
        ("second", "the run beside it, in whose folder compare.html is written"),
    ):
        parser.add_argument(name, help=f"{which}: a recipe, a run's name or folder")
    parser.add_argument("--examples", type=_positive, metavar="N", help="outputs to show (3 here and 20 on the page)")
    parser.add_argument("--json", action="store_true", help="all of it as one JSON object")
    parser.add_argument("--data", help=f"{SETTINGS_FLAGS['data']} (DISTILL_DATA)")
    parser.set_defaults(run=verbs.compare, verb="compare")


def _add_inspect_verb(there: argparse._SubParsersAction[_Parser]) -> None:
    text = "a page in a browser on this machine: funnel, tables, each row's story, the dropped, models, calls"
    inspect = there.add_parser("inspect", help=text, description=text)
    inspect.add_argument("recipe", nargs="?", default="mini", help="a recipe, a run or a folder with tables (default: mini)")
    inspect.add_argument("--port", type=_port, default=8750, help="port on 127.0.0.1 (8750); 0 takes any that is free")
    inspect.add_argument("--no-browser", dest="browser", action="store_false", help="print the address alone")
    inspect.add_argument("--data", help=f"{SETTINGS_FLAGS['data']} (DISTILL_DATA)")
    inspect.add_argument("--store", help="the response store, for the times of calls (DISTILL_STORE)")
    inspect.set_defaults(run=verbs.inspect, verb="inspect")


def _port(text: str) -> int:
    if (value := _not_negative(text)) > 65535:
        raise argparse.ArgumentTypeError("ports end at 65535")
    return value


def _add_search_verb(there: argparse._SubParsersAction[_Parser]) -> None:
    text = "look for an instruction that makes a method's teacher right more often (APE, OPRO), and freeze the best"
    search = _add_recipe_flags(there.add_parser("search-prompts", help=text, description=text))
    search.add_argument("--method", type=_not_negative, default=0, metavar="N", help="number of the method in the recipe")
    search.add_argument("--dev", type=_positive, default=40, metavar="TASKS", help="tasks that candidates are scored on (40)")
    search.add_argument("--candidates", type=_some, default=8, help="instructions written at first and in each step (8)")
    search.add_argument("--steps", type=_not_negative, default=3, help="steps of the optimiser (3)")
    search.add_argument("--place", choices=("before", "after"), default="before", help="where the instruction stands")
    search.set_defaults(run=verbs.search_prompts, verb="search-prompts")


def _positive(text: str) -> int:
    if (value := _not_negative(text)) == 0:
        raise argparse.ArgumentTypeError("it should be 1 or more")
    return value


def _some(text: str) -> int:
    if (value := _positive(text)) > MOST_CANDIDATES:
        raise argparse.ArgumentTypeError(f"it should be at most {MOST_CANDIDATES}")
    return value


def _not_negative(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number") from None
    if not 0 <= value <= LARGEST:
        raise argparse.ArgumentTypeError(f"{text[:40]} is below 0" if value < 0 else f"it should be at most {LARGEST:,}")
    return value


def _add_recipe_flags(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "recipe", nargs="?", default="mini", help="a name in recipes/, a path, or the name of a run (default: mini)"
    )
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="change a field of the recipe")
    parser.add_argument("--limit", help="source.limit")
    parser.add_argument("--teacher", help="teacher.model")
    parser.add_argument("--backend", choices=BACKENDS, help="teacher.backend")
    parser.add_argument("--student", help="student.model")
    _add_settings_flags(parser)
    return parser


def _add_settings_flags(parser: argparse.ArgumentParser) -> None:
    for name, text in SETTINGS_FLAGS.items():
        variable = name.upper() if name.startswith("openai") else f"DISTILL_{name.upper()}"
        parser.add_argument(f"--{name.removeprefix('openai_').replace('_', '-')}", dest=name, help=f"{text} ({variable})")


def _add_store_verbs(store: argparse.ArgumentParser) -> None:
    there = store.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)
    for name, text, run in (
        ("stats", "what is remembered: by provider and model, with tokens and cost", store_verbs.stats),
        ("export", "write every remembered reply to a file", store_verbs.export),
        ("prune", "forget replies that are old, of one provider or model, or refusals", store_verbs.prune),
    ):
        parser = there.add_parser(name, help=text, description=text)
        parser.set_defaults(run=run, verb=name)
        parser.add_argument("--data", help="folder of the response store (DISTILL_DATA)")
        parser.add_argument("--store", help="the response store (DISTILL_STORE)")
        if name == "export":
            parser.add_argument("path", help="file to write, ending in .jsonl, .parquet or .sqlite (a store again)")
        if name == "prune":
            parser.add_argument("--older-than", type=float, metavar="DAYS", help="that landed more than so many days ago")
            parser.add_argument("--provider", help="of this provider only")
            parser.add_argument("--model", help="of this model only")
            parser.add_argument("--errors", action="store_true", help="outcomes without a text only")
            parser.add_argument("--yes", action="store_true", help="do not ask first")


if __name__ == "__main__":
    raise SystemExit(main())

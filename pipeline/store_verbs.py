"""What `distill store` does: looks into the remembered replies, writes them to a file, forgets some.

It opens no run; everything heavy is imported when a verb needs it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.errors import UserError
from pipeline.terminal import say


def _store_of(arguments: argparse.Namespace) -> Path | str:
    from pipeline.settings import load_settings

    return load_settings(data=arguments.data, store=arguments.store).store_path


def stats(arguments: argparse.Namespace) -> None:
    from pipeline.report import replies

    say(*replies.stats(_store_of(arguments)))


def export(arguments: argparse.Namespace) -> None:
    from pipeline.report import replies

    say(*replies.export(_store_of(arguments), Path(arguments.path)))


def prune(arguments: argparse.Namespace) -> None:
    from pipeline.report import replies

    where = _store_of(arguments)
    chosen = (arguments.older_than, arguments.provider, arguments.model, arguments.errors)
    count, lines = replies.prune(where, *chosen, dry_run=True)
    say(*lines)
    if count and (arguments.yes or _agreed(f"Forget {count} replies for good?")):
        say(*replies.prune(where, *chosen, dry_run=False)[1])


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UserError("nobody is there to ask", "Say --yes.")
    return input(f"{question} [y/N] ").strip().lower() == "y"

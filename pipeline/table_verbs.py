"""What `distill show` and `distill why` do: look into the tables of a run, which need not be one of a recipe at hand.

Everything heavy is imported when a verb needs it.
"""

from __future__ import annotations

import argparse
import sys

from pipeline.opening import run_folder
from pipeline.terminal import is_terminal, json_line, pour, say, width


def show(arguments: argparse.Namespace) -> None:
    from pipeline.report.look import look
    from pipeline.report.query import table_named
    from pipeline.report.show import ROWS, as_json, as_tsv, for_people

    folder = run_folder(arguments.recipe, arguments.data)
    if arguments.table is None:
        return say(*look(folder))
    columns = [name.strip() for name in arguments.columns.split(",") if name.strip()]
    asked = (folder, table_named(arguments.table), arguments.where, columns)
    if arguments.json:
        pour(as_json(*asked, arguments.limit))
    elif is_terminal(sys.stdout):
        say(*for_people(*asked, arguments.limit or ROWS, width()))
    else:
        pour(as_tsv(*asked, arguments.limit))


def why(arguments: argparse.Namespace) -> None:
    from dataclasses import asdict

    from pipeline.report.fate import told
    from pipeline.report.history import read_history

    history = read_history(run_folder(arguments.recipe, arguments.data), arguments.id)
    if arguments.json:
        pour([json_line(asdict(history))])
    else:
        say(*told(history))

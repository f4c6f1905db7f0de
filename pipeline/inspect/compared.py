"""Another run beside the one that is shown: which there are, and what `distill compare` tells of both.

In: the folder of the run, and the name of one that lies beside it. Out: a part of a page, in which all text is harmless.
"""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

from markupsafe import Markup

from pipeline.errors import UserError
from pipeline.inspect.calls import read_starts
from pipeline.report.compare import compare
from pipeline.report.compare_page import as_part
from pipeline.tables import table_path


def others(folder: Path) -> list[str]:
    """Names of the runs beside it that have samples, the last one that was worked in first."""
    runs = [each for each in folder.resolve().parent.iterdir() if table_path(each, "3_samples").is_file()]
    made = {each.name: table_path(each, "3_samples").stat().st_mtime for each in runs if each.name != folder.resolve().name}
    return sorted(made, key=lambda name: (-made[name], name))


def began(folder: Path) -> float:
    """When a run was first started, in seconds since 1970; where no log tells, when its samples were made."""
    for start in read_starts(folder)[:1]:
        with suppress(TypeError, ValueError, OverflowError):
            return datetime.fromisoformat(start.get("began", "")).timestamp()
    return table_path(folder, "3_samples").stat().st_mtime


def in_order(folder: Path, other: Path, swapped: bool = False) -> tuple[Path, Path]:
    """The older of two runs and the newer, as `make compare A=old B=new` has them; the other way round where `swapped`."""
    first, second = sorted((folder.resolve(), other), key=lambda each: (began(each), each.name))
    return (second, first) if swapped else (first, second)


def beside(folder: Path, name: str) -> Path:
    """The folder of another run.

    Raises:
        UserError: none of this name lies there.
    """
    there = others(folder)
    if name not in there:
        remedy = f"There are {', '.join(there)}." if there else f"Make one with `make generate SET=name={folder.name}-b`."
        raise UserError(f"compare: beside {folder.name} there is no run {name[:80]!r} with samples", remedy)
    return folder.resolve().parent / name


def told(first: Path, second: Path) -> Markup:
    """What there is to tell of two runs, found by a process of its own: what it took of the memory is given back.

    Raises:
        UserError: one is not finished or of another version, they have no task in common, or the memory is too small.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_leave_interrupts) as alone:
        try:
            return Markup(alone.submit(_told, first, second).result())  # its template makes whatever is data harmless
        except BrokenProcessPool:
            raise UserError(
                f"compare: nobody is left who compared {first.name} and {second.name}: perhaps the memory is too small",
                f"See whether `distill compare {first.name} {second.name}` can on a larger machine.",
            ) from None


def _leave_interrupts() -> None:
    """An interrupt is the server's, which then ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _told(first: Path, second: Path) -> str:
    return as_part(compare(first, second))

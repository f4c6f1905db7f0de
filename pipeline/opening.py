"""What the words of a command open, and how its stages work there: one at a time in the run's folder, logged, and to be ended.

In: parsed words. Out: a run. Everything heavy is imported when a verb needs it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.terminal import complain

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


def open_run(arguments: argparse.Namespace) -> Run:
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
    return Run(load_recipe(_named(arguments.recipe, settings.runs), changes, arguments.backend), settings)


def _named(name: str, runs: Path) -> str:
    """The recipe of that name, or where there is none that of the run called so: its own recipe was named otherwise, or has
    gone, and messages name the run."""
    from pipeline.settings import project_path

    own = runs / name / "recipe.yaml"
    shipped = project_path("recipes") / f"{name}.yaml"
    return str(own) if "/" not in name and not shipped.is_file() and own.is_file() else name


def run_folder(name: str, data: str | None = None) -> Path:
    """The folder of a run that is only looked at; its recipe may be broken by now, or gone.

    Args:
        name: a run's name in the data folder, a recipe's name or path, or any folder that holds tables.
        data: the data folder, where settings shall not decide.

    Raises:
        UserError: there is no such run; the message names those there are.
    """
    from pipeline.settings import load_settings

    if name and next(Path(name).glob("?_*.parquet"), None):
        return Path(name)
    runs = load_settings(data=data).runs
    folder = runs / name
    if not folder.is_dir():
        folder = runs / _run_name(name)
    if not name or not folder.is_dir():
        there = ", ".join(sorted(each.name for each in runs.glob("*") if each.is_dir())) or "none"
        if not name:
            raise UserError(
                "no run is named", f"Name it, as in `make compare A=mini B=mini-b`. Runs there are in {runs}: {there}."
            )
        raise UserError(
            f"{folder}: there is no such run",
            f"Runs there are in {runs}: {there}. `make generate RECIPE={name}` makes one; --data DIR looks elsewhere.",
        )
    return folder


def _run_name(name: str) -> str:
    """What the run of a recipe is called; the name itself where there is no such recipe."""
    from pipeline.recipe import read_yaml, recipe_path

    try:
        path = recipe_path(name)
        return str(read_yaml(path).get("name") or path.stem)
    except UserError:
        return name


def work(run: Run, verb: str, *stages: Callable[[Run], Awaitable[None]]) -> None:
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


def noting(*parts: str) -> Callable[[Run], Awaitable[None]]:
    """Writes into the folder's recipe which of its parts the stages before have just used; all of it where none is named."""

    async def note(run: Run) -> None:
        run.write_recipe(*parts)

    return note


def with_the_tables_recipe(run: Run) -> Run:
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
        complain(f"note: the corpus is used as it was made; the recipe now differs in {', '.join(differing)}.")
    return replace(run, recipe=recipe)

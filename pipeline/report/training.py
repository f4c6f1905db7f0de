"""`distill preview --training`: what the student learns, token by token, as one page for people: `training.html`.

In: the figures of a proven corpus and its first examples. Out: one HTML file without scripts, beside the run's report. It shows
what no table does: which tokens are learned, where the template's own stand, and what counts as the final answer.
"""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.student.shown import Proven, Shown
from pipeline.terminal import harmless


def write_training_page(folder: Path, proven: Proven, examples: list[Shown]) -> Path:
    """Writes `training.html` of the run in `folder`, whole or not at all, and returns its path.

    Args:
        examples: those to show, in any order.
    """
    ordered = sorted(examples, key=lambda each: (each.method, each.view))
    groups = {name: list(some) for name, some in groupby(ordered, lambda each: f"{each.method}, {each.view}")}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
        finalize=lambda value: harmless(value) if type(value) is str else value,
    )  # fmt: skip
    environment.filters["number"] = "{:,}".format
    page = environment.get_template("training.html.jinja").render(name=folder.name, proven=proven, groups=groups)
    path = folder / "training.html"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    unfinished.write_text(page, encoding="utf-8")
    os.replace(unfinished, path)
    return path


def summary(proven: Proven) -> str:
    """The figures in a line."""
    splits = ", ".join(f"{count:,} {split}" for split, count in proven.examples.items())
    return (
        f"{sum(proven.examples.values()):,} examples ({splits}): {proven.trained:,} of {proven.tokens:,} tokens are trained, "
        f"{proven.trained / proven.tokens:.1%}; the longest has {proven.longest:,} of {proven.limit:,}"
    )

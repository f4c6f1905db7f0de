"""`compare.html`: two runs beside each other as one page for people, which needs nothing beside itself.

In: a comparison. Out: one HTML file without scripts, with inline style and drawings. Everything from data is escaped, what acts
or cannot be seen is written out, and a content policy in the page forbids it to load anything.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.report.compare import Comparison
from pipeline.report.compare_lines import accepted, change, value, verdict
from pipeline.report.compared_rows import Measure
from pipeline.report.scores import ALL_KINDS
from pipeline.terminal import clipped, harmless

CHARACTERS = 1200
"""Longest text of an output; the rest is counted."""


def write_compare_page(found: Comparison, folder: Path) -> Path:
    """Writes `compare.html` into the folder of a run, whole or not at all, and returns its path."""
    path = folder / "compare.html"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    unfinished.write_text(_render(found, "compare.html.jinja"), encoding="utf-8")
    os.replace(unfinished, path)
    return path


def as_part(found: Comparison) -> str:
    """What the page tells, as a part of another page, which brings the style."""
    return _render(found, "compare.body.jinja")


def _render(found: Comparison, template: str) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_text,
    )  # fmt: skip
    environment.filters |= {
        "number": lambda count: f"{count:,}",
        "clip": _clip,
        "value": value,
        "change": change,
        "accepted": accepted,
        "verdict": verdict,
    }
    shown = [each for each in (*found.accepted, *found.filters) if each.change is not None]
    return environment.get_template(template).render(
        found=found, headlines=_headlines(found), reach=_reach(shown), place=_place, all_kinds=ALL_KINDS,
        changed_filters=[each for each in found.filters if not each.is_same],
    )  # fmt: skip


def _text(part: Any) -> Any:
    """What stands in the page for a value of the data."""
    return harmless(part) if isinstance(part, str) and not isinstance(part, Markup) else part


def _clip(text: str) -> str:
    return clipped(text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}… ({len(text) - CHARACTERS:,} more characters)")


def _headlines(found: Comparison) -> list[dict[str, str]]:
    """The measures of the word on both, as tiles: what, from where to where, and the word."""
    values = {each.what: each for each in (*found.accepted, *found.taken) if each.name == "all"}
    tiles = []
    for name, word in found.headlines:
        each = values.get(name)
        points = [
            other.points for other in found.evaluation if name.endswith(f" {other.benchmark}") and other.kind == ALL_KINDS
        ]
        told = change(each).split(" [")[0] if each else f"{points[0]:+.1f} points"
        tiles.append({"what": name, "change": told, "word": word})
    return tiles


def _reach(measures: list[Measure]) -> float:
    """Points from the middle of a drawing to its edge, so that every interval fits."""
    return max([1.0, *(abs(end) for each in measures for end in each.interval if end == end)])


def _place(points: float, reach: float) -> float:
    """Where a change is drawn, in percent of the width."""
    return round(50 + 48 * points / reach, 2)

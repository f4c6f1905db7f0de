"""`make report`: a run as one page for people, `report.html`, which needs nothing beside itself.

In: the tables of a run as far as there are any, `recipe.yaml`, `run.json` and the training curves. Out: one HTML file with
inline style and drawings, so that it can be mailed, printed and read in ten years; one short script sorts its tables, and
without it nothing is missing. Everything from data is escaped, what cannot be seen in it is written out, and a content policy
in the page forbids it to load anything and to run any other script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters.labels import LabelFile
from pipeline.llm.prices import dollars
from pipeline.progress import clock
from pipeline.report.charts import down, sampled_charts
from pipeline.report.contamination import Contaminated, read_contamination
from pipeline.report.curves import plot, read_curves
from pipeline.report.evaluation import read_evaluation
from pipeline.report.filtering import Filtering, Reason, read_filtering, read_reasons
from pipeline.report.funnel import Funnel, read_funnel
from pipeline.report.labelled import Labelled, read_labelled
from pipeline.report.scores import ALL_KINDS
from pipeline.tables import table_path
from pipeline.terminal import complain, harmless

REASONS = 30
"""Reasons that are shown with examples, the most frequent ones; the page stays under 2 MB by this."""
CHARACTERS = 1200
"""Longest text of an example; the rest is counted."""
LONGEST = 50_000
"""Longest text of anything else, such as the recipe."""
SCRIPT = Path(__file__).parent / "sorting.js.jinja"
COUNTED = ("seconds", "asked", "remembered", "owed", "tokens_in", "tokens_out", "cost")
"""What the log counts of a start."""
STARTS = 20
"""Starts that are listed, the latest ones."""


def write_page(folder: Path) -> Path:
    """Writes `report.html` of the run in `folder`, whole or not at all, and returns its path.

    Raises:
        UserError: there are no tables yet.
    """
    if not table_path(folder, "1_tasks").exists():
        raise UserError(f"{folder}: there are no tables yet", f"Make them with `make generate RECIPE={folder.name}`.")
    path = folder / "report.html"
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    unfinished.write_text(_render(folder), encoding="utf-8")
    os.replace(unfinished, path)
    return path


def _render(folder: Path) -> str:
    text, log = _text(folder / "recipe.yaml"), _mapping(json.loads, _text(folder / "run.json"))
    log["starts"] = [_start(each) for each in _listing(log, "starts") if isinstance(each, dict)]
    funnel, curves, evaluation = read_funnel(folder), read_curves(folder), read_evaluation(folder, log)
    filtering, reasons = _filtering(folder, funnel)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_readable,
    )  # fmt: skip
    script = SCRIPT.read_text(encoding="utf-8")
    environment.filters |= {
        "number": _number,
        "dollars": dollars,
        "percent": _percent,
        "clock": clock,
        "clip": _clip,
        "zip": zip,
        "down": down,
        "charts": sampled_charts,
    }
    return environment.get_template("page.html.jinja").render(
        name=folder.name, facts=_facts(_mapping(yaml.safe_load, text), log), recipe=text,
        starts=log["starts"], most_starts=STARTS, funnel=funnel, made=_made(folder), steps=_steps(funnel),
        filtering=filtering, reasons=reasons, contamination=_contamination(folder, funnel),
        labelled=_labelled(folder, funnel, text), curves=curves, plot=plot(curves) if curves else None,
        evaluation=evaluation, all_kinds=ALL_KINDS, script=Markup(script), script_hash=_hash(script),
    )  # fmt: skip


def _readable(value: Any) -> Any:
    """What is shown of a value: text with what acts or cannot be seen written out, and not too long; all else as it is."""
    if type(value) is not str:  # the page's own parts are of another type
        return value
    return harmless(_clip(value, LONGEST))


def _hash(script: str) -> str:
    """A script's name in a content policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _text(path: Path) -> str:
    """What a file says, and nothing where there is none."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _mapping(read: Callable[[str], Any], text: str) -> dict[str, Any]:
    """What a text holds; nothing where somebody broke it, since the page is about the tables."""
    with suppress(ValueError, yaml.YAMLError, RecursionError):
        if isinstance(found := read(text), dict):
            return found
    return {}


def _fields(found: dict[str, Any], name: str) -> dict[str, Any]:
    """A part that should have fields; none where somebody wrote something else there."""
    part = found.get(name)
    return part if isinstance(part, dict) else {}


def _listing(found: dict[str, Any], name: str) -> list[Any]:
    """The same of a part that should be a list."""
    part = found.get(name)
    return part if isinstance(part, list) else []


def _start(found: dict[str, Any]) -> dict[str, Any]:
    """A start of `run.json`, without what should be a number and is none."""
    return {name: value for name, value in found.items() if name not in COUNTED or isinstance(value, int | float)}


def _facts(recipe: dict[str, Any], log: dict[str, Any]) -> dict[str, str]:
    """What the run is, as label and words; what nobody wrote down is left out."""
    teacher, student = _fields(recipe, "teacher"), _fields(recipe, "student")
    who = [teacher.get(key) for key in ("model", "path", "backend")]
    schooling = {key: value for key, value in student.items() if key in ("epochs", "learning_rate", "batch_size")}
    packages = {"Python": log.get("python"), **_fields(log, "packages")}
    facts = {
        "Teacher": _listed(who) + _listed_pairs(_fields(teacher, "sampling"), "; "),
        "Student": str(student.get("model", "")) + _listed_pairs(schooling, "; "),
        "Methods": _listed([each.get("method") if isinstance(each, dict) else each for each in _listing(recipe, "methods")]),
        "Version": _listed([log.get("version"), f"commit {log['commit']}" if log.get("commit") else None]),
        "Packages": _listed_pairs(packages),
    }
    return {label: words for label, words in facts.items() if words}


def _listed(values: list[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value))


def _listed_pairs(values: dict[str, Any], before: str = "") -> str:
    words = ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
        if value is not None
    )
    return before + words if words else ""


def _made(folder: Path) -> dict[str, bool]:
    """Which of the tables that have a section of their own exist."""
    return {name[2:]: table_path(folder, name).exists() for name in ("3_samples", "4_verdicts", "5_corpus")}


def _steps(funnel: Funnel) -> dict[str, dict[str, int]]:
    """Row counts of each step, of the run and of each method, the names of methods as keys."""
    parts = {"samples": funnel.samples, "passed": funnel.passed, "corpus": funnel.corpus}
    run = {"tasks": funnel.tasks, "responses": funnel.responses, **parts}
    whole = {"": {step: sum(counts.values()) for step, counts in run.items()}}
    return whole | {method: {step: counts.get(method, 0) for step, counts in parts.items()} for method in funnel.samples}


def _filtering(folder: Path, funnel: Funnel) -> tuple[Filtering | None, list[Reason]]:
    """What the filters did, and why samples were not kept; nothing before there are verdicts on samples."""
    if not all(table_path(folder, name).exists() for name in ("3_samples", "4_verdicts")):
        return None, []
    return read_filtering(folder, [each.name for each in funnel.filters]), read_reasons(folder, REASONS)


def _contamination(folder: Path, funnel: Funnel) -> list[Contaminated]:
    names = [each.name for each in funnel.filters]
    return read_contamination(folder, names) if table_path(folder, "4_verdicts").exists() else []


def _labelled(folder: Path, funnel: Funnel, text: str) -> list[Labelled]:
    """The filters against labels, where the recipe names a file of them that is still there."""
    labels = _mapping(yaml.safe_load, text).get("labels")
    if labels is None or not table_path(folder, "4_verdicts").exists():
        return []
    try:
        return read_labelled(folder, [each.name for each in funnel.filters], LabelFile.model_validate(labels))
    except (UserError, ValidationError) as error:
        complain(f"note: filters are not measured against labels: {error}")
        return []


def _number(value: float) -> str:
    return f"{value:,}"


def _percent(part: float, whole: float = 1) -> str:
    return f"{100 * part / whole:.1f}" if whole else "–"


def _clip(text: str, most: int = CHARACTERS) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"

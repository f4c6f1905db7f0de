"""Parts of pages that take more than a moment, or that change while somebody moves a slider."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

from pipeline.errors import UserError
from pipeline.inspect.calls import read_starts
from pipeline.inspect.compared import beside, in_order, told
from pipeline.inspect.labels import label_file
from pipeline.inspect.rows import count_rows
from pipeline.inspect.sources import read_sources
from pipeline.inspect.thresholds import edge, read_scores
from pipeline.inspect.views import Inspected, Shown, Words, question
from pipeline.pieces import seconds_of
from pipeline.report.evaluation import read_evaluation
from pipeline.report.filtering import read_filtering
from pipeline.report.funnel import Funnel, read_funnel
from pipeline.report.quality import Direction
from pipeline.report.scores import ALL_KINDS
from pipeline.tables import TABLES


def _funnel(shown: Inspected) -> Funnel:
    return shown.remembered("funnel", lambda: read_funnel(shown.folder))


def funnel(shown: Inspected, _: Words) -> Shown:
    """From tasks to corpus, what every filter said, what each method cost."""
    found = _funnel(shown)
    counted = {
        "tasks": found.tasks,
        "calls": found.responses,
        "samples": found.samples,
        "passed": found.passed,
        "corpus": found.corpus,
    }
    steps = {name: sum(counts.values()) for name, counts in counted.items()}
    took = {each.name: seconds_of(shown.folder, each.name) for each in found.filters}
    return {"funnel": found, "steps": steps, "took": took}


def sources(shown: Inspected, _: Words) -> Shown:
    """The same by source and method."""
    return {"sources": shown.remembered("sources", lambda: read_sources(shown.folder))}


def overlap(shown: Inspected, _: Words) -> Shown:
    """The pairs of filters that drop the same samples: both names, how many of them, and what each drops in all."""
    names = [each.name for each in _funnel(shown).filters]
    found = shown.remembered("filtering", lambda: read_filtering(shown.folder, names)).overlap if names else {}
    pairs = [(one, other, found[one][other], found[one][one], found[other][other]) for one, other in combinations(names, 2)]
    return {"judged": bool(names), "pairs": sorted((each for each in pairs if each[2]), key=lambda each: -each[2])}


def count(shown: Inspected, words: Any) -> Shown:
    """How many rows fit a question."""
    asked = question(words, list(TABLES))
    return {"count": count_rows(shown.folder, asked)}


def threshold(shown: Inspected, words: Words) -> Shown:
    """What another threshold would keep, and who stands at the edge."""
    name = words.get("filter", "")
    direction: Direction = "below" if words.get("direction") == "below" else "above"
    try:
        at = float(words.get("at", ""))
    except ValueError:
        at = math.nan
    if not math.isfinite(at):
        raise UserError(f"threshold: {words.get('at', '')[:40]!r} is no number", "Give a score, such as 0.5.")
    try:
        labels = label_file(shown.folder)
        scores = read_scores(shown.folder, name, labels)
    except UserError:
        scores = read_scores(shown.folder, name)
    if not len(scores.values):
        raise UserError(f"{name[:80]!r} has no scores in this run", "Choose a filter that scores.")
    found = scores.at(at, direction)
    return {"scores": scores, "at": at, "direction": direction, "found": found, "edge": edge(shown.folder, name, at, direction)}


def compare(shown: Inspected, words: Words) -> Shown:
    """Another run and this one, the older first unless they are to be swapped."""
    other = beside(shown.folder, words.get("other", ""))
    first, second = in_order(shown.folder, other, bool(words.get("swapped")))
    return {"told": shown.remembered(f"compare {first.name} and {second.name}", lambda: told(first, second), other)}


def scores(shown: Inspected, _: Words) -> Shown:
    """Every model on every benchmark, with intervals, and what can be told apart."""
    log = {"starts": read_starts(shown.folder)}
    return {"evaluation": shown.remembered("evaluation", lambda: read_evaluation(shown.folder, log)), "all_kinds": ALL_KINDS}

"""What `bench/leaderboard.py` found, as Markdown and a drawing: tables, what became of the claims, accuracy against tokens."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import psutil
import yaml

from pipeline.report.comparison import CHANCE, differences
from pipeline.report.scores import ALL_KINDS, Score, accuracy
from pipeline.settings import REPOSITORY

if TYPE_CHECKING:
    from leaderboard import Entry

TEST, OOD = "mini:test", "mini:ood"
SHOWN = {TEST: "test", f"{TEST}+typos": "typos", f"{TEST}+numbers": "numbers", OOD: "ood"}
"""Benchmarks of the table and what their columns are called."""
BLOCK = re.compile(r"(<!-- leaderboard -->\n).*?(<!-- /leaderboard -->)", flags=re.DOTALL)
COLOURS = ("#2a78d6", "#dd6128", "#3a8f5c", "#8757b8")
Scores = dict[tuple[str, str, str], Score]
"""By comparison, benchmark and model."""


def write_pages(plan: dict[str, Any], entries: list[Entry], grades: pl.DataFrame, root: Path | None) -> None:
    """Writes page, drawing and the README's block; prints the page where `root` is None."""
    scores = scores_of(grades)
    tokens, rows = f"tokens-{plan['tokens']}", f"rows-{plan['rows']}"
    equal_tokens, equal_rows = (table(plan, entries, scores, each) for each in (tokens, rows))
    looked_for = (claim(each, grades, comparison) for each in plan["claims"] for comparison in (tokens, rows))
    found = [line for line in looked_for if line]
    page = [
        "# Leaderboard", "", *how(plan), "", f"## At {plan['tokens']:,} tokens of the teacher", "", *equal_tokens, "",
        f"## At {plan['rows']:,} rows of the corpus", "", *equal_rows, "", "## What papers say, and what was found", "", *found,
        "", "## Accuracy against tokens", "", *curve_table(plan, scores), "",
    ]  # fmt: skip
    if root is None:
        print("\n".join(page))
        return
    (root / "docs/leaderboard.md").write_text("\n".join([*page, "![Accuracy against tokens](leaderboard.svg)", ""]), "utf-8")
    (root / "docs/leaderboard.svg").write_text(drawing(plan, entries, scores), "utf-8")
    readme = root / "README.md"
    drawn = "![Accuracy of the student against tokens of the teacher](docs/leaderboard.svg)"
    block = "\n".join(["", *introduction(plan), "", *equal_tokens, "", drawn, ""])
    text = readme.read_text(encoding="utf-8")
    readme.write_text(BLOCK.sub(lambda match: f"{match[1]}{block}\n{match[2]}", text), encoding="utf-8")


def scores_of(grades: pl.DataFrame) -> Scores:
    """Right answers over all kinds."""
    found: Scores = {}
    for (comparison,), part in grades.partition_by("comparison", as_dict=True).items():
        once = part.unique(["benchmark", "task_id", "model", "seed"], maintain_order=True)  # base and teacher are in every run
        for score in accuracy(once):
            if score.kind == ALL_KINDS:
                found[comparison, score.benchmark, score.model] = score
    return found


def how(plan: dict[str, Any]) -> list[str]:
    base = plan["base"]
    seeds, limit = base["student"]["seeds"], base["evaluation"]["limit"]
    day, cores = time.strftime("%Y-%m-%d", time.gmtime()), psutil.cpu_count()
    return [
        f"Made by `make leaderboard` on {cores} cores, {day}, from `bench/leaderboard.yaml`: {len(plan['contestants'])}",
        f"contestants, {plan['steps']} steps of training for every student, {seeds} seeds, {limit} items of each benchmark.",
        "Right answers in percent, greedy, with 95 % intervals over items and seeds. `typos` and `numbers` are the items of",
        "`test`, changed. Tokens are the teacher's, prompts and replies; dollars what they would cost at the price of",
        f"{plan['priced_as']['model']} in `data/prices.yaml`.",
    ]


def introduction(plan: dict[str, Any]) -> list[str]:
    """What the README says above its table."""
    return [
        "**Which one?** `make leaderboard` compares those that share a task, offline: here the student's right answers on",
        f"stories, in %, after {plan['tokens']:,} tokens of the teacher and {plan['steps']} steps of training each. The same",
        "at equal rows, and what became of the papers' claims: [docs/leaderboard.md](docs/leaderboard.md).",
    ]


def table(plan: dict[str, Any], entries: Iterable[Entry], scores: Scores, comparison: str) -> list[str]:
    """A row a contestant, the best on `test` first, between the teacher and the student as it was."""
    prices = yaml.safe_load((REPOSITORY / "data/prices.yaml").read_text(encoding="utf-8"))
    price = prices[plan["priced_as"]["provider"]][plan["priced_as"]["model"]]
    names = ("method", "teacher tokens", "passed", "rows", "tokens a row", "$ for 1,000 rows", *SHOWN.values())
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    lines.append(line("*teacher*", [""] * 5, scores, comparison, "teacher"))
    here = [each for each in entries if each.comparison == comparison]
    for each in sorted(here, key=lambda each: -scores[comparison, TEST, each.contestant].share):
        dollars = (each.tokens_in * price["input"] + each.tokens_out * price["output"]) / 1e6 / each.rows * 1000
        cells = [
            f"{each.tokens:,}", f"{100 * each.passed / each.samples:.0f} %", f"{each.rows:,}", f"{each.tokens / each.rows:.0f}",
            f"{dollars:.2f}",
        ]  # fmt: skip
        lines.append(line(each.contestant.replace("_", " "), cells, scores, comparison, each.contestant))
    return [*lines, line("*student, untaught*", [""] * 5, scores, comparison, "base")]


def line(name: str, cells: Sequence[str], scores: Scores, comparison: str, model: str) -> str:
    shares = [cell(scores.get((comparison, benchmark, model))) for benchmark in SHOWN]
    return f"| {' | '.join([name, *cells, *shares])} |"


def cell(score: Score | None) -> str:
    if score is None:
        return "–"
    low, high = score.interval
    return f"{100 * score.share:.1f} ({100 * low:.0f}–{100 * high:.0f})"


def claim(said: dict[str, str], grades: pl.DataFrame, comparison: str) -> str | None:
    """Whether a claim was found here, with the difference; None where one of its two did not run."""
    part = grades.filter(pl.col("comparison") == comparison, pl.col("benchmark") == TEST)
    better, worse = said["better"], said["worse"]
    found = [each for each in differences(part, ((better, worse),)) if each.kind == ALL_KINDS]
    if not found:
        return None
    word = "not told apart" if found[0].p_value >= CHANCE else "confirmed" if found[0].points > 0 else "**the other way round**"
    unit, budget = comparison.split("-")
    low, high = found[0].interval
    sure = f"{found[0].points:+.1f} points, 95 % [{low:+.1f}, {high:+.1f}]"
    pair = f"{better.replace('_', ' ')} against {worse.replace('_', ' ')}"
    return f"- {said['says']} ({said['source']}) At {int(budget):,} {unit}: {word}; {pair} {sure}."


def curve_table(plan: dict[str, Any], scores: Scores) -> list[str]:
    budgets = sorted({*plan["curve"]["tokens"], plan["tokens"]})
    lines = [f"| method | {' | '.join(f'{each:,}' for each in budgets)} |", "|---" * (len(budgets) + 1) + "|"]
    for name in plan["curve"]["contestants"]:
        cells = [cell(scores.get((f"tokens-{budget}", TEST, name))) for budget in budgets]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return lines


def drawing(plan: dict[str, Any], entries: list[Entry], scores: Scores) -> str:
    """Accuracy on `test` against the teacher's tokens, on a logarithmic axis: a point a contestant, a line a curve."""
    width, height, left, bottom = 760, 420, 50, 40
    shown = [each for each in entries if each.comparison.startswith("tokens")]
    logs = [math.log(each.tokens) for each in shown]
    low, high = min(logs) - 0.1, max(logs) + 0.1

    def place(tokens: float, share: float) -> tuple[float, float]:
        across = left + (width - left - 190) * (math.log(tokens) - low) / (high - low)
        return across, height - bottom - (height - bottom - 20) * share

    parts = []
    for percent in range(0, 101, 20):
        _, y = place(math.e**low, percent / 100)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{width - 190}" y2="{y:.1f}" stroke="#868c96" stroke-opacity=".3"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#868c96">{percent}</text>')
    for budget in sorted({*plan["curve"]["tokens"], plan["tokens"]}):
        x, y = place(budget, 0)
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle" fill="#868c96">{budget:,}</text>')
    labels: list[tuple[float, float, str, str]] = []
    curves = dict(zip(plan["curve"]["contestants"], COLOURS, strict=False))
    for name in dict.fromkeys(each.contestant for each in shown):
        own = sorted((each for each in shown if each.contestant == name), key=lambda each: each.tokens)
        colour = curves.get(name, "#868c96")
        points = [place(each.tokens, scores[each.comparison, TEST, name].share) for each in own]
        line_ = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)
        parts.append(f'<polyline points="{line_}" fill="none" stroke="{colour}" stroke-width="1.5"/>{dots}')
        labels.append((points[-1][1], points[-1][0], name.replace("_", " "), colour))
    for y, x, at, text, colour in spread(labels):
        ends = f'x1="{x + 5:.1f}" y1="{at:.1f}" x2="{width - 186}" y2="{y:.1f}"'
        parts.append(f'<line {ends} stroke="{colour}" stroke-opacity=".4"/>')
        parts.append(f'<text x="{width - 182}" y="{y + 4:.1f}" fill="{colour}">{escape(text)}</text>')
    style = 'font-family="system-ui, sans-serif" font-size="12"'
    title = "Right answers of the student in percent, against tokens of the teacher"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" {style}>'
        f'<title>{title}</title>{"".join(parts)}<text x="{left}" y="12" fill="#868c96">{title}</text></svg>\n'
    )


def spread(labels: list[tuple[float, float, str, str]], apart: float = 15) -> list[tuple[float, float, float, str, str]]:
    """Where labels stand so that none covers another: its height, then the point's place, text and colour."""
    ordered = sorted(labels)
    heights = [y for y, *_ in ordered]
    for number in range(1, len(heights)):
        heights[number] = max(heights[number], heights[number - 1] + apart)
    over = max(0.0, heights[-1] - 400) if heights else 0.0
    heights = [each - over for each in heights]
    for number in reversed(range(len(heights) - 1)):
        heights[number] = min(heights[number], heights[number + 1] - apart)
    assert all(second - first >= apart - 1e-6 for first, second in pairwise(heights))
    return [(height, x, y, text, colour) for height, (y, x, text, colour) in zip(heights, ordered, strict=True)]

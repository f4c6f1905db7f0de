"""Compares distillation methods in one harness: `make leaderboard`, about two and a half hours on two cores.

In: `bench/leaderboard.yaml`: contestants, each a change of one recipe, and what papers claim of them. Each is run at equal
teacher tokens, at equal rows of the corpus, and some at further token budgets; every student is trained for as many steps, with
as many seeds. Out: `bench/leaderboard.json`, docs/leaderboard.md, docs/leaderboard.svg and the README's block. All runs lie in
one data folder and share what is remembered: what was stopped goes on, and a reply that two contestants ask for is made once.
Each is counted what it would have asked alone.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from leaderboard_page import write_pages

from pipeline.report.funnel import read_funnel
from pipeline.report.scores import read_grades
from pipeline.settings import REPOSITORY
from pipeline.tables import read_frame

PLAN = REPOSITORY / "bench/leaderboard.yaml"
RESULTS = REPOSITORY / "bench/leaderboard.json"
FIRST_POOL = 400
"""Tasks of the first attempt to reach a budget; twice as many in each further one."""
MOST_TASKS = 12_800
Plan = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One contestant in one comparison."""

    contestant: str
    comparison: str
    """`tokens` or `rows`, and how many: `tokens-60000`."""
    tasks: int
    replies: int
    tokens_in: int
    tokens_out: int
    samples: int
    passed: int
    rows: int
    folder: str

    @property
    def tokens(self) -> int:
        """Of the teacher, prompts and replies."""
        return self.tokens_in + self.tokens_out


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare distillation methods.")
    parser.add_argument("--plan", type=Path, default=PLAN)
    parser.add_argument("--data", type=Path, default=REPOSITORY / "data/leaderboard", help="folder of the runs")
    parser.add_argument("--only", nargs="+", help="these contestants alone; the pages are then left as they are")
    parser.add_argument("--pages", action="store_true", help="write the pages again from the runs there are")
    arguments = parser.parse_args()
    plan = yaml.safe_load(arguments.plan.read_text(encoding="utf-8"))
    started, entries = time.monotonic(), []
    for comparison, name in comparisons(plan, arguments.only):
        if not arguments.pages:
            run(plan, comparison, name, arguments.data)
        entries.append(entry(comparison, name, arguments.data))
        print(f"{time.monotonic() - started:5.0f} s  {comparison}  {name}: {entries[-1]}", file=sys.stderr, flush=True)
    grades = pl.concat([graded(each, arguments.data) for each in entries])
    if not arguments.only:
        RESULTS.write_text(json.dumps([asdict(each) for each in entries], indent=1) + "\n", encoding="utf-8")
    write_pages(plan, entries, grades, None if arguments.only else REPOSITORY)


def comparisons(plan: Plan, only: list[str] | None) -> list[tuple[str, str]]:
    """What is to be run: at equal tokens, at equal rows, and the curve of tokens."""
    names = [name for name in plan["contestants"] if not only or name in only]
    wanted = [
        (f"{unit}-{plan[unit]}", name)
        for unit in ("tokens", "rows")
        for name in names
        if unit == "tokens" or name not in plan["rows_without"]
    ]
    curve = [name for name in plan["curve"]["contestants"] if name in names]
    return wanted + [(f"tokens-{budget}", name) for budget in plan["curve"]["tokens"] for name in curve]


def run(plan: Plan, comparison: str, name: str, data: Path) -> None:
    """Generates until the budget is reached, cuts there, trains and evaluates."""
    unit, budget = comparison.split("-")
    folder = f"{name}-{comparison}"
    recipe = recipe_of(plan, name)
    if unit == "rows":
        recipe["selection"] = {**recipe.get("selection", {}), "rows": int(budget)}
    tasks = FIRST_POOL
    while True:
        generate(recipe, folder, tasks, data)
        fits = tasks_within(data / "runs" / folder, int(budget)) if unit == "tokens" else tasks
        if fits < tasks or (unit == "rows" and rows_of(data / "runs" / folder) >= int(budget)):
            break
        tasks *= 2
        if tasks > MOST_TASKS:
            raise SystemExit(f"{folder}: {tasks // 2} tasks do not reach it")
    if fits < tasks:
        generate(recipe, folder, fits, data)
    student = recipe["student"]
    if not (learned := learned_rows(data / "runs" / folder, student.get("negatives", "leave"))):
        raise SystemExit(f"{folder}: nothing to learn")
    student["epochs"] = plan["steps"] * student["batch_size"] / learned
    distill("train", recipe, folder, fits, data)


def entry(comparison: str, name: str, data: Path) -> Entry:
    """What a run that is done came to."""
    folder = f"{name}-{comparison}"
    counts = read_funnel(data / "runs" / folder)
    samples, passed, rows = (sum(each.values()) for each in (counts.samples, counts.passed, counts.corpus))
    share = rows / passed if comparison.startswith("rows") else 1.0  # the pool gave more rows than were taken, at as much a row
    spent = counts.spent
    calls, tokens_in, tokens_out = (round(share * each) for each in (spent.calls, spent.tokens_in, spent.tokens_out))
    tasks = yaml.safe_load((data / f"{folder}.yaml").read_text(encoding="utf-8"))["source"]["limit"]
    return Entry(name, comparison, tasks, calls, tokens_in, tokens_out, samples, passed, rows, folder)


def learned_rows(run: Path, negatives: str) -> int:
    """Rows of the corpus that are trained on."""
    corpus = read_frame(run, "5_corpus", ["negative"])
    return corpus.height - (int(corpus["negative"].sum()) if negatives == "leave" else 0)


def recipe_of(plan: Plan, name: str) -> dict[str, Any]:
    """The base recipe with a contestant's changes: of a mapping key by key, else the whole value."""
    recipe: dict[str, Any] = copy.deepcopy(plan["base"])
    for key, value in plan["contestants"][name].items():
        recipe[key] = {**recipe.get(key, {}), **value} if isinstance(value, dict) else value
    return recipe


def generate(recipe: dict[str, Any], folder: str, tasks: int, data: Path) -> None:
    distill("generate", recipe, folder, tasks, data)


def distill(verb: str, recipe: dict[str, Any], folder: str, tasks: int, data: Path) -> None:
    """Runs a verb of the command line in a process of its own.

    Raises:
        SystemExit: it failed; what it said is printed.
    """
    whole = {**recipe, "name": folder, "source": {**recipe["source"], "limit": tasks}}
    data.mkdir(parents=True, exist_ok=True)
    path = data / f"{folder}.yaml"
    path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "pipeline", verb, str(path), "--data", str(data)]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    (data / f"{folder}.{verb}.log").write_text(done.stdout, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: ended with {done.returncode}\n{done.stdout[-2000:]}")


def tasks_within(run: Path, budget: int) -> int:
    """How many tasks, in the order of the source, take no more than so many of the teacher's tokens."""
    tasks = read_frame(run, "1_tasks", ["id", "split"]).filter(pl.col("split").is_in(["train", "dev"]))
    replies = read_frame(run, "2_responses", ["task_id", "tokens_in", "tokens_out"])
    spent = replies.group_by("task_id").agg(tokens=pl.col("tokens_in").sum() + pl.col("tokens_out").sum())
    each = tasks.join(spent, left_on="id", right_on="task_id", how="left", maintain_order="left")["tokens"].fill_null(0)
    return int((each.cum_sum() <= budget).sum())


def rows_of(run: Path) -> int:
    return read_frame(run, "5_corpus", ["sample_id"]).height


def graded(entry: Entry, data: Path) -> pl.DataFrame:
    """The greedy grades of a run, its student called by the contestant; base and teacher as they are."""
    grades = read_grades(data / "runs" / entry.folder).filter(pl.col("mode") == "greedy")
    name = pl.when(pl.col("model") == "distilled").then(pl.lit(entry.contestant)).otherwise(pl.col("model"))
    return grades.with_columns(model=name, comparison=pl.lit(entry.comparison))


if __name__ == "__main__":
    main()

"""The funnel by source and method: how many tasks, calls, samples and examples there are of each, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.report.funnel import rejected
from pipeline.report.spending import billed
from pipeline.tables import check_table, readable, table_path


@dataclass(frozen=True)
class Step:
    """One source's, or one source's and method's, way from tasks to corpus."""

    source: str
    method: str
    """Empty where all methods are counted together."""
    tasks: int
    """Tasks of the source; with a method, those it made samples of."""
    calls: int
    """Calls for these tasks; of no method alone."""
    tokens: int
    cost: float | None
    samples: int
    passed: int
    corpus: int


def read_sources(folder: Path) -> list[Step]:
    """Every source, and under it its methods; as far as there are tables."""
    check_table(folder, "1_tasks")
    with readable(table_path(folder, "1_tasks")):
        tasks = (
            _scan(folder, "1_tasks").select(task=pl.col("id").hash(), source=pl.col("source").cast(pl.Categorical)).collect()
        )
    count = dict(tasks.group_by("source", maintain_order=True).len().iter_rows())
    calls, rows, made = _calls(folder, tasks), _samples(folder, tasks), _made(folder, tasks)
    steps: list[Step] = []
    for source, number in count.items():
        mine = [(method, counts) for (name, method), counts in rows.items() if name == source]
        samples, passed = (sum(counts[place] for _, counts in mine) for place in (1, 2))
        corpus = sum(total for (name, _), total in made.items() if name == source)
        steps.append(Step(source, "", number, *calls.get(source, (0, 0, 0.0)), samples, passed, corpus))
        if len(mine) > 1:
            steps += [Step(source, name, of[0], 0, 0, None, of[1], of[2], made.get((source, name), 0)) for name, of in mine]
    return steps


def _scan(folder: Path, name: str) -> pl.LazyFrame:
    check_table(folder, name)
    return pl.scan_parquet(table_path(folder, name))


def _calls(folder: Path, tasks: pl.DataFrame) -> dict[str, tuple[int, int, float | None]]:
    """Calls, tokens and dollars by source, a reply once; dollars are None where any is unknown."""
    if not table_path(folder, "2_responses").exists():
        return {}
    with readable(table_path(folder, "2_responses")):
        calls = (
            _scan(folder, "2_responses")
            .filter(pl.col("finish") != "owed")
            .select(
                key=pl.col("key").hash(), task=pl.col("task_id").hash(), cost=billed(),
                tokens=pl.col("tokens_in").fill_null(0) + pl.col("tokens_out").fill_null(0),
            )
            .collect(engine="streaming")
        )  # fmt: skip
    once = calls.join(tasks, on="task", how="left").unique(["source", "key"], maintain_order=True)
    sums = (pl.len(), pl.col("tokens").sum(), pl.col("cost").sum(), pl.col("cost").null_count().alias("unknown"))
    rows = once.group_by("source", maintain_order=True).agg(*sums).iter_rows()
    return {source: (calls, tokens, None if unknown else cost) for source, calls, tokens, cost, unknown in rows}


def _samples(folder: Path, tasks: pl.DataFrame) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Tasks, samples and those that passed, by source and method."""
    if not table_path(folder, "3_samples").exists():
        return {}
    with readable(table_path(folder, "3_samples")):
        wanted = {
            "sample": pl.col("id").hash(),
            "task": pl.col("task_id").hash(),
            "method": pl.col("method").cast(pl.Categorical),
        }
        samples = _scan(folder, "3_samples").select(**wanted).collect(engine="streaming")
    judged = table_path(folder, "4_verdicts").exists()
    passed = ~pl.col("sample").is_in(rejected(folder).implode()) if judged else pl.lit(False)
    named = (
        samples.with_columns(passed=passed).join(tasks, on="task", how="left").group_by("source", "method", maintain_order=True)
    )
    rows = named.agg(pl.col("task").n_unique(), pl.len(), pl.col("passed").sum()).iter_rows()
    return {(source, method): (count, all_of_them, some) for source, method, count, all_of_them, some in rows}


def _made(folder: Path, tasks: pl.DataFrame) -> dict[tuple[str, str], int]:
    """Examples of the corpus by source and method."""
    if not table_path(folder, "5_corpus").exists():
        return {}
    with readable(table_path(folder, "5_corpus")):
        made = _scan(folder, "5_corpus").select("method", task=pl.col("task_id").hash()).collect(engine="streaming")
    rows = made.join(tasks, on="task", how="left").group_by("source", "method", maintain_order=True).len().iter_rows()
    return {(source, method): count for source, method, count in rows}

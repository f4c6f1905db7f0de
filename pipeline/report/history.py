"""Everything a run knows of one task: what was asked and answered, what was said of it, where it went, how models did on it.

In: an id of any table, its first characters, or some words of the question. Out: the rows of all tables of its task.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import UserError
from pipeline.methods.distillation import MADE
from pipeline.report.funnel import keeps_undecided
from pipeline.tables import CORPORA, TABLES, check_table, json_fields, readable, table_path
from pipeline.terminal import flat

IDS, CALLS = ("1_tasks", "3_samples", *CORPORA, "6_items"), ("2_responses", "4_judgements", "6_evaluation")
KEYS = dict.fromkeys(IDS, "id") | dict.fromkeys(CALLS, "key")
"""The tables whose rows have ids, and the column that holds them."""
TASKS = ("1_tasks", "6_items")
"""The tables whose rows are tasks."""
BARE = ("5_gold_labels", "5_teacher_labels")
CHOICES, SHORT = 5, 90
"""Rows that are named where several are meant, and the characters of a question that are quoted."""
ID = re.compile(r"\b[0-9a-f]{16}\b")
Row = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """One sample and what became of it."""

    sample: Row
    verdicts: list[Row]
    like: dict[str, str]
    """Texts of the samples and items that its verdicts name, by id: what it repeats or leaks."""
    corpus: Row | None
    control: Row | None
    end: str
    """in the corpus, not filtered yet, dropped, unverifiable, or not selected: it passed, and others were taken."""


@dataclass(frozen=True)
class History:
    """The rows of one task."""

    wanted: str
    table: str
    """Where the id, or the words, were found."""
    resting: list[str]
    """Samples, of whichever task, that rest on the response that was asked for; none where no response was."""
    task: Row | None
    """None of an item that an outside harness keeps to itself."""
    children: list[str]
    """Tasks that were made of this one."""
    responses: list[Row]
    candidates: list[Candidate]
    labels: dict[str, list[Row]]
    """Its question with nothing but an answer, as the baselines learn it, by table."""
    judgements: list[Row]
    grades: list[Row]


def read_history(folder: Path, wanted: str) -> History:
    """The rows of the task that an id of any table belongs to.

    Args:
        wanted: an id, the first characters of one, or some words of a question.

    Raises:
        UserError: no row is meant, or rows of several tasks are; or there are no tables yet.
    """
    wanted = " ".join(wanted.split())
    if not wanted:
        raise UserError("no id is given", "Give the id of a row of any table, or its first characters: make why ID=….")
    check_table(folder, "1_tasks")
    task_id, found = _by_id(folder, wanted) or _by_words(folder, wanted)
    of_task = pl.col("task_id") == task_id
    tasks = [row for name in TASKS for row in _rows(folder, name, pl.col("id") == task_id)]
    samples = _rows(folder, "3_samples", of_task)
    keys = {key for sample in samples for key in sample["response_keys"]}  # of a task that was made, asked of those before it
    return History(
        wanted, found, _resting(folder, wanted) if found == "2_responses" else [], tasks[0] if tasks else None,
        _children(folder, task_id),
        _rows(folder, "2_responses", of_task | pl.col("key").is_in(sorted(keys))),
        _candidates(folder, samples, of_task),
        {table: rows for table in BARE if (rows := _rows(folder, table, of_task))},
        _rows(folder, "4_judgements", of_task), _rows(folder, "6_evaluation", of_task),
    )  # fmt: skip


def _rows(folder: Path, table: str, where: pl.Expr) -> list[Row]:
    """The rows that fit, what is JSON in the table read as such; none of a table that is not there."""
    if not table_path(folder, table).exists():
        return []
    check_table(folder, table)
    with readable(table_path(folder, table)):
        rows = pl.scan_parquet(table_path(folder, table)).filter(where).collect(engine="streaming").to_dicts()
        for row in rows:
            row.update({name: json.loads(row[name]) for name in json_fields(TABLES[table]) if row[name] is not None})
    return rows


def _by_id(folder: Path, wanted: str) -> tuple[str, str] | None:
    """The task an id belongs to, and the table it was found in."""
    for table, column in KEYS.items():
        if not table_path(folder, table).exists():
            continue
        check_table(folder, table)
        task = "id" if table in TASKS else "task_id"
        with readable(table_path(folder, table)):
            fits = pl.scan_parquet(table_path(folder, table)).filter(pl.col(column).str.starts_with(wanted))
            hits = fits.select(key=column, task=task).unique().sort("key").collect(engine="streaming")
        if (whole := hits.filter(pl.col("key") == wanted)).height:
            hits = whole
        if hits["task"].n_unique() > 1:
            some = ", ".join(hits["key"].head(CHOICES))
            raise UserError(f"{wanted}: several rows of {table} begin so", f"Give more of the id: {some}, …")
        if hits.height:
            return str(hits["task"][0]), table
    return None


def _by_words(folder: Path, wanted: str) -> tuple[str, str]:
    """The task whose question holds some words, whatever their capitals and whatever space is between them."""
    prompt = pl.col("prompt").str.replace_all(r"\s+", " ")
    holds = prompt.str.to_lowercase().str.contains(wanted.lower(), literal=True)
    for table in TASKS:
        if not table_path(folder, table).exists():
            continue
        with readable(table_path(folder, table)):
            fits = pl.scan_parquet(table_path(folder, table)).filter(holds)
            hits = fits.select("id", prompt=prompt).collect(engine="streaming").unique("id", maintain_order=True)
        exact = hits.filter(pl.col("prompt").str.to_lowercase() == wanted.lower())
        hits = exact if exact.height else hits
        if hits.height > 1:
            some = "".join(f"\n    {name}  {flat(text[:SHORT])}" for name, text in hits.head(CHOICES).iter_rows())
            some += f"\n    and {hits.height - CHOICES} more: give more words" if hits.height > CHOICES else ""
            raise UserError(f"{_quoted(wanted)}: {hits.height} questions of {table} have these words", f"Ask by id:{some}")
        if hits.height:
            return str(hits["id"][0]), table
    raise UserError(
        f"{_quoted(wanted)}: no row of {folder} has this id, and no question has these words",
        f"Ids stand in the tables: `make show TABLE=tasks RECIPE={folder.name}`. A question that is not there was not read: "
        "look at source and source.limit. One that repeats another, or is an item of a benchmark, is left out.",
    )


def _quoted(wanted: str) -> str:
    return repr(wanted if len(wanted) <= SHORT else wanted[: SHORT - 1] + "…")


def _children(folder: Path, task_id: str) -> list[str]:
    is_child = pl.col("source").str.starts_with(MADE) & pl.col("extra").str.contains(task_id, literal=True)
    return [row["id"] for row in _rows(folder, "1_tasks", is_child) if task_id in (row["extra"] or {}).get("parents", ())]


def _resting(folder: Path, wanted: str) -> list[str]:
    holds = pl.col("response_keys").list.eval(pl.element().str.starts_with(wanted)).list.any()
    return [row["id"] for row in _rows(folder, "3_samples", holds)]


def _candidates(folder: Path, samples: Sequence[Row], of_task: pl.Expr) -> list[Candidate]:
    """What became of each sample."""
    corpus, control = ({row["sample_id"]: row for row in _rows(folder, name, of_task)} for name in ("5_corpus", "5_control"))
    words = _rows(folder, "4_verdicts", pl.col("sample_id").is_in([sample["id"] for sample in samples])) if samples else []
    like = _texts(folder, {name for word in words for name in ID.findall(word["detail"])})
    undecided = keeps_undecided(folder)
    found = []
    for sample in samples:
        verdicts = [word for word in words if word["sample_id"] == sample["id"]]
        named = {name: like[name] for word in verdicts for name in ID.findall(word["detail"]) if name in like}
        example = corpus.get(sample["id"])
        end = "in the corpus" if example else _end({word["decision"] for word in verdicts}, undecided)
        found.append(Candidate(sample, verdicts, named, example, control.get(sample["id"]), end))
    return found


def _end(decisions: set[str], keeps_undecided: bool) -> str:
    """Why a sample is not in the corpus."""
    if not decisions:
        return "not filtered yet"
    if "drop" in decisions:
        return "dropped"
    return "unverifiable" if "unverifiable" in decisions and not keeps_undecided else "not selected"


def _texts(folder: Path, ids: set[str]) -> dict[str, str]:
    """What samples say and items ask, by id."""
    if not ids:
        return {}
    texts: dict[str, str] = {}
    for table, column in (("6_items", "prompt"), ("1_tasks", "prompt"), ("3_samples", "target")):
        texts |= {row["id"]: row[column] for row in _rows(folder, table, pl.col("id").is_in(sorted(ids)))}
    return texts

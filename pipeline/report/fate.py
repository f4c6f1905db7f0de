"""`distill why ID`: what became of a row, told from whichever id somebody has in hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import UserError
from pipeline.methods.distillation import MADE
from pipeline.report.funnel import keeps_undecided
from pipeline.tables import CORPORA, read_frame, readable, table_path

IDS, CALLS = ("1_tasks", "3_samples", *CORPORA, "6_items"), ("2_responses", "4_judgements", "6_evaluation")
KEYS = dict.fromkeys(IDS, "id") | dict.fromkeys(CALLS, "key")
"""The tables whose rows have ids, and the column that holds them."""
TASKS = ("1_tasks", "6_items")
"""The tables whose rows are tasks."""
OFFSPRING = 8
"""Tasks made of one, and samples that rest on a reply, that are named."""
BARE = ("5_gold_labels", "5_teacher_labels")


def fate(folder: Path, wanted: str) -> list[str]:
    """The whole story of the task that an id of any table belongs to, as lines.

    Args:
        wanted: an id, or the first characters of one.

    Raises:
        UserError: no row has this id, or several do.
    """
    if not wanted:
        raise UserError("no id is given", "Give the id of a row of any table, or its first characters: make why ID=….")
    task_id, found = _find(folder, wanted)
    tasks = _tasks_of(folder, task_id)
    lines = [f"{wanted} is a row of {found}"] if found != "1_tasks" else []
    lines += _holders(folder, wanted) if found == "2_responses" else []
    if tasks.is_empty():  # an outside harness keeps its items to itself
        return [*lines, *_grades(_rows(folder, "6_evaluation", pl.col("task_id") == task_id))]
    lines += [*_task(tasks.row(0, named=True)), *_offspring(folder, task_id)]
    samples = _rows(folder, "3_samples", pl.col("task_id") == task_id)
    keys = {key for sample in samples for key in sample["response_keys"]}  # of a task that was made, asked of those before it
    replies = _rows(folder, "2_responses", (pl.col("task_id") == task_id) | pl.col("key").is_in(sorted(keys)))
    lines += _responses(replies)
    corpus = {row["sample_id"]: row for row in _rows(folder, "5_corpus", pl.col("task_id") == task_id)}
    controls = {row["sample_id"]: row for row in _rows(folder, "5_control", pl.col("task_id") == task_id)}
    words = _rows(folder, "4_verdicts", pl.col("sample_id").is_in([sample["id"] for sample in samples]))
    undecided = keeps_undecided(folder)
    for sample in samples:
        verdicts = [each for each in words if each["sample_id"] == sample["id"]]
        lines += _sample(sample, verdicts, corpus.get(sample["id"]), undecided)
        if control := controls.get(sample["id"]):
            lines.append(f"  in the control as {control['id']}")
    if not samples:
        lines.append(_why_no_samples(tasks["split"][0], replies))
    lines += [line for table in BARE for line in _labels(table, _rows(folder, table, pl.col("task_id") == task_id))]
    lines += _judgements(_rows(folder, "4_judgements", pl.col("task_id") == task_id))
    lines += _grades(_rows(folder, "6_evaluation", pl.col("task_id") == task_id))
    return lines


def _tasks_of(folder: Path, task_id: str) -> pl.DataFrame:
    """The task of an id; what was made for the evaluation alone stands among its items. None of an outside harness's."""
    tasks = read_frame(folder, "1_tasks").filter(pl.col("id") == task_id)
    if tasks.is_empty() and table_path(folder, "6_items").exists():
        return read_frame(folder, "6_items").filter(pl.col("id") == task_id)
    return tasks


def _find(folder: Path, wanted: str) -> tuple[str, str]:
    """The task an id belongs to and the table it was found in."""
    for table, column in KEYS.items():
        if not table_path(folder, table).exists():
            continue
        task = "id" if table in TASKS else "task_id"
        frame = read_frame(folder, table, list(dict.fromkeys([column, task])))
        hits = frame.filter(pl.col(column).str.starts_with(wanted)).unique(maintain_order=True)
        if hits.height > 1 and hits[task].n_unique() > 1:
            some = ", ".join(hits[column].head(4))
            raise UserError(f"{wanted}: several rows of {table} begin so", f"Give more of the id: {some}, …")
        if hits.height:
            return hits[task][0], table
    read_frame(folder, "1_tasks", ["id"])
    raise UserError(
        f"{wanted}: no row of {folder} has this id", f"Ids stand in the tables: `make inspect RECIPE={folder.name}`."
    )


def _rows(folder: Path, table: str, where: pl.Expr) -> list[dict[str, Any]]:
    if not table_path(folder, table).exists():
        return []
    with readable(table_path(folder, table)):
        return pl.scan_parquet(table_path(folder, table)).filter(where).collect().to_dicts()


def _task(row: dict[str, Any]) -> list[str]:
    lines = [f"task {row['id']} · {row['kind']} · split {row['split']} · from {row['source']}"]
    if row["source"].startswith(MADE):
        extra = json.loads(row["extra"])
        parents = ", ".join(extra.pop("parents", ())) or "nothing"
        how = "".join(f", {name} {value}" for name, value in extra.items() if isinstance(value, str | int))
        lines.append(f"  made by {row['source'].removeprefix(MADE)} of {parents}{how}")
    if row["context"]:
        lines.append(_indented("context", row["context"]))
    lines.append(_indented("prompt", row["prompt"]))
    if row["answer"] is not None:
        lines.append(_indented("answer", row["answer"]))
    if row["constraints"]:
        lines.append(_indented("constraints", row["constraints"]))
    return lines


def _offspring(folder: Path, task_id: str) -> list[str]:
    """The tasks that were made of this one."""
    is_child = pl.col("source").str.starts_with(MADE) & pl.col("extra").str.contains(task_id, literal=True)
    rows = [row["id"] for row in _rows(folder, "1_tasks", is_child) if task_id in json.loads(row["extra"]).get("parents", ())]
    more = f" and {len(rows) - OFFSPRING} more" if len(rows) > OFFSPRING else ""
    return [f"of it were made {', '.join(rows[:OFFSPRING])}{more}"] if rows else []


def _responses(rows: list[dict[str, Any]]) -> list[str]:
    lines = [f"asked {len(rows)} times"] if rows else ["nobody was asked about it"]
    for row in rows:
        what = row["text"] if row["error"] is None else row["error"]
        asked = f"{row['model']} · {row['template']} · sample {row['sample']}"
        lines.append(f"  response {row['key'][:16]} · {asked} · {row['finish']}")
        lines.append(_indented("said" if row["error"] is None else "error", what, 4))
    return lines


def _why_no_samples(split: str, replies: list[dict[str, Any]]) -> str:
    if split not in ("train", "dev"):
        return "no samples: it is kept for evaluation"
    if any(row["text"] for row in replies):
        return "no samples: no method could make one of these replies"
    return "no samples" + (": no reply says anything" if replies else "")


def _holders(folder: Path, wanted: str) -> list[str]:
    """The samples that rest on a response."""
    holds = pl.col("response_keys").list.eval(pl.element().str.starts_with(wanted)).list.any()
    ids = [sample["id"] for sample in _rows(folder, "3_samples", holds)]
    more = f" and {len(ids) - OFFSPRING} more" if len(ids) > OFFSPRING else ""
    nothing = "  no sample rests on it: the method could use nothing of it, or only to decide what to ask next"
    return [f"  samples that rest on it: {', '.join(ids[:OFFSPRING])}{more}"] if ids else [nothing]


def _response(sample: dict[str, Any]) -> str:
    """What a sample is made of, in words."""
    keys = sample["response_keys"]
    return f"response {keys[0][:16]}" if keys else "no response"


def _sample(
    sample: dict[str, Any], verdicts: list[dict[str, Any]], example: dict[str, Any] | None, keeps_undecided: bool
) -> list[str]:
    lines = [f"sample {sample['id']} · {sample['method']}, {sample['view']} · of {_response(sample)}"]
    for verdict in verdicts:
        score = "" if verdict["score"] is None else f" ({verdict['score']:g})"
        detail = f": {verdict['detail']}" if verdict["detail"] else ""
        lines.append(f"  {verdict['decision']:12} {verdict['filter']}: {verdict['reason']}{score}{detail}")
    if example:
        lines.append(f"  in the corpus as {example['id']}, split {example['split']}, weight {example['weight']:g}")
    elif not verdicts:
        lines.append("  not filtered yet")
    elif any(verdict["decision"] == "drop" for verdict in verdicts):
        lines.append("  not in the corpus: dropped")
    elif not keeps_undecided and any(verdict["decision"] == "unverifiable" for verdict in verdicts):
        lines.append("  not in the corpus: unverifiable (selection.unverifiable)")
    else:
        lines.append("  not in the corpus: it passed, and selection took others (selection)")
    return lines


def _labels(table: str, rows: list[dict[str, Any]]) -> list[str]:
    """Its question with nothing but an answer, as the baselines learn it."""
    return [
        line
        for row in rows
        for line in (f"in {table} as {row['id']}, split {row['split']}", _indented("answer", row["messages"][-1]["content"]))
    ]


def _judgements(rows: list[dict[str, Any]]) -> list[str]:
    """What filters asked about its samples, and what they were told."""
    lines = []
    for row in rows:
        lines.append(f"{row['role']} asked {row['model']} · {row['template']} · {row['key'][:16]} · {row['finish']}")
        if row["error"] is not None:
            lines.append(_indented("error", row["error"]))
        elif row["text"]:
            lines.append(_indented("said", row["text"]))
    return lines


def _grades(rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        word = {True: "right", False: "wrong", None: "not gradable"}[row["correct"]]
        lines.append(f"{row['benchmark']}: {row['model']}{_way(row)} was {word}")
        lines.append(_indented("said", row["text"]))
    return lines


def _way(row: dict[str, Any]) -> str:
    """How a model was asked, where it was not once and greedily: `, seed 1, sampled 3`."""
    sample = {"greedy": "", "swapped": ", its rationale swapped,"}.get(row["mode"], f", {row['mode']} {row['sample']}")
    return (f", seed {row['seed']}" if row["seed"] else "") + sample


def _indented(label: str, text: str, by: int = 2) -> str:
    margin = "\n" + " " * (by + len(label) + 2)
    return f"{' ' * by}{label}: " + margin.join(str(text).splitlines() or [""])

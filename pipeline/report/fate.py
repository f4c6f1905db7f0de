"""`distill why ID`: what became of a row, told from whichever id, or words of a question, somebody has in hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from pipeline.methods.distillation import MADE
from pipeline.report.history import Candidate, History, Row, read_history
from pipeline.terminal import Line, Part, line

OFFSPRING = 8
"""Tasks made of one, and samples that rest on a reply, that are named."""
STYLES = {"keep": "green", "drop": "bold red", "unverifiable": "yellow"}
ENDS = {
    "dropped": ("not in the corpus: dropped", "red"),
    "unverifiable": ("not in the corpus: unverifiable (selection.unverifiable)", "yellow"),
    "not selected": ("not in the corpus: it passed, and selection took others (selection)", "yellow"),
    "not filtered yet": ("not filtered yet", "yellow"),
}
"""What became of a sample, in words and a colour."""
GRADES: dict[bool | None, Part] = {True: ("right", "green"), False: ("wrong", "red"), None: ("not gradable", "yellow")}


def fate(folder: Path, wanted: str) -> list[Line]:
    """The whole story of a task, as lines; `read_history` tells of the arguments and errors."""
    return told(read_history(folder, wanted))


def told(history: History) -> list[Line]:
    """A history as lines."""
    lines = [line(f"{history.wanted} is a row of {history.table}")] if history.table != "1_tasks" else []
    if history.table == "2_responses":
        lines += _resting(history.resting)
    if history.task is None:  # an outside harness keeps its items to itself
        return [*lines, *_grades(history.grades)]
    lines += [*_task(history.task), *_children(history.children)]
    if history.candidates:
        head, *others = summary(history.candidates)
        lines.append(line((head, "red" if head.startswith("0 ") else "green"), *(f" · {each}" for each in others)))
    lines += _responses(history.responses)
    for candidate in history.candidates:
        lines += _candidate(candidate)
    if not history.candidates:
        lines.append(line(("no samples", "yellow"), _why_no_samples(history.task["split"], history.responses)))
    for table, rows in history.labels.items():
        for row in rows:
            lines += [
                line(f"in {table} as {row['id']}, split {row['split']}"),
                _text("answer", row["messages"][-1]["content"]),
            ]
    return [*lines, *_judgements(history.judgements), *_grades(history.grades)]


def _task(row: Row) -> list[Line]:
    lines = [line(("task", "bold"), f" {row['id']} · {row['kind']} · split {row['split']} · from {row['source']}")]
    if row["source"].startswith(MADE):
        extra = dict(row["extra"] or {})
        parents = ", ".join(extra.pop("parents", ())) or "nothing"
        how = "".join(f", {name} {value}" for name, value in extra.items() if isinstance(value, str | int))
        lines.append(line(f"  made by {row['source'].removeprefix(MADE)} of {parents}{how}"))
    if row["context"]:
        lines.append(_text("context", row["context"]))
    lines.append(_text("prompt", row["prompt"]))
    if row["answer"] is not None:
        lines.append(_text("answer", row["answer"]))
    if row["constraints"]:
        lines.append(_text("constraints", json.dumps(row["constraints"], ensure_ascii=False)))
    return lines


def _children(names: list[str]) -> list[Line]:
    more = f" and {len(names) - OFFSPRING} more" if len(names) > OFFSPRING else ""
    return [line(f"of it were made {', '.join(names[:OFFSPRING])}{more}")] if names else []


def summary(candidates: list[Candidate]) -> list[str]:
    """How many samples of a task came into the corpus, and who dropped the others: `1 of 4 samples in the corpus`, `…: 3`."""
    ends = Counter(each.end for each in candidates)
    dropped = [{word["filter"] for word in each.verdicts if word["decision"] == "drop"} for each in candidates]
    by = Counter(name for names in dropped for name in sorted(names))
    told = [f"dropped by {name}: {count}" for name, count in by.most_common()]
    told += [f"{end}: {ends[end]}" for end in ENDS if ends[end] and end != "dropped"]
    return [f"{ends['in the corpus']} of {len(candidates)} samples in the corpus", *told]


def _responses(rows: list[Row]) -> list[Line]:
    lines = [line(f"asked {len(rows)} times" if rows else "nobody was asked about it")]
    for row in rows:
        asked = f"{row['model']} · {row['template']} · sample {row['sample']}"
        lines.append(line("  ", ("response", "bold"), f" {row['key'][:16]} · {asked} · {row['finish']}"))
        if row["reasoning"]:
            lines.append(_text("thought", row["reasoning"], 4))
        if row["error"] is None:
            lines.append(_text("said", row["text"] or "", 4))
        else:
            lines.append(_text("error", row["error"], 4, "red"))
    return lines


def _why_no_samples(split: str, replies: list[Row]) -> str:
    if split not in ("train", "dev"):
        return ": it is kept for evaluation"
    if any(row["text"] for row in replies):
        return ": no method could make one of these replies"
    return ": no reply says anything" if replies else ""


def _resting(names: list[str]) -> list[Line]:
    """The samples that rest on a response."""
    more = f" and {len(names) - OFFSPRING} more" if len(names) > OFFSPRING else ""
    nothing = "  no sample rests on it: the method could use nothing of it, or only to decide what to ask next"
    return [line(f"  samples that rest on it: {', '.join(names[:OFFSPRING])}{more}" if names else nothing)]


def _candidate(candidate: Candidate) -> list[Line]:
    sample, example = candidate.sample, candidate.corpus
    keys = sample["response_keys"]
    made_of = f"response {keys[0][:16]}" if keys else "no response"
    lines = [line(("sample", "bold"), f" {sample['id']} · {sample['method']}, {sample['view']} · of {made_of}")]
    for verdict in candidate.verdicts:
        decision = verdict["decision"]
        score = "" if verdict["score"] is None else f" ({verdict['score']:g})"
        detail = f": {verdict['detail']}" if verdict["detail"] else ""
        head = ("  ", (f"{decision:12}", STYLES.get(decision, "")), f" {verdict['filter']}: ")
        lines.append(line(*head, body=f"{verdict['reason']}{score}{detail}"))
        if decision == "drop":
            lines += [_text(name, text, 15, "dim") for name, text in candidate.like.items() if name in verdict["detail"]]
    if example:
        how = f" as {example['id']}, split {example['split']}, weight {example['weight']:g}"
        lines.append(line("  ", (candidate.end, "green"), how))
    else:
        lines.append(line("  ", ENDS[candidate.end]))
    return [*lines, *([line(f"  in the control as {candidate.control['id']}")] if candidate.control else [])]


def _judgements(rows: list[Row]) -> list[Line]:
    """What filters asked about its samples, and what they were told."""
    lines = []
    for row in rows:
        lines.append(line(f"{row['role']} asked {row['model']} · {row['template']} · {row['key'][:16]} · {row['finish']}"))
        if row["error"] is not None:
            lines.append(_text("error", row["error"], style="red"))
        elif row["text"]:
            lines.append(_text("said", row["text"]))
    return lines


def _grades(rows: list[Row]) -> list[Line]:
    lines = []
    for row in rows:
        lines.append(line(f"{row['benchmark']}: {row['model']}{_way(row)} was ", GRADES[row["correct"]]))
        lines.append(_text("said", row["text"]))
    return lines


def _way(row: Row) -> str:
    """How a model was asked, where it was not once and greedily: `, seed 1, sampled 3`."""
    sample = {"greedy": "", "swapped": ", its rationale swapped,"}.get(row["mode"], f", {row['mode']} {row['sample']}")
    return (f", seed {row['seed']}" if row["seed"] else "") + sample


def _text(label: str, text: str, by: int = 2, style: str = "") -> Line:
    """A text beside its label, its further lines under its first."""
    return line(" " * by, (f"{label}: ", "cyan"), body=text.rstrip("\n"), style=style)

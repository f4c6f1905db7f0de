"""What each page shows: from the words of an address to the values that its template names."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import UserError
from pipeline.filters.not_contaminated import leak_of
from pipeline.inspect.calls import read_calls, read_starts
from pipeline.inspect.compared import began, in_order, others
from pipeline.inspect.compared import beside as run_beside
from pipeline.inspect.differing import CASES, graded, read_differing
from pipeline.inspect.labels import label_file
from pipeline.inspect.parameters import parameters_of
from pipeline.inspect.remembered import Remembered
from pipeline.inspect.rows import PAGE_ROWS, Question, columns, read_numbered, read_page, rows_in, sortable
from pipeline.inspect.thresholds import Scores, cases, read_scores
from pipeline.inspect.trained import pieces, tokenizer_of
from pipeline.report.curves import plot, read_curves
from pipeline.report.fate import summary
from pipeline.report.filtering import drop_reasons
from pipeline.report.history import KEYS, Candidate, read_history
from pipeline.report.quality import Direction
from pipeline.report.query import table_named
from pipeline.tables import TABLES, check_table, readable, table_path
from pipeline.terminal import harmless

Words = Mapping[str, str]
Shown = dict[str, Any]
ROW_ID = {**KEYS, "4_verdicts": "sample_id"}
"""The column by which a row's story is found."""
MOST_PAGES = 1_000_000
HUES = 6
"""Colours of curves: one a model, whatever its seed."""
MOST_ROWS = 50
"""Rows of a table that one story shows; a task may have thousands."""


@dataclass(frozen=True)
class Inspected:
    """The run that is shown."""

    folder: Path
    store: Path | str
    remembered: Remembered


def frame(shown: Inspected, path: str, words: Words) -> Shown:
    """What stands around every page."""
    return {
        "name": shown.folder.name, "path": path, "working": works(shown.folder), "now": time.strftime("%H:%M:%S"),
        "words": words.get("find", "") if path == "/tables" else words.get("id", "") if path == "/row" else "",
    }  # fmt: skip


def works(folder: Path) -> bool:
    """Whether a command works in the run's folder now."""
    with suppress(OSError, ValueError), (folder / ".lock").open("rb") as lock:
        with suppress(PermissionError):  # somebody else's program is one, too
            os.kill(int(lock.read() or b"0") or -1, 0)  # nobody by that number: over, and the lock is left in peace
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def overview(shown: Inspected, _: Words) -> Shown:
    """All tables with their sizes, the starts there were, the pages that were written."""
    listed = [(name, *_size(shown.folder, name), (record.__doc__ or "").strip()) for name, record in TABLES.items()]
    written = [name for name in ("report", "compare", "training") if (shown.folder / f"{name}.html").is_file()]
    return {"tables": listed, "starts": starts(shown.folder), "written": written, "folder": str(shown.folder)}


def _size(folder: Path, name: str) -> tuple[int | None, str]:
    """Rows of a table, and what is wrong with it."""
    if not table_path(folder, name).exists():
        return None, ""
    try:
        return rows_in(folder, name), ""
    except UserError as error:
        return None, f"{error.what}. {error.remedy}"


def starts(folder: Path) -> list[Shown]:
    """The last starts, the latest first."""
    return read_starts(folder)[-20:][::-1]


def tables(shown: Inspected, words: Any) -> Shown:
    """A page of rows."""
    asked = question(words, _there(shown.folder))
    problem, page = None, None
    try:
        page = read_page(shown.folder, asked)
    except UserError as error:
        problem = error
    numbers = [] if page is None else page.numbers
    return {
        "asked": asked, "problem": problem, "page": page, "there": _there(shown.folder), "meanings": columns(asked.table),
        "sortable": sortable(asked.table), "key": ROW_ID.get(asked.table, ""), "words_of": words_of(asked),
        "first": asked.page * PAGE_ROWS + 1, "ids": _ids(shown.folder, asked.table, numbers),
    }  # fmt: skip


def _there(folder: Path) -> list[str]:
    return [name for name in TABLES if table_path(folder, name).exists()] or list(TABLES)


def _ids(folder: Path, table: str, numbers: list[int]) -> list[str]:
    key = ROW_ID.get(table)
    return [str(row[key]) for row in read_numbered(folder, table, numbers, (key,))] if key and numbers else []


def question(words: Any, there: list[str]) -> Question:
    """What the words of an address ask; columns and order are of the table `of`, and another one has its own."""
    name = table_named(words["table"]) if words.get("table") else "3_samples" if "3_samples" in there else there[0]
    page, other = words.get("page", "0"), words.get("of", name) != name
    chosen = () if other else tuple(words.getlist("columns"))
    return Question(
        name, words.get("where", "").strip(), words.get("find", "").strip(), "" if other else words.get("sort", ""),
        words.get("order") == "down", () if chosen == Question(name).shown else chosen,
        min(int(page), MOST_PAGES) if page.isascii() and page.isdigit() and len(page) < 12 else 0,
    )  # fmt: skip


def words_of(asked: Question, **others: object) -> Shown:
    """The words that ask so, with others in their place; the page starts anew unless it is among them."""
    now = asdict(replace(asked, page=0)) | others
    now["order"] = "down" if now.pop("descending") else ""
    return {name: value for name, value in now.items() if value not in ("", 0, (), None)}


def row(shown: Inspected, words: Words) -> Shown:
    """The story of the task that a row belongs to, and the row as its table has it."""
    story = read_history(shown.folder, words.get("id", ""))
    table, number = words.get("table", ""), words.get("number", "")
    place = int(number) if number.isascii() and number.isdigit() and len(number) < 12 else -1
    fields: Shown = {}
    if table in ROW_ID and 0 <= place < rows_in(shown.folder, table):
        found = read_numbered(shown.folder, table, [place], tuple(TABLES[table].model_fields))[0]
        if found[ROW_ID[table]] == story.wanted:  # numbers change when a table is made anew
            fields = found
    tokenizer = tokenizer_of(shown.folder)
    candidates = story.candidates[:MOST_ROWS]
    made = [each for candidate in candidates for each in (candidate.corpus, candidate.control) if each]
    made += [each for rows in story.labels.values() for each in rows[:MOST_ROWS]]
    return {
        "story": story, "fields": fields, "meanings": columns(table) if fields else {}, "table": table, "most": MOST_ROWS,
        "trained": {each["id"]: pieces(each, tokenizer) for each in made}, "tokens": tokenizer is not None,
        "beside": {each.sample["id"]: beside(each) for each in candidates},
        "summary": summary(story.candidates) if story.task and story.candidates else [],
    }  # fmt: skip


def beside(candidate: Candidate) -> list[Shown]:
    """The rows that the verdicts on a sample speak of, each with the text to read beside the sample's own."""
    found = []
    for verdict in candidate.verdicts:
        leak = leak_of(verdict["detail"])
        for name, theirs in candidate.like.items():
            if name in verdict["detail"]:
                what = f"evaluation item of {leak.benchmark}, {leak.split}" if leak else "earlier sample"
                mine = said(candidate.sample) if leak and leak.part == "prompt" else candidate.sample["target"]
                found.append({"filter": verdict["filter"], "what": what, "id": name, "mine": mine, "theirs": theirs})
    return found


def said(sample: Shown) -> str:
    """What a sample asks and answers, as one text."""
    asked = sample["messages"][-1]["content"] if sample["messages"] else ""
    return "\n\n".join(filter(None, (asked, sample["reasoning"], sample["target"])))


def found(shown: Inspected, words: str) -> tuple[str, Shown]:
    """Where to look for words: the story of the only row they mean, else the tasks whose texts hold them."""
    with suppress(UserError):
        return "/row", {"id": read_history(shown.folder, words).wanted}
    return "/tables", {"table": "1_tasks", "find": words.strip()}


def dropped(shown: Inspected, words: Words) -> Shown:
    """Why samples are not in the corpus, a filter's threshold, and cases of a reason."""
    reasons = shown.remembered("reasons", lambda: drop_reasons(shown.folder)).rows()
    filters = shown.remembered("filters", lambda: _filters(shown.folder))
    name = meant(words.get("filter", ""), filters) or (reasons[0][0] if reasons else filters[0] if filters else "")
    if name and name not in filters:
        raise UserError(f"no filter {name[:80]!r} judged samples of this run", f"There are {', '.join(filters)}.")
    labels, why = None, ""
    try:
        labels = label_file(shown.folder)
        scores = read_scores(shown.folder, name, labels) if name else None
    except UserError as error:
        why, scores = str(error), read_scores(shown.folder, name)
    usual: Direction = scores.directions[0] if scores else "above"
    chosen: Direction = (
        "above" if words.get("direction") == "above" else "below" if words.get("direction") == "below" else usual
    )
    reason = words.get("reason", "")
    return {
        "reasons": reasons, "filters": filters, "filter": name, "scores": scores, "direction": chosen, "reason": reason,
        "cases": cases(shown.folder, name, reason, chosen) if reason else {}, "labels": labels, "why": why,
        "at": _now(scores, chosen), "parameters": parameters_of(shown.folder, name), "folder": str(shown.folder),
    }  # fmt: skip


def _filters(folder: Path) -> list[str]:
    check_table(folder, "4_verdicts")
    with readable(table_path(folder, "4_verdicts")):
        names = pl.scan_parquet(table_path(folder, "4_verdicts")).select("filter").unique(maintain_order=True)
        return [str(each) for each in names.collect()["filter"]]


def _now(scores: Scores | None, direction: Direction) -> int:
    """The place of the slider where as much is kept as now."""
    if scores is None or not scores.places:
        return 0
    kept = [scores.at(each, direction).kept.count for each in scores.places]
    return min(range(len(kept)), key=lambda place: abs(kept[place] - scores.kept_now))


def meant(word: str, names: list[str]) -> str:
    """The name that a page wrote so: it comes back as it stood there, with what cannot be seen written out."""
    return next((name for name in names if harmless(name) == word), word)


def evaluation(shown: Inspected, words: Words) -> Shown:
    """Curves, and the items on which two models differ; the scores are a part of their own."""
    curves = read_curves(shown.folder)
    models = list(dict.fromkeys(each.model for each in curves))
    hues = {name: number % HUES for number, name in enumerate(models)}
    drawn = {"hues": hues, "curves": curves, "plot": plot(curves) if curves else None, "cases": CASES}
    if not table_path(shown.folder, "6_evaluation").exists():
        return {**drawn, "differing": None}
    models, benchmarks = shown.remembered("graded", lambda: graded(shown.folder))
    if not models:  # nobody was asked greedily
        return {**drawn, "differing": None}
    first = words.get("first") or ("distilled" if "distilled" in models else models[0])
    second = words.get("second") or ("teacher" if "teacher" in models else models[-1])
    case, benchmark, page = words.get("case") or "second", words.get("benchmark", ""), words.get("page", "0")
    first, second, benchmark = meant(first, models), meant(second, models), meant(benchmark, benchmarks)
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 0
    differing = read_differing(shown.folder, first, second, case, benchmark, number)
    return {
        **drawn, "differing": differing, "models": models, "benchmarks": benchmarks, "first": first, "second": second,
        "case": case, "benchmark": benchmark, "page": number,
    }  # fmt: skip


def compare(shown: Inspected, words: Words) -> Shown:
    """The runs that can be set beside this one, and which is: one that was chosen, or the only one."""
    there = others(shown.folder)
    other = words.get("other") or (there[0] if len(there) == 1 else "")
    if not other:
        began_at = {name: moment(began(shown.folder.resolve().parent / name)) for name in there}
        return {"others": there, "other": "", "began": began_at}
    swapped = bool(words.get("swapped"))
    first, second = in_order(shown.folder, run_beside(shown.folder, other), swapped)
    return {"others": there, "other": other, "swapped": swapped, "first": first.name, "second": second.name}


def calls(shown: Inspected, _: Words) -> Shown:
    """Latency, tokens, errors and retries."""
    found = shown.remembered("calls", lambda: read_calls(shown.folder, shown.store))
    spans = found.spans
    charts = {
        "calls": [each.calls for each in spans],
        "tokens written": [each.tokens for each in spans],
        "median seconds of a call": [each.latency or 0.0 for each in spans],
        "calls without a reply": [each.failed for each in spans],
        "tries that failed and were followed by another": [each.retried for each in spans],
    }
    times = [moment(each.began) for each in spans]
    return {"calls": found, "charts": charts, "times": times, "starts": starts(shown.folder)}


def moment(seconds: float) -> str:
    """A moment in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))

"""What `generate` would ask anew, told by `preview`: calls that are remembered and calls that are new, template by template.

In: a run whose recipe or templates may have been edited. Out: lines. Nobody is asked: what is new is counted as `estimate` does
it, at most by `max_tokens`, and beside it as it would be with replies as long as those in the run's tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from pipeline.errors import UserError
from pipeline.llm.backends.recorded import RecordedModel
from pipeline.llm.prices import dollars
from pipeline.run import Run
from pipeline.stages.counting import NONE, Took
from pipeline.stages.estimate import not_counted
from pipeline.stages.forecast import Forecast, forecast
from pipeline.tables import check_table, readable, table_path

ALL = ""
"""Stands for all templates."""


async def asked_anew(run: Run) -> list[str]:
    """The calls of the whole run by template. Where nobody can tell, as without an address to ask at, it says why.

    Raises:
        UserError: the source or a template is broken.
    """
    try:
        run.model("teacher")
    except UserError as error:
        return [f"note: what would be asked anew cannot be told: {error.what}", f"  {error.remedy}"]
    found = await forecast(run, 0, lambda counted: None)
    return [*_told(run, found), *not_counted(run, found)]


def _told(run: Run, found: Forecast) -> Iterator[str]:
    asks = "generate would look up" if isinstance(run.recipe.teacher, RecordedModel) else "generate would ask"
    yield f"{asks}, as far as can be counted without an answer (nobody is asked now):"
    templates = dict.fromkeys([*found.remembered, *found.new])
    width = max([len("all templates"), *map(len, templates)])
    head = ("remembered", "new", "tokens in", "out at most", "at most")
    yield f"  {'template':{width}}" + "".join(f"{each:>13}" for each in head)
    for name in templates:
        yield _row(f"  {name:{width}}", found.remembered[name], found.new.get(name, NONE), bool(found.unpriced))
    if len(templates) > 1:
        yield _row(f"  {'all templates':{width}}", found.known, found.owed, bool(found.unpriced))
    if found.owed.calls:
        yield from _expected(run, found)
        if not found.bounded:
            yield "  more where a reply has no longest length, or is asked for again by what comes back"
    else:
        yield "  nothing is new: all replies are remembered"


def _row(name: str, remembered: int, new: Took, unpriced: bool) -> str:
    if not new.calls:
        return f"{name}{remembered:13,}{0:13}"
    cost = "unknown" if unpriced else dollars(new.cost)
    return f"{name}{remembered:13,}{new.calls:13,.0f}{new.tokens_in:13,.0f}{new.tokens_out:13,.0f}{cost:>13}"


def _expected(run: Run, found: Forecast) -> Iterator[str]:
    """What is new if tasks have as many calls and replies are as long as those of the same template in the tables."""
    before, price = _before(run.folder), run.model("teacher").price
    new = [(each, found.waiting[name], before.get(name, before[ALL])) for name, each in found.new.items()] if before else []
    if not new:
        return
    calls = [min(each.calls, tasks * usual.calls) for each, tasks, usual in new]
    tokens_in = sum(each.tokens_in * count / each.calls for (each, *_), count in zip(new, calls, strict=True))
    tokens_out = sum(usual.tokens_out * count for (*_, usual), count in zip(new, calls, strict=True))
    cost = "" if price is None else f", {dollars(price.of(int(tokens_in), int(tokens_out)))}"
    yield (
        f"  with as many calls a task and replies as long as in {run.folder}: about {sum(calls):,.0f} calls, "
        f"{tokens_in:,.0f} tokens in, {tokens_out:,.0f} out{cost}"
    )


class Usual(NamedTuple):
    """What a template took on average in the tables."""

    calls: float
    """For each task."""
    tokens_out: float
    """For each call."""


def _before(folder: Path) -> dict[str, Usual]:
    """What each template took, and all together; nothing where there is no such table, or nobody counted tokens."""
    path = table_path(folder, "2_responses")
    if not path.exists():
        return {}
    check_table(folder, "2_responses")
    with readable(path):
        replies = pl.scan_parquet(path).filter(pl.col("role") == "teacher", pl.col("tokens_out").is_not_null())
        both = pl.concat([replies, replies.with_columns(template=pl.lit(ALL))])
        sums = both.group_by("template").agg(pl.len(), pl.col("task_id").n_unique(), pl.col("tokens_out").sum())
        rows: list[tuple[str, int, int, int]] = sums.collect(engine="streaming").rows()
    return {template: Usual(calls / tasks, tokens / calls) for template, calls, tasks, tokens in rows}

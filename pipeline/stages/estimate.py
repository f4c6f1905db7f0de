"""`distill estimate`: what a run would ask, take and cost, as lines of a terminal, and whether the ceilings would stop it.

What is counted is told before anybody is asked; then a small pilot is bought, which the run need not buy again.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from pipeline.filters.verdicts import AskingFilter
from pipeline.llm.backends.batch import BatchModel
from pipeline.llm.prices import PRICES, ListedPrice, dollars
from pipeline.progress import clock
from pipeline.run import Run
from pipeline.stages.forecast import Forecast, forecast
from pipeline.stages.growing import growths
from pipeline.stages.interval import Interval, exactly
from pipeline.terminal import say

PILOT = 100
"""Calls of a pilot unless said: with quotas, 40 are too few tasks to tell much."""


async def estimate(run: Run, pilot: int = PILOT) -> list[str]:
    """The estimate of a run; what was counted beforehand is printed, not returned.

    Args:
        pilot: about so many calls are asked; 0 asks nobody.

    Raises:
        UserError: the source or a template is broken, or nothing of the pilot was answered.
        BudgetReached: a ceiling ended the pilot; what landed is kept.
    """
    found = await forecast(run, pilot, lambda counted: say(*_counted(run, counted)))
    lines = _expected(run, found) if found.left else []
    return [*lines, *_ceilings(run, found), *not_counted(run, found)]


def not_counted(run: Run, found: Forecast) -> list[str]:
    """Calls of the whole way that are not the teacher's answers to tasks."""
    making = sorted({each.method for each in growths(run)})
    notes = [
        f"note: not counted are the calls of methods that make tasks, and of what asks about these: {', '.join(making)}",
        "note: what they ask follows from what comes back; DISTILL_MAX_COST, DISTILL_MAX_TOKENS or DISTILL_MAX_CALLS bounds it",
    ]
    notes = notes if making else []
    if found.questions:
        notes.append(f"note: `train` asks the teacher {_number(found.questions)} questions more (evaluation.teacher)")
    asking = [each.filter for each in run.recipe.filters if isinstance(each, AskingFilter)]
    if asking:
        notes.append(f"note: not counted are the calls of filters that ask a model, about what is left: {', '.join(asking)}")
    return notes


def _counted(run: Run, found: Forecast) -> list[str]:
    """What is seen without an answer."""
    owed = found.owed
    if growths(run) and not found.known + owed.calls:
        return [f"{run.recipe.name}: nothing can be counted without an answer"]
    most, more = ("at most", "") if found.bounded else ("about", "; more where a reply has no limit or is asked for again")
    lines = [
        f"{run.recipe.name}: {_number(found.known + owed.calls)} calls, as far as can be counted without an answer; "
        f"{_number(found.known)} are remembered for nothing, {_number(owed.calls)} are to be asked",
        f"  tokens in   about {_number(owed.tokens_in)} by the words, numbers and signs of the prompts",
        f"  tokens out  {most} {_number(owed.tokens_out)} by max_tokens{more}",
    ]
    cost = f"{most} {dollars(owed.cost)} by these" if not found.unpriced else _no_price(found)
    return [*lines, f"  cost        {cost}"]


def _expected(run: Run, found: Forecast) -> list[str]:
    """What the pilot tells."""
    spent = found.spent
    failed = f"; {found.failed} more tasks failed and tell nothing" if found.failed else ""
    cost = "unknown" if found.unpriced or found.untold else dollars(spent.cost)
    calls = found.total("calls") or exactly(0.0)
    return [
        f"pilot of {found.piloted} tasks: {_number(spent.calls)} calls asked, the rest remembered; "
        f"{_number(spent.tokens_in)} tokens in, {_number(spent.tokens_out)} out, cost {cost}{failed}",
        "in all, the pilot included, with 95 % intervals:",
        f"  calls       {_interval(calls, _number)} to ask, beside {_number(found.known)} remembered",
        f"  tokens in   {_tokens(found, 'tokens_in')}",
        f"  tokens out  {_tokens(found, 'tokens_out')}",
        f"  cost        {_cost(run, found)}",
        f"  time        {_time(run, found)}",
    ]


def _tokens(found: Forecast, column: str) -> str:
    total = found.total(column)
    return "unknown (the endpoint does not tell what it counts)" if total is None else _interval(total, _number)


def _cost(run: Run, found: Forecast) -> str:
    total, price = found.total("cost"), run.model("teacher").price
    if total is None:
        return _no_price(found) if found.unpriced else "unknown (the endpoint does not tell how many tokens it counts)"
    of = f", at prices of {price.date}: {price.source}" if isinstance(price, ListedPrice) else ""
    return _interval(total, dollars) + of


def _no_price(found: Forecast) -> str:
    return f"unknown (no price for {' or '.join(sorted(found.unpriced))} in {PRICES})"


def _time(run: Run, found: Forecast) -> str:
    if isinstance(run.recipe.teacher, BatchModel):
        return "a day at most for each batch file"
    return "unknown" if found.time is None else f"{_interval(found.time, clock)} for what is left, at the pilot's pace"


def _ceilings(run: Run, found: Forecast) -> list[str]:
    """Whether what is left fits under each ceiling that is set."""
    settings = run.settings
    lines = []
    for name, ceiling, column in (
        ("DISTILL_MAX_CALLS", settings.max_calls, "calls"),
        ("DISTILL_MAX_TOKENS", settings.max_tokens, "tokens"),
        ("DISTILL_MAX_COST", settings.max_cost, "cost"),
    ):
        needed = _needed(found, column)
        if needed is not None and growths(run):
            needed = needed._replace(high=inf)  # nobody has counted what they ask
        if ceiling is not None:
            lines.append(f"{name}={ceiling:g}: {_fits(needed, ceiling)}")
    return lines


def _needed(found: Forecast, column: str) -> Interval | None:
    """What is left of a column; tokens are those in and out. Without a pilot, anything up to what was counted."""
    if column == "tokens":
        parts = [_needed(found, each) for each in ("tokens_in", "tokens_out")]
        known = [each for each in parts if each is not None]
        return Interval(*(sum(each) for each in zip(*known, strict=True))) if len(known) == len(parts) else None
    if found.left:
        return found.rest(column)
    most = float(getattr(found.owed, column))
    return None if column == "cost" and found.unpriced else Interval(most, 0.0, most if found.bounded else inf)


def _fits(needed: Interval | None, ceiling: float) -> str:
    if needed is None:
        return "nobody can tell whether it is enough"
    if needed.high <= ceiling:
        return "enough for what is left"
    if needed.low > ceiling:
        return f"would stop the run after about {100 * ceiling / needed.value:.0f} % of what is left"
    return "may stop the run before its end"


def _interval(each: Interval, words: Callable[[float], str]) -> str:
    """`1,200 (900 to 1,600)`, or the figure alone where it is certain."""
    value, low, high = (words(figure) if figure != float("inf") else "nobody knows" for figure in each)
    return value if low == high else f"{value} ({low} to {high})"


def _number(value: float) -> str:
    return f"{value:,.0f}"

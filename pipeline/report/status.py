"""`distill status`: the funnel of a run as lines of a terminal."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UserError
from pipeline.llm.prices import dollars
from pipeline.pieces import seconds_of
from pipeline.report.filtering import drop_reasons
from pipeline.report.funnel import Funnel, read_funnel
from pipeline.report.spending import Spending
from pipeline.tables import table_path


def as_text(folder: Path) -> str:
    """The funnel, filter by filter.

    Raises:
        UserError: there are no tables yet.
    """
    if not table_path(folder, "1_tasks").exists():
        raise UserError(f"{folder}: there are no tables yet", f"Make them with `make generate RECIPE={folder.name}`.")
    funnel = read_funnel(folder)
    lines = [
        f"{folder}",
        f"  tasks      {_counts(funnel.tasks)}",
        f"  responses  {_counts(funnel.responses)}; {_spent(funnel.spent)}",
        *([f"    no sample rests on {_counts(funnel.unused)}"] if funnel.unused else []),
        *(f"    {tried}: {_counts(ends)}" for tried, ends in funnel.attempts.items()),
        f"  samples    {_counts(funnel.samples)}",
    ]
    for each in funnel.filters:
        lines.append(
            f"    {each.name:18} {each.judged:7} judged {each.kept:7} kept {each.dropped:7} dropped"
            f" ({each.only_here} by it alone) {each.unverifiable:6} unverifiable{_took(seconds_of(folder, each.name))}"
        )
    if funnel.filters:
        for name, decision, reason, rows in drop_reasons(folder).head(8).iter_rows():
            lines.append(f"      {rows:7} {decision} by {name}: {reason}")
    lines.append(f"  passed     {_counts(funnel.passed)}")
    lines.append(f"  corpus     {_counts(funnel.corpus)} of {funnel.covered} tasks; {funnel.corpus_tokens} tokens")
    if funnel.responses:
        lines += _prices_of_rows(funnel)
    return "\n".join(lines)


def _took(seconds: float | None) -> str:
    return "" if seconds is None else f" {seconds:7.1f} s"


def _prices_of_rows(funnel: Funnel) -> list[str]:
    """What each row of the corpus and each sample that passed took, by method and in all."""
    lines = [f"  {'taken by':22} {'calls':>8} {'tokens':>11} {'cost':>9}   each corpus row took   each sample that passed"]
    for method, spent in funnel.spending.items():
        row = _each(spent.tokens_per_row, spent.cost_per_row)
        sample = _each(spent.tokens_per_passed, spent.cost_per_passed)
        taken = f"{spent.calls:8} {spent.tokens:11} {dollars(spent.cost):>9}"
        lines.append(f"    {method or 'all methods':20} {taken}   {row:22} {sample}".rstrip())
    return lines


def _each(tokens: float | None, cost: float | None) -> str:
    return "–" if tokens is None else f"{tokens:.1f} tokens, {dollars(cost)}"


def _counts(counts: dict[str, int]) -> str:
    """`120 (80 of a, 40 of b)`."""
    parts = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{sum(counts.values())}" + (f" ({parts})" if parts else "")


def _spent(spent: Spending) -> str:
    """Tokens and cost, with what is known of a cost that is not wholly known."""
    words = f"{spent.tokens_in} tokens in, {spent.tokens_out} out, cost {dollars(spent.cost)}"
    if spent.unknown and spent.unknown < spent.calls:
        words += f" (replies without one: {spent.unknown}; the others: {dollars(spent.known_cost)})"
    return words

"""`distill status`: the funnel of a run as lines of a terminal."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UserError
from pipeline.report.funnel import Funnel, drop_reasons, read_funnel
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
        f"  responses  {_counts(funnel.responses)}; {funnel.tokens_in} tokens in, {funnel.tokens_out} out, {_cost(funnel)}",
        f"  samples    {_counts(funnel.samples)}",
    ]
    for each in funnel.filters:
        lines.append(
            f"    {each.name:18} {each.judged:7} judged {each.kept:7} kept {each.dropped:7} dropped"
            f" ({each.only_here} by it alone) {each.unverifiable:6} unverifiable"
        )
    if funnel.filters:
        for name, decision, reason, rows in drop_reasons(folder).head(8).iter_rows():
            lines.append(f"      {rows:7} {decision} by {name}: {reason}")
    lines.append(f"  passed     {_counts(funnel.passed)}")
    lines.append(f"  corpus     {_counts(funnel.corpus)} of {funnel.covered} tasks; {funnel.corpus_tokens} tokens")
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    """`120 (80 of a, 40 of b)`."""
    parts = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{sum(counts.values())}" + (f" ({parts})" if parts else "")


def _cost(funnel: Funnel) -> str:
    if funnel.cost is None:
        return "cost unknown"
    each = funnel.cost_per_row
    return f"{funnel.cost:.4f} dollars" + ("" if each is None else f", {each:.6f} for each row of the corpus")

"""What is told of calls while they are made: how many, their tokens, dollars against the ceiling, what passes, last errors.

In: a run at work. Out: facts for `progress`, a few words each.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.progress import Facts
from pipeline.run import Run
from pipeline.stages.harvest import Yields

ERRORS = 3
"""Different errors that are shown, the latest ones."""


@dataclass
class Live:
    """A run's calls as `facts`."""

    run: Run
    yields: Yields = field(default_factory=Yields)
    """Filled by whoever judges samples as they come."""

    def facts(self) -> Facts:
        """Label and words."""
        facts = [("calls", self._calls()), ("tokens", self._tokens()), ("money", self._money())]
        if self.yields.samples:
            facts.append(("samples", str(self.yields)))
        return [*facts, *self._errors()]

    def _calls(self) -> str:
        tally, ceiling = self.run.door.tally, self.run.settings.max_calls
        counts = {
            "asked": tally.asked, "remembered": tally.remembered, "in flight": self.run.door.in_flight,
            "tried again": tally.retried, "owed": tally.owed,
        }  # fmt: skip
        words = [f"{count:,} {what}" for what, count in counts.items() if count or what in ("asked", "in flight")]
        return ", ".join(words) + (f"; ceiling {ceiling:,}" if ceiling else "")

    def _tokens(self) -> str:
        tally, ceiling = self.run.door.tally, self.run.settings.max_tokens
        used = f"{tally.tokens_in:,} in, {tally.tokens_out:,} out"
        return f"{used}; {self.run.door.budget.tokens:,} of at most {ceiling:,}" if ceiling else used

    def _money(self) -> str:
        cost, ceiling = self.run.door.tally.cost, self.run.settings.max_cost
        if ceiling is not None:
            return f"{self.run.door.budget.cost:.2f} of at most {ceiling:.2f} dollars"
        return "cost unknown" if cost is None else f"{cost:.2f} dollars"

    def _errors(self) -> Facts:
        latest = self.run.door.complaints.latest(ERRORS)
        words = [f"{count:,} times: {error}" if count > 1 else error for error, count in latest]
        return [("" if place else "errors", each) for place, each in enumerate(words)]

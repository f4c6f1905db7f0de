"""What teacher and student cost, how fast they answer, and after how many calls the student has paid for itself.

In: the replies of `2_responses` and the judgements of `4_judgements`, the last line of each training's log, `run.json`, the
grades of the teacher, and `6_speed`. Dollars are counted where a teacher is paid by the call: a student on one's own machine
then costs none, and neither does its training. With a teacher on the same machine it is time that is paid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.llm.budget import UNBILLED
from pipeline.records import Speed
from pipeline.report.curves import curve_paths
from pipeline.report.scores import ordered
from pipeline.student.job import curve_lines
from pipeline.tables import read_frame, read_rows, table_path

ASKED = {"2_responses": "the teacher, for the corpus", "4_judgements": "models that filters asked"}
"""The tables of calls that were made for a corpus, and who was asked."""


@dataclass(frozen=True)
class Bill:
    """Calls of one sort, each reply once."""

    who: str
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    """Dollars; None where any is unknown."""


@dataclass(frozen=True)
class Training:
    """What one training took, as far as its log says."""

    name: str
    steps: int | None
    tokens: int | None
    """Read by the student, over all epochs."""
    seconds: float | None
    peak_bytes: int | None
    """Most memory it held."""


@dataclass(frozen=True)
class BreakEven:
    """When the calls that a student spares have paid for what it took to make it."""

    unit: str
    """dollars or seconds."""
    invested: float
    teacher: float
    """What a call of the teacher takes."""
    student: float

    @property
    def calls(self) -> int | None:
        """None where a call of the student takes no less."""
        spared = self.teacher - self.student
        return math.ceil(self.invested / spared) if spared > 0 else None


@dataclass(frozen=True)
class Costs:
    """Everything that was spent, and what a call takes."""

    bills: list[Bill]
    generating: float
    """Seconds all starts of `generate` took."""
    trainings: list[Training]
    speeds: list[Speed]
    calls: int
    """Items the teacher was asked greedily."""
    call_cost: float | None
    """Mean dollars of those whose cost is known; None where there is none."""
    call_seconds: float | None
    """Median seconds of such a call, as it was made: among others, and over the network where the teacher is elsewhere."""

    def speed(self, model: str) -> Speed | None:
        return next((each for each in self.speeds if each.model == model), None)

    @property
    def invested_dollars(self) -> float | None:
        costs = [bill.cost for bill in self.bills]
        return None if None in costs or not costs else sum(cost for cost in costs if cost is not None)

    @property
    def break_even(self) -> BreakEven | None:
        """In dollars where the teacher's calls cost some, in seconds where they are free; None where something is unknown."""
        if self.call_cost:
            return None if self.invested_dollars is None else BreakEven("dollars", self.invested_dollars, self.call_cost, 0.0)
        student, teacher = self.speed("distilled"), self.speed("teacher")
        trained = next((each.seconds for each in self.trainings if each.name == "distilled"), None)
        if self.call_cost is None or student is None or teacher is None or trained is None or not self.generating:
            return None
        return BreakEven("seconds", self.generating + trained, teacher.latency, student.latency)

    @property
    def unknown(self) -> str:
        """Why there is no break-even, in words."""
        if self.call_cost is None:
            return "what a call of the teacher costs is unknown"
        if self.call_cost:
            return "what some of the calls for the corpus cost is unknown"
        return "how fast both answer here, or how long generating and training took, is unknown"


def read_costs(folder: Path, greedy: pl.DataFrame, log: Mapping[str, Any]) -> Costs:
    """Everything the run's folder tells.

    Args:
        greedy: the grades of the one greedy reply to each item.
        log: what `run.json` says.
    """
    asked = greedy.filter((pl.col("model") == "teacher") & (pl.col("seconds") > 0))  # an outside harness tells neither
    bills = [_bill(folder, name) for name in ASKED if table_path(folder, name).exists()]
    starts = log.get("starts", [])
    speeds = list(read_rows(folder, "6_speed", Speed)) if table_path(folder, "6_speed").exists() else []
    place = {name: number for number, name in enumerate(ordered(each.model for each in speeds))}
    return Costs(
        bills=[bill for bill in bills if bill.calls],
        generating=sum(each.get("seconds", 0.0) for each in starts if each.get("verb") == "generate"),
        trainings=_trainings(folder),
        speeds=sorted(speeds, key=lambda each: place[each.model]),
        calls=asked.height,
        call_cost=_number(asked["cost"].mean()),
        call_seconds=_number(asked["seconds"].median()),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _bill(folder: Path, name: str) -> Bill:
    """The sums of a table of calls; a call that was refused and is billed to nobody costs nothing."""
    replies = read_frame(folder, name, ["key", "finish", "tokens_in", "tokens_out", "cost"])
    replies = replies.filter(pl.col("finish") != "owed").unique("key")
    cost = pl.when(pl.col("finish").is_in(UNBILLED)).then(pl.col("cost").fill_null(0.0)).otherwise(pl.col("cost"))
    sums = replies.select(
        pl.len(),
        pl.col("tokens_in").sum(),
        pl.col("tokens_out").sum(),
        cost.sum().alias("cost"),
        cost.null_count().alias("unknown"),
    )
    calls, tokens_in, tokens_out, dollars, unknown = sums.row(0)
    return Bill(ASKED[name], calls, tokens_in, tokens_out, None if unknown else dollars)


def _trainings(folder: Path) -> list[Training]:
    """The trainings of the run's students that came to their end, as their logs' last lines tell."""
    ends = {name: curve_lines(path)[-1:] for name, path in curve_paths(folder).items()}
    done = {name: lines[0] for name, lines in ends.items() if lines and lines[0].get("done")}
    fields = ("steps", "tokens", "seconds", "peak_bytes")
    return [Training(name, *(end.get(field) for field in fields)) for name, end in done.items()]

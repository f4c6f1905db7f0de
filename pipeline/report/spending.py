"""What the replies of a run took, in tokens and dollars, and what that makes for each sample that passed and each training row.

A reply counts once, however many samples are made of it, at what it cost when it was bought. One that two methods share counts
for both of them, and once in the run's own sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.llm.budget import UNBILLED

WHOLE_RUN = ""
"""The name under which all methods together are."""


@dataclass(frozen=True)
class Spending:
    """Tokens and dollars, and the rows they brought."""

    calls: int = 0
    """Replies, each once."""
    tokens_in: int = 0
    tokens_out: int = 0
    known_cost: float = 0.0
    """Dollars of those replies whose cost is known."""
    unknown: int = 0
    """Replies whose cost is not."""
    passed: int = 0
    """Samples that selection could take."""
    rows: int = 0
    """Rows of the corpus."""

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    @property
    def cost(self) -> float | None:
        """Dollars; None where any reply's cost is unknown."""
        return None if self.unknown else self.known_cost

    @property
    def cost_per_row(self) -> float | None:
        """Dollars for each row of the corpus."""
        return None if self.cost is None or not self.rows else self.cost / self.rows

    @property
    def cost_per_passed(self) -> float | None:
        """Dollars for each sample that passed."""
        return None if self.cost is None or not self.passed else self.cost / self.passed

    @property
    def tokens_per_row(self) -> float | None:
        return self.tokens / self.rows if self.rows else None

    @property
    def tokens_per_passed(self) -> float | None:
        return self.tokens / self.passed if self.passed else None


def spending(
    responses: pl.DataFrame, samples: pl.DataFrame, passed: Mapping[str, int], rows: Mapping[str, int]
) -> dict[str, Spending]:
    """What each method took and brought, in the order of the replies, and all together as `WHOLE_RUN`.

    Args:
        responses: key, template, finish, tokens_in, tokens_out, cost.
        samples: method, response_keys.
        passed: samples that passed, by method.
        rows: rows of the corpus, by method.
    """
    replies = responses.filter(pl.col("finish") != "owed").filter(pl.col("key").is_first_distinct())
    whole = _sums(replies.with_columns(method=pl.lit(WHOLE_RUN))).get(WHOLE_RUN, {})
    sums = _sums(_with_method(replies, samples))
    methods = dict.fromkeys([*sums, *passed, *rows])
    each = {name: Spending(**sums.get(name, {}), passed=passed.get(name, 0), rows=rows.get(name, 0)) for name in methods}
    return {WHOLE_RUN: Spending(**whole, passed=sum(passed.values()), rows=sum(rows.values())), **each}


def _with_method(replies: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Each reply with each method that asked for it.

    That is the method of the samples made of it; where there are none, as after a refusal, the method which others of its
    template went to, and where there are none of these, the folder of the template.
    """
    uses = samples.select("method", key="response_keys").explode("key")
    uses = uses.group_by("method", maintain_order=True).agg(pl.col("key").unique()).explode("key")
    used = replies.join(uses, on="key", how="left", maintain_order="left_right")
    likely = used.drop_nulls("method").unique("template", keep="first", maintain_order=True)
    used = used.join(likely.select("template", likely="method"), on="template", how="left", maintain_order="left")
    folder = pl.col("template").cast(pl.String).str.split("/").list.first().cast(pl.Categorical)
    return used.with_columns(method=pl.coalesce("method", "likely", folder))


def billed() -> pl.Expr:
    """Dollars of a reply: none of one that was refused, null where nobody knows."""
    return pl.when(pl.col("finish").is_in(UNBILLED)).then(pl.col("cost").fill_null(0.0)).otherwise(pl.col("cost"))


def _sums(replies: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """calls, tokens and cost by method."""
    cost = billed()
    sums = replies.group_by("method", maintain_order=True).agg(
        pl.len().alias("calls"),
        pl.col("tokens_in").sum(),
        pl.col("tokens_out").sum(),
        cost.sum().alias("known_cost"),
        cost.null_count().alias("unknown"),
    )
    return {row.pop("method"): row for row in sums.to_dicts()}

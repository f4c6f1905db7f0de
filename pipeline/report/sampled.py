"""What several replies to one item tell: pass@k, vote@k, and whether the share of a vote says how sure it may be.

In: grades of mode `sampled`. Out: curves over k by benchmark and model, and calibrations. Tasks with constraints have no
answers to vote on. Items with fewer replies than others, since some are owed, are left out, so that every k is of the same
items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from pipeline.answers.votes import canonical
from pipeline.report.scores import ordered
from pipeline.statistics import Calibration, calibration, pass_at_k


@dataclass(frozen=True)
class Sampled:
    """The sampled replies of one model to one benchmark."""

    benchmark: str
    model: str
    items: int
    passes: dict[int, float]
    """k to the share of items that one of k replies is right on: the unbiased pass@k."""
    voting_items: int
    """Items with answers to vote on."""
    votes: dict[int, float]
    """k to the share of items that the most frequent answer of the first k replies is right on; empty without votes."""
    calibration: Calibration | None
    """The share of the vote for the most frequent answer of all replies, against whether it is right."""


Item = list[tuple[str | None, bool]]
"""The replies to one item in their order: the answer in its comparable form, and whether it is right."""


def read_sampled(grades: pl.DataFrame) -> list[Sampled]:
    """Every benchmark and model that was asked several times, of its first seed."""
    rows = grades.filter((pl.col("mode") == "sampled") & (pl.col("seed") == pl.col("seed").min().over("model")))
    rows = rows.with_columns(said=comparable(rows), constrained=pl.col("met").is_not_null())
    items = rows.sort("sample").group_by("benchmark", "model", "task_id", "constrained", maintain_order=True)
    whole = items.agg("said", "correct").with_columns(count=pl.col("said").list.len())
    whole = whole.filter(pl.col("count") == pl.col("count").max().over("benchmark"))
    parts = whole.partition_by("benchmark", "model", as_dict=True)
    benchmarks = dict.fromkeys(rows["benchmark"])
    models = ordered(rows["model"])
    return [_of(name, model, parts[name, model]) for name in benchmarks for model in models if (name, model) in parts]


def comparable(rows: pl.DataFrame) -> pl.Expr:
    """Answers as votes compare them, each distinct one looked at once."""
    distinct = rows["prediction"].drop_nulls().unique().to_list()
    keys = [_key(each) for each in distinct]
    return pl.col("prediction").replace_strict(distinct, keys, default=None, return_dtype=pl.String)


def _key(answer: str) -> str | None:
    """The same text for spellings of one answer; None where it says nothing."""
    said = canonical(answer)
    return (f"{said.normalize()}" if isinstance(said, Decimal) else said) or None


def _of(benchmark: str, model: str, items: pl.DataFrame) -> Sampled:
    count = int(items["count"][0])
    right = items["correct"].list.sum().to_list()
    ks = _ks(count)
    voting = items.filter(~pl.col("constrained"))
    replies: list[Item] = [list(zip(*each, strict=True)) for each in voting.select("said", "correct").iter_rows()]
    votes = {k: sum(_vote(each[:k])[1] for each in replies) / len(replies) for k in ks if replies}
    sure = [_vote(each) for each in replies]
    measured = calibration([share for share, _ in sure], [truth for _, truth in sure])
    passes = {k: sum(pass_at_k(count, each, k) for each in right) / len(right) for k in ks}
    return Sampled(benchmark, model, items.height, passes, len(replies), votes, measured)


def _ks(count: int) -> list[int]:
    """1, 2, 4, … and all."""
    return sorted({count, *(1 << power for power in range(count.bit_length()) if 1 << power <= count)})


def _vote(replies: Sequence[tuple[str | None, bool]]) -> tuple[float, bool]:
    """The share of replies that give the most frequent answer, and whether it is right; of a tie, the answer given first."""
    answers = Counter(said for said, _ in replies if said is not None)
    if not answers:
        return 0.0, False
    winner, votes = answers.most_common(1)[0]
    return votes / len(replies), next(right for said, right in replies if said == winner)

"""What selection decides, as queries over a narrow frame: one row a sample that passed, no text in it.

Columns: row, id, task, method, view, kind, source, split, and a column a score that is needed, null where nobody gave one.
Everything is in the order of the rows, and ties are broken by it, so the same verdicts give the same corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from pipeline.identity import unit_interval
from pipeline.selection import Mix, Selection
from pipeline.terminal import complain

GROUP = ("task", "method", "view")
RANK = "rank"


def ranked(samples: pl.DataFrame, selection: Selection) -> pl.DataFrame:
    """The samples with a column `rank`: 0 for the one to be taken first.

    By the product of the scores that `rank_by` names (those without one last), without any by a seeded draw.
    """
    if selection.rank_by:
        product = pl.lit(1.0)
        for name in selection.rank_by:
            product = product * pl.col(name.removeprefix("-"))
        falling = not selection.rank_by[0].startswith("-")
        order = samples.select("row", score=product).sort("score", "row", descending=[falling, False], nulls_last=True)
    else:
        draws = [unit_interval("selection", selection.seed, each) for each in samples["id"]]
        order = samples.select("row").with_columns(draw=pl.Series(draws, dtype=pl.Float64)).sort("draw", "row")
    order = order.select("row", pl.int_range(pl.len(), dtype=pl.UInt32).alias(RANK))
    return samples.join(order, on="row", how="left", maintain_order="left")


def capped(samples: pl.DataFrame, selection: Selection) -> pl.DataFrame:
    """At most so many of each task, method and view, of each kind and of each source, in the order of the rows."""
    first = RANK if selection.rank_by else "row"
    if selection.per_task:
        samples = _first(samples, GROUP, selection.per_task, first)
    if selection.per_kind:
        samples = _first(samples, ("kind", "split"), selection.per_kind, RANK)
    if selection.per_source:
        samples = _first(samples, ("source", "split"), selection.per_source, RANK)
    return samples


def _first(samples: pl.DataFrame, group: Iterable[str], count: int, by: str) -> pl.DataFrame:
    return samples.filter(pl.col(by).rank("ordinal").over(*group) <= count)


def within_rows(
    samples: pl.DataFrame, rows: int | None, mix: Mix | None, unlike: Callable[[list[int], int | None], list[int]]
) -> pl.DataFrame:
    """The best samples up to a number of rows, in the order of the rows.

    Args:
        mix: shares of the rows for bands of a score; what a band has not is not made up for by another.
        unlike: of rows in the order in which they are to be taken, so many that are unlike all taken before.
    """
    taken: list[int] = []
    for band, wanted in [(samples, rows)] if mix is None or rows is None else _bands(samples, rows, mix):
        some = unlike(band.sort(RANK)["row"].to_list(), wanted)
        taken += some
        if wanted is not None and len(some) < wanted:
            left = f"{len(band)} training samples are left after the caps" + (" in this band" if mix else "")
            complain(f"note: selection wanted {wanted} rows and took {len(some)}: {left}")
    return samples.filter(pl.col("row").is_in(pl.Series(taken, dtype=samples["row"].dtype).implode()))


def _bands(samples: pl.DataFrame, rows: int, mix: Mix) -> list[tuple[pl.DataFrame, int | None]]:
    """The samples of each band and how many of them are wanted; those without a score are in none."""
    low, high = [None, *mix.edges], [*mix.edges, None]
    score = pl.col(mix.by)
    bands: list[tuple[pl.DataFrame, int | None]] = []
    left, shares_left = rows, 1.0
    for start, end, share in zip(low, high, mix.shares, strict=True):
        inside = score.is_not_null()
        if start is not None:
            inside &= score >= start
        if end is not None:
            inside &= score < end
        wanted = round(left * share / shares_left) if shares_left > 1e-9 else 0
        left, shares_left = left - wanted, shares_left - share
        bands.append((samples.filter(inside), wanted))
    return bands


def within_tokens(samples: pl.DataFrame, tokens: int, of: dict[int, int]) -> pl.DataFrame:
    """The best samples whose tokens add up to no more than a budget, in the order of the rows.

    Args:
        of: the tokens of each row.
    """
    order = samples.sort(RANK).with_columns(tokens=pl.col("row").replace_strict(of, return_dtype=pl.Int64))
    taken = order.filter(pl.col("tokens").cum_sum() <= tokens)["row"]
    return samples.filter(pl.col("row").is_in(taken.implode()))


def control_of(samples: pl.DataFrame, chosen: pl.DataFrame, seed: int) -> pl.DataFrame:
    """As many samples of each method and view as were chosen, drawn from all training samples as if there were no filters."""
    pool = samples.filter((pl.col("split") == "train") & ~pl.col("empty")).select("row", "id", *GROUP[1:])
    draws = pl.Series((unit_interval("control", seed, each) for each in pool["id"]), dtype=pl.Float64)
    wanted = chosen.group_by(GROUP[1:]).len("wanted")
    pool = pool.drop("id").with_columns(draw=draws).join(wanted, on=GROUP[1:], how="left")
    return pool.filter(pl.col("draw").rank("ordinal").over(GROUP[1:]) <= pl.col("wanted").fill_null(0))

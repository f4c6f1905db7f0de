"""What evaluation items stand in the samples: by benchmark and split, out of the details of `not_contaminated`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipeline.filters.not_contaminated import leak_of
from pipeline.tables import check_table, readable, table_path

FILTER = "not_contaminated"


@dataclass
class Contaminated:
    """One benchmark's split as one filter found it."""

    filter: str
    benchmark: str
    split: str
    dropped: int = 0
    """Samples dropped, each for the item it covers most of."""
    kept: Counter[str] = field(default_factory=Counter)
    """Samples kept although they share words with an item, by the reason that says how many."""
    leaked: set[str] = field(default_factory=set)

    @property
    def items(self) -> int:
        """Items that samples were dropped for."""
        return len(self.leaked)


def read_contamination(folder: Path, filters: Sequence[str]) -> list[Contaminated]:
    """What was found, benchmark by benchmark.

    Args:
        filters: names of filters; those that do not look for contamination are left out.
    """
    check_table(folder, "4_verdicts")
    found: dict[tuple[str, str, str], Contaminated] = {}
    for name in [each for each in filters if each == FILTER or each.startswith(f"{FILTER}_")]:
        with readable(table_path(folder, "4_verdicts")):
            scan = pl.scan_parquet(table_path(folder, "4_verdicts"))
            told = scan.filter((pl.col("filter") == name) & (pl.col("detail") != ""))
            rows = told.select("decision", "reason", "detail").collect()
        for decision, reason, detail in rows.iter_rows():
            if leak := leak_of(detail):
                key = name, leak.benchmark, leak.split
                each = found.setdefault(key, Contaminated(*key))
                if decision == "drop":
                    each.dropped += 1
                    each.leaked.add(leak.item)
                else:
                    each.kept[reason] += 1
    return [found[key] for key in sorted(found)]

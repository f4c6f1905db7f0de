"""Exact duplicates among so many short samples: `python -m bench.peers.exact_duplicates distill 1000000`.

Out: one line of JSON as `near_duplicates` prints it. Every tenth sample says what the one before it did; frames are made as
they are read, so the peak above what was held before is the filter's own, and the time is both.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import polars as pl

from bench.peers.near_duplicates import cpu_seconds, peak_mb
from pipeline.filters.no_duplicates import NoDuplicates

AT_A_TIME = 20_000


class Made:
    """Survivors of 200 characters each."""

    def __init__(self, samples: int) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return self._samples

    def frames(self) -> Iterator[pl.DataFrame]:
        for start in range(0, self._samples, AT_A_TIME):
            number = pl.int_range(start, min(start + AT_A_TIME, self._samples), eager=True)
            said = number - (number % 10 == 9).cast(pl.Int64)
            text = pl.select(
                pl.concat_str(pl.lit("How many ducks lay eggs on day "), said, pl.lit(", and why? " * 6))
            ).to_series()
            ids = pl.select(pl.format("{}", number).str.zfill(16)).to_series()
            yield pl.DataFrame({"id": ids, "prompt": text, "reasoning": None, "target": text})


def main() -> None:
    for _ in NoDuplicates(filter="no_duplicates").judge_all(Made(AT_A_TIME)):  # type: ignore[arg-type]
        pass
    before, cpu, started = peak_mb(), cpu_seconds(), time.perf_counter()
    words = NoDuplicates(filter="no_duplicates").judge_all(Made(int(sys.argv[2])))  # type: ignore[arg-type]
    removed = sum(word.decision == "drop" for word in words)
    wall, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    print(json.dumps({"removed": removed, "wall_seconds": wall, "cpu_seconds": cpu, "before_mb": before, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()

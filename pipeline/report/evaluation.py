"""Everything the report says of the evaluation: read once, figured out table by table, and handed to the page.

In: `6_evaluation`, and `6_items`, `6_speed` and the corpora where they are. Out: an `Evaluation`, whose parts are empty where
there is nothing to say, so that the page leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.report.charts import Chart, efficiency_chart
from pipeline.report.comparison import Difference, differences
from pipeline.report.costs import Costs, read_costs
from pipeline.report.diversity import Diversity, read_diversity
from pipeline.report.fidelity import Cells, Failure, agreement, cells, failures
from pipeline.report.forms import constraints, efficiency, forms, levels
from pipeline.report.leakage import Leakage, read_leakage
from pipeline.report.retrieval import read_retrieval
from pipeline.report.robustness import adversarial, changed, elsewhere, faithfulness, read_items
from pipeline.report.sampled import Sampled, read_sampled
from pipeline.report.scores import ALL_KINDS, CHANGED, Score, accuracy, greedy, ordered, read_grades
from pipeline.tables import table_path

OF_A_SHARE = "distilled@"
"""How the students begin that learned from a share of the corpus, and are drawn in a curve of their own."""
GOOD = 0.5
"""Where the untouched student is right so often, it has something to lose."""


@dataclass(frozen=True)
class Grid:
    """Scores as a table: rows of one benchmark, a column a model."""

    benchmark: str
    models: list[str]
    rows: dict[str, dict[str, Score]]
    """Kind, then model, to score."""

    def items(self, kind: str) -> int:
        """Different items of a kind; the models' may differ where a reply is owed."""
        return max(score.items for score in self.rows[kind].values())


@dataclass(frozen=True)
class Benchmark(Grid):
    """The models on one benchmark, all kinds together first."""

    differences: list[Difference]


@dataclass(frozen=True)
class Evaluation:
    """What the models can do, and what they cost."""

    benchmarks: list[Benchmark]
    """Those whose items are as they were."""
    seeds: int
    """Trainings of each student."""
    levels: list[Grid]
    forms: list[Grid]
    constraints: list[Grid]
    sampled: dict[str, list[Sampled]]
    """By benchmark."""
    agreement: list[Grid]
    cells: list[Cells]
    failures: list[Failure]
    changed: list[Grid]
    adversarial: list[Grid]
    elsewhere: list[tuple[Score, Score]]
    faithfulness: list[Grid]
    retrieval: list[Grid]
    retained: list[Difference]
    """The student against the untouched one, where that is good."""
    efficiency: list[Chart]
    diversity: list[Diversity]
    """Of what the students learned from."""
    leakage: Leakage | None
    """Items that stand in the corpus; None where that cannot be seen."""
    costs: Costs

    @property
    def findings(self) -> list[str]:
        """What is said at the top of the page: each pair on the first benchmark, and what is kept of the teacher there."""
        first = [each for benchmark in self.benchmarks[:1] for each in benchmark.differences if each.kind == ALL_KINDS]
        kept = [each.kept_sentence for each in self.kept if each in first]
        return [f"{self.benchmarks[0].benchmark}: {words}" for words in [*(each.sentence for each in first), *kept]]

    @property
    def kept(self) -> list[Difference]:
        """Student and teacher, benchmark by benchmark, where the teacher has right answers to keep."""
        every = [each for benchmark in self.benchmarks for each in benchmark.differences]
        return [each for each in every if each.kind == ALL_KINDS and each.second == "teacher" and each.kept is not None]


def read_evaluation(folder: Path, log: Mapping[str, Any]) -> Evaluation | None:
    """What the tables of a run tell; None before there is an evaluation.

    Args:
        log: what `run.json` says.
    """
    if not table_path(folder, "6_evaluation").exists():
        return None
    grades, items = read_grades(folder), read_items(folder)
    frame = greedy(grades)
    as_they_were = ~pl.col("benchmark").str.contains(CHANGED, literal=True)
    whole_corpus = frame.filter(~pl.col("model").str.starts_with(OF_A_SHARE))
    full = whole_corpus.filter(as_they_were)
    scores, found = accuracy(frame.filter(as_they_were)), differences(full)
    benchmarks = [
        _benchmark(each, found) for each in grids(score for score in scores if not score.model.startswith(OF_A_SHARE))
    ]
    whole = [score for score in scores if score.kind == ALL_KINDS]
    return Evaluation(
        benchmarks=benchmarks,
        seeds=max((each.seeds for each in scores), default=1),
        levels=grids(levels(full)), forms=grids(forms(full)), constraints=grids(constraints(full)),
        sampled=_by_benchmark(grades),
        agreement=grids(agreement(full)), cells=cells(full), failures=failures(folder, full),
        changed=[] if items is None else grids(changed(whole_corpus, items)),
        adversarial=[] if items is None else grids(adversarial(full, items)),
        elsewhere=elsewhere(whole), faithfulness=grids(faithfulness(grades)), retrieval=grids(read_retrieval(folder)),
        retained=_retained(benchmarks),
        efficiency=[efficiency_chart(*each) for each in efficiency(whole).items()],
        diversity=read_diversity(folder), leakage=read_leakage(folder), costs=read_costs(folder, frame, log),
    )  # fmt: skip


def grids(scores: Iterable[Score]) -> list[Grid]:
    """A grid a benchmark, its rows in the order in which they came."""
    found: dict[str, dict[str, dict[str, Score]]] = {}
    for score in scores:
        found.setdefault(score.benchmark, {}).setdefault(score.kind, {})[score.model] = score
    return [
        Grid(name, ordered({model for row in rows.values() for model in row}), _sorted(rows)) for name, rows in found.items()
    ]


def _sorted(rows: dict[str, dict[str, Score]]) -> dict[str, dict[str, Score]]:
    """All kinds first, and models in the order of reports."""
    kinds = sorted(rows, key=lambda kind: kind != ALL_KINDS)
    return {kind: {model: rows[kind][model] for model in ordered(rows[kind])} for kind in kinds}


def _benchmark(grid: Grid, found: list[Difference]) -> Benchmark:
    """One kind alone is all kinds, and is not shown twice."""
    rows = grid.rows if len(grid.rows) > 2 else {ALL_KINDS: grid.rows[ALL_KINDS]}
    kinds = list(rows)
    mine = [each for each in found if each.benchmark == grid.benchmark and each.kind in rows]
    return Benchmark(grid.benchmark, grid.models, rows, sorted(mine, key=lambda each: kinds.index(each.kind)))


def _by_benchmark(grades: pl.DataFrame) -> dict[str, list[Sampled]]:
    found: dict[str, list[Sampled]] = {}
    for each in read_sampled(grades):
        found.setdefault(each.benchmark, []).append(each)
    return found


def _retained(benchmarks: list[Benchmark]) -> list[Difference]:
    every = [(benchmark, each) for benchmark in benchmarks for each in benchmark.differences if each.second == "base"]
    return [each for benchmark, each in every if benchmark.rows[each.kind]["base"].share >= GOOD]

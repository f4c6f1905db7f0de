"""Which students a run has: the distilled one, the baselines beside it, and those of the sample-efficiency curve.

In: what a recipe says of the student, and the run's folder. Out: a pupil for each training. Each learns from a table of its own
with one seed or several. A table that holds no examples (no task has a right answer, say) makes no student.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.tables import table_path
from pipeline.training import Student

TABLES = {
    "gold_labels": "5_gold_labels", "teacher_labels": "5_teacher_labels", "control": "5_control", "distilled": "5_corpus",
}  # fmt: skip
"""Every student and the table it learns from, in the order in which they are trained."""


@dataclass(frozen=True)
class Pupil:
    """One training: who, from what, with which seed."""

    model: str
    """What reports call it: distilled, control, …, or `distilled@25%` for a share of the corpus."""
    table: str
    seed: int
    first: bool
    """Whether its seed is the recipe's own, the first of several."""
    share: float = 1.0

    @property
    def name(self) -> str:
        """Its folder in `student/`; that of the first seed has no number."""
        return self.model if self.first else f"{self.model}-seed{self.seed}"

    def folder(self, run: Path) -> Path:
        """Where its model lies, in the run's folder."""
        return run / "student" / self.name


def pupils_of(student: Student, folder: Path) -> list[Pupil]:
    """Everybody whom a recipe wants trained and whose table is in the run's folder, the distilled ones last."""
    wanted = {name: table for name, table in TABLES.items() if name == "distilled" or name in student.baselines}
    there = {name: table for name, table in wanted.items() if name == "distilled" or table_path(folder, table).exists()}
    seeds = range(student.seed, student.seed + student.seeds)
    full = [Pupil(name, table, seed, seed == student.seed) for name, table in there.items() for seed in seeds]
    curve = [Pupil(f"distilled@{100 * share:g}%", "5_corpus", student.seed, True, share) for share in sorted(student.curve)]
    return curve + full

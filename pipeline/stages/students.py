"""The students of a run, by its recipe and its tables: who is trained, compared, pushed."""

from __future__ import annotations

from pipeline.pupils import Pupil, pupils_of
from pipeline.run import Run


def pupils(run: Run) -> list[Pupil]:
    """Everybody the recipe wants trained and whose table is there, the distilled ones last."""
    return pupils_of(run.recipe.student, run.folder)

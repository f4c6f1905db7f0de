"""What one training is told, and what makes it the same as another: read by the stage and by the training process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from pipeline.identity import content_hash
from pipeline.records import Frozen


class Schooling(Frozen):
    """How the student is trained; the recipe's `student` says the same with its model."""

    epochs: PositiveFloat
    learning_rate: PositiveFloat
    batch_size: PositiveInt
    warmup_share: NonNegativeFloat
    weight_decay: NonNegativeFloat
    max_tokens: PositiveInt
    seed: int


class Job(Frozen):
    """One training."""

    model: str
    """Folder or hub name of the untouched student."""
    model_revision: str
    """Hash of its weights, or its name."""
    folder: Path
    """Where the corpus lies."""
    table: str
    """Which table it is."""
    corpus_hash: str
    """Hash of that table's file."""
    has_dev: bool
    """Whether it has rows whose loss is only watched."""
    student: Schooling
    """How to train."""
    device: str
    """cpu, cuda or auto; decides nothing about the result that a hash could see."""
    output: Path
    """Where the trained student goes."""

    @property
    def fingerprint(self) -> str:
        """The same for trainings that give the same student, wherever they run."""
        return content_hash(self.model_revision, self.corpus_hash, self.student.model_dump())


def curve_path(folder: Path, name: str) -> Path:
    """Where the training of a run's student is written down, a JSON object a line."""
    return folder / "student" / f"{name}.jsonl"


def curve_lines(path: Path) -> list[dict[str, Any]]:
    """What is written there; a line that is torn, since its training was killed, is passed over."""
    said = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            said.append(json.loads(line))
        except ValueError:
            continue
    return said

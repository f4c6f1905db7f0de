"""What one training is told, and what makes it the same as another: read by the stage and by the training process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from pipeline.identity import content_hash, unit_interval
from pipeline.records import Frozen

TRAINED = ".trained.json"
"""In a student's folder: the fingerprint of the training that made it, and what it took."""


class LowRank(Frozen):
    """The adapters to train; the recipe's `student.adapter`."""

    rank: PositiveInt
    alpha: PositiveFloat
    dropout: float
    targets: tuple[str, ...]
    quantized: bool


class Schooling(Frozen):
    """How the student is trained; the recipe's `student` says the same with its model."""

    epochs: PositiveFloat
    learning_rate: PositiveFloat
    batch_size: PositiveInt
    accumulate: PositiveInt = 1
    warmup_share: float = Field(ge=0, le=1)
    weight_decay: NonNegativeFloat
    max_tokens: PositiveInt
    packing: bool = False
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    gradient_checkpointing: bool = False
    adapter: LowRank | None = None
    early_stop: PositiveInt | None = None
    weigh: Literal["tokens", "examples"] = "tokens"
    agreement: NonNegativeFloat = 0.1
    negatives: Literal["leave", "unlikelihood", "likelihood"] = "leave"
    seed: int


class Job(Frozen):
    """One training."""

    model: str
    """Folder or hub name of the untouched student."""
    revision: str = "main"
    """Its revision on the hub."""
    model_revision: str
    """Hash of its weights, or its name and revision."""
    chat_template: str | None = None
    """The chat template to use instead of the tokenizer's own: its text."""
    folder: Path
    """Where the corpus lies."""
    table: str
    """Which table it is."""
    corpus_hash: str
    """Hash of that table's rows."""
    share: float = 1.0
    """Share of its training examples to take, all of a task or none."""
    student: Schooling
    """How to train."""
    device: str
    """cpu, cuda, mps or auto; decides nothing about the result that a hash could see."""
    trackers: tuple[str, ...] = ()
    """Trackers of `transformers` that are told of the losses, such as tensorboard."""
    output: Path
    """Where the trained student goes."""

    @property
    def fingerprint(self) -> str:
        """The same for trainings that give the same student, wherever they run."""
        parts = (self.model_revision, self.chat_template, self.corpus_hash, self.share, self.student.model_dump())
        return content_hash(*parts)


def in_share(task_id: str, share: float) -> bool:
    """Whether a task is in a share of the corpus: smaller shares lie in larger ones."""
    return share == 1 or unit_interval("curve", task_id) < share


def mark_trained(student: Path, fingerprint: str, **took: Any) -> None:
    """Notes in a student's folder which training made it, and what that took: steps, tokens, seconds, peak_bytes."""
    (student / TRAINED).write_text(json.dumps({"fingerprint": fingerprint, **took}), encoding="utf-8")


def training_of(student: Path) -> dict[str, Any]:
    """What is noted there; nothing where there is no trained student."""
    return (curve_lines(student / TRAINED) or [{}])[0]


def trained_by(student: Path) -> str | None:
    """The fingerprint of the training that made a student; None where there is none."""
    return training_of(student).get("fingerprint")


def curve_path(folder: Path, name: str) -> Path:
    """Where the training of a run's student is written down, a JSON object a line."""
    return folder / "student" / f"{name}.jsonl"


def curve_lines(path: Path) -> list[dict[str, Any]]:
    """What is written there; a line that is torn, since its training was killed, is passed over."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [said for said in map(json_object, lines) if said is not None]


def json_object(line: str | bytes) -> dict[str, Any] | None:
    """What a line says, if it is a JSON object."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None

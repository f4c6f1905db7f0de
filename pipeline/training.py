"""What a recipe says of the student: who learns, how it is trained, and beside whom."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from pipeline.records import Frozen
from pipeline.selection import listed
from pipeline.settings import HomePath

Baseline = Literal["control", "gold_labels", "teacher_labels"]
"""Students trained beside the distilled one: on as many unfiltered samples, and on the same questions with nothing but their
right answer, or nothing but the answer the teacher gave."""
BASELINES: tuple[Baseline, ...] = ("gold_labels", "teacher_labels", "control")
Share = Annotated[float, Field(gt=0, lt=1)]


class Adapter(Frozen):
    """Low-rank adapters: only they are trained."""

    rank: PositiveInt = 16
    """Rank of the update to each matrix."""
    alpha: PositiveFloat = 32.0
    """The update is scaled by alpha / rank."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout before the update."""
    targets: Annotated[tuple[str, ...], BeforeValidator(listed), Field(min_length=1)] = ("all-linear",)
    """Names of the layers that get one; `all-linear` is every linear layer but the output."""
    quantized: bool = False
    """QLoRA: the untrained weights are held in 4 bits; needs a GPU and bitsandbytes."""


class Student(Frozen):
    """Who learns, and how."""

    model: str = "data/mini/student"
    """A model folder, or a name on the hub."""
    revision: str = "main"
    """Revision on the hub; a folder is known by the hash of its weights."""
    chat_template: HomePath | None = None
    """File with the chat template of a model that has none, or whose own spoils the training text."""
    epochs: PositiveFloat = 3.0
    """Passes over the corpus."""
    learning_rate: PositiveFloat = 2e-5
    """Highest rate; it warms up and falls as a cosine."""
    batch_size: PositiveInt = 16
    """Examples a step, of all steps that are accumulated and all processes together."""
    accumulate: PositiveInt = 1
    """Parts a step is computed in, to save memory."""
    warmup_share: float = Field(0.05, ge=0, le=1)
    """Share of the steps in which the rate rises."""
    weight_decay: NonNegativeFloat = 0.0
    """Weight decay of AdamW."""
    max_tokens: PositiveInt = 2048
    """Longest example with the template's tokens; a longer one is refused, never cut."""
    packing: bool = False
    """Whether several examples share a row of `max_tokens`, each seeing only itself; faster where lengths differ much."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format it computes in; auto is bfloat16 where a GPU has it. Trained weights stay in float32."""
    gradient_checkpointing: bool = False
    """Whether activations are computed twice rather than kept: a third more time, much less memory."""
    adapter: Adapter | None = None
    """Train low-rank adapters instead of all weights; they are merged afterwards, and kept beside the model."""
    early_stop: PositiveInt | None = None
    """Stop after so many epochs without a lower dev loss. With it the weights of the lowest dev loss are kept.
    A baseline whose table has no dev examples, as `control`, is trained for all epochs."""
    weigh: Literal["tokens", "examples"] = "tokens"
    """What an example's weight is the weight of: each of its trained tokens, or the mean over them, however long it is."""
    agreement: NonNegativeFloat = 0.1
    """Weight of the symmetric KL divergence between the answers of paired examples (MCC-KD); without pairs it is nothing."""
    negatives: Literal["leave", "unlikelihood", "likelihood"] = "leave"
    """What becomes of examples that show what is wrong: left out, their tokens made less likely (Welleck et al. 2020), or
    learned like all others. The last is for examples under a tag that says they are wrong, and for comparison: without one they
    hurt (arXiv 2312.12832)."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the order of the examples."""
    seeds: PositiveInt = 1
    """Trainings of each student, with seeds that follow `seed`; figures are then of all of them together."""
    baselines: Annotated[tuple[Baseline, ...], BeforeValidator(listed)] = BASELINES
    """Students to train beside it: gold_labels, teacher_labels, control."""
    curve: tuple[Share, ...] = ()
    """Shares of the corpus to train further students on, such as [0.1, 0.25, 0.5]."""

    @model_validator(mode="after")
    def _fits(self) -> Student:
        if self.batch_size % self.accumulate:
            raise ValueError(f"accumulate: {self.accumulate} does not divide batch_size, {self.batch_size}")
        if len({f"{100 * share:g}" for share in self.curve}) < len(self.curve):
            raise ValueError("curve: a share stands there twice")
        if self.seed + self.seeds > 2**32:
            raise ValueError(f"seeds: {self.seeds} of them from {self.seed} on go beyond 2**32 - 1")
        return self

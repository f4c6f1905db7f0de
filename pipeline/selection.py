"""Which of the samples that passed make the corpus: caps, a budget, and what is taken first.

In the order in which they are applied: caps by task, kind and source; then, up to the budget of rows or tokens, samples in the
order of their scores (of a seeded draw where there are none), as a mix of difficulties and without near copies of each other
if asked for. Sources: rejection sampling (Yuan et al. 2023, arXiv 2308.01825), DEITA (Liu et al. 2023, arXiv 2312.15685).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from pipeline.records import Frozen


def listed(value: object) -> object:
    """One word is short for a list of it."""
    return (value,) if isinstance(value, str) else value


class Diversity(Frozen):
    """DEITA's greedy choice: a sample is taken unless it is too like one that was taken before it."""

    max_similarity: float = Field(0.9, gt=0, le=1)
    """Highest cosine to every sample taken before; DEITA's 0.9."""
    dimensions: PositiveInt = Field(512, le=4096)
    """Places of the vector of words and pairs of words, weighted by how rare they are, that stands for a sample."""


class Mix(Frozen):
    """A mix of difficulties: shares of the budget for bands of a score."""

    by: str
    """The filter whose score says how difficult a sample is, such as `pass_rate`."""
    edges: tuple[float, ...] = Field(min_length=1)
    """Where one band ends and the next begins, rising: `[0.3, 0.7]` makes three bands, 0.3 and 0.7 in the upper ones."""
    shares: tuple[float, ...] = Field(min_length=2)
    """The share of each band, from the lowest scores on; they add up to 1."""

    @model_validator(mode="after")
    def _fits(self) -> Mix:
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges must rise")
        if len(self.shares) != len(self.edges) + 1:
            raise ValueError(
                f"{len(self.edges)} edges make {len(self.edges) + 1} bands, and there are {len(self.shares)} shares"
            )
        if min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError("shares must be 0 or more and add up to 1")
        return self


class Selection(Frozen):
    """Which of the samples that passed make the corpus."""

    per_task: PositiveInt | None = None
    """At most so many of each task, method and view: the best, or the first where nothing ranks them; all where empty."""
    per_kind: PositiveInt | None = None
    """At most so many of each kind of task, in each split."""
    per_source: PositiveInt | None = None
    """At most so many of each source, in each split."""
    rows: PositiveInt | None = None
    """Budget: so many training examples; the split dev is cut to the same share and comes on top."""
    tokens: PositiveInt | None = None
    """Budget: so many of the student's tokens in training examples; the first that would exceed it ends the choice."""
    rank_by: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
    """Filters whose scores say which samples are taken first, the product of several; `-name` takes the lowest first."""
    mix: Mix | None = None
    """Shares of the rows for bands of difficulty; needs `rows`. What a band has not, no other makes up for."""
    diversity: Diversity | None = None
    """Leaves out what is too like a training sample that was taken before."""
    unverifiable: Literal["drop", "keep"] = "drop"
    """What becomes of samples that some filter could not decide."""
    seed: int = 0
    """Seed of the draws, also of the random control."""

    @model_validator(mode="after")
    def _fits(self) -> Selection:
        if self.rows and self.tokens:
            raise ValueError("rows and tokens are two budgets; give one")
        if len(self.rank_by) > 1 and any(name.startswith("-") for name in self.rank_by):
            raise ValueError("rank_by: the product of several scores falls; -name stands alone")
        if self.mix and not self.rows:
            raise ValueError("mix shares out rows, which is not given")
        return self

    @property
    def refused(self) -> tuple[str, ...]:
        """The decisions of any filter that leave a sample out."""
        return ("drop",) if self.unverifiable == "keep" else ("drop", "unverifiable")

    @property
    def ranks(self) -> bool:
        """Whether it matters which samples come first, beyond their order in a task."""
        return any((self.rows, self.tokens, self.rank_by, self.diversity, self.per_kind, self.per_source))

    @property
    def score_filters(self) -> list[str]:
        """The filters whose scores it needs."""
        return [name.removeprefix("-") for name in self.rank_by] + ([self.mix.by] if self.mix else [])

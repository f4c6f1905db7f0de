"""What a recipe says of the evaluation: which items, how the models are asked, and what else is looked at."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, PositiveInt

from pipeline.benchmarks.union import Benchmark
from pipeline.records import Frozen, Limit
from pipeline.selection import listed

Change = Literal["typos", "distractor", "reordered", "numbers"]
"""What can be done to an item on purpose."""


class Sampled(Frozen):
    """Several replies to each item, for votes, pass@k and calibration; a teacher that costs by the call is not asked so."""

    samples: PositiveInt = 8
    """Replies to each item."""
    temperature: PositiveFloat = 0.7
    """Their temperature."""
    limit: Limit | None = 100
    """At most so many items a benchmark."""


def _each_once(benchmarks: tuple[Benchmark, ...]) -> tuple[Benchmark, ...]:
    names = [each.benchmark for each in benchmarks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"a benchmark can be named once only: {', '.join(twice)}")
    return benchmarks


class Evaluation(Frozen):
    """What the models are compared on."""

    split: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(("test",), min_length=1)
    """The source's splits, each a benchmark of its own."""
    benchmarks: Annotated[tuple[Benchmark, ...], AfterValidator(_each_once)] = ()
    """Further benchmarks; `distill benchmarks` lists them."""
    limit: Limit | None = 500
    """At most so many items a benchmark."""
    max_tokens: PositiveInt = 512
    """Longest reply; a teacher's may be as long as its own sampling allows."""
    teacher: bool = True
    """Whether the teacher answers the items, too; at an endpoint that costs as many calls."""
    sampled: Sampled | None = None
    """Sample several replies to each item, beside the greedy one."""
    changes: Annotated[tuple[Change, ...], BeforeValidator(listed)] = ()
    """Adversarial variants of the source's splits: typos, distractor, reordered, numbers."""
    faithfulness: bool = False
    """Whether another rationale is put into the mouth of each model, to see whether its answer follows."""
    by: str | None = None
    """Field of a task's `extra` that says how hard it is, to report by."""

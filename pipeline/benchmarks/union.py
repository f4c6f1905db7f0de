"""Every benchmark a recipe can name; a name alone stands for the benchmark with its defaults."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from pipeline.benchmarks.adversarial_glue import AdversarialGlue
from pipeline.benchmarks.gsm8k import Gsm8k
from pipeline.benchmarks.ifeval import IFEval
from pipeline.benchmarks.mini import Mini
from pipeline.benchmarks.strategyqa import StrategyQA
from pipeline.benchmarks.svamp import Svamp


def _by_name(value: Any) -> Any:
    """`svamp` is short for `{benchmark: svamp}`."""
    return {"benchmark": value} if isinstance(value, str) else value


Benchmark = Annotated[
    Annotated[Gsm8k | Svamp | StrategyQA | IFEval | AdversarialGlue | Mini, Field(discriminator="benchmark")],
    BeforeValidator(_by_name),
]

"""StrategyQA: yes-or-no questions whose steps of reasoning are not told; the public development set has 229.

https://github.com/eladsegal/strategyqa (data/strategyqa/dev.json), MIT. A row, without its evidence:

    {"qid": "e0044a7b4d146d611e73", "term": "Albany, Georgia", "description": "City in Georgia, United States",
     "question": "Will the Albany in Georgia reach a hundred thousand occupants before the one in New York?", "answer": false,
     "facts": ["Albany, GA has around 75,000 people", …], "decomposition": ["What is the population of Albany, Georgia?", …]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pipeline.benchmarks.published import Published, Revision


class StrategyQA(Published):
    """The question alone is asked, neither facts nor decomposition; the hub's copy has a test split of its own, of 687."""

    source: ClassVar[str] = "Geva et al. 2021, arXiv 2101.02235; eladsegal/strategyqa, MIT; on the hub ChilleD/StrategyQA"
    template: ClassVar[str] = "benchmark/yes_or_no"
    dataset: ClassVar[str] = "ChilleD/StrategyQA"
    kind: ClassVar[str] = "question"
    benchmark: Literal["strategyqa"]
    """Yes-or-no questions that need several steps."""
    revision: Revision = "705562638fe1d8ca6bb98c66fc8f94d45fda8c83"

    def fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(row["answer"], bool):
            raise ValueError(f"answer is {row['answer']!r}, neither true nor false")
        return {"prompt": row["question"], "answer": "yes" if row["answer"] else "no", "extra": {"qid": row["qid"]}}

"""SVAMP: 1,000 word problems of one or two steps, worded so that shallow patterns fail; out of distribution for GSM8K.

https://github.com/arkilpatel/SVAMP (SVAMP.json), MIT. A row:

    {"ID": "chal-2", "Body": "Dan had $ 3 left with him after he bought a candy bar. If he had $ 4 at the start",
     "Question": "How much did the candy bar cost?", "Equation": "( 4.0 - 3.0 )", "Answer": 1.0, "Type": "Subtraction"}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pipeline.benchmarks.published import Published, Revision


class Svamp(Published):
    """Body and question make the prompt; the equation is kept, for other numbers to be put into it."""

    source: ClassVar[str] = "Patel et al. 2021, arXiv 2103.07191; arkilpatel/SVAMP, MIT; on the hub ChilleD/SVAMP"
    dataset: ClassVar[str] = "ChilleD/SVAMP"
    part: ClassVar[str] = "train+test"
    kind: ClassVar[str] = "word_problem"
    benchmark: Literal["svamp"]
    """Simple word problems with misleading wordings."""
    revision: Revision = "5e0bf1e5e7c0e9c4bc39180d224f41f3f801b7ef"

    def fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        prompt, answer = f"{row['Body'].strip()} {row['Question'].strip()}", float(row["Answer"])
        if not math.isfinite(answer):
            raise ValueError(f"Answer is {answer}, no number")
        return {
            "prompt": prompt,
            "answer": f"{answer:.15g}",
            "extra": {name: row[name] for name in ("ID", "Equation", "Type")},
        }

"""GSM8K: grade-school mathematics in two to eight steps; the test split has 1,319 problems.

https://github.com/openai/grade-school-math (grade_school_math/data/test.jsonl), MIT. A row:

    {"question": "A robe takes 2 bolts of blue fiber and half that much white fiber.  How many bolts in total does it take?",
     "answer": "It takes 2/2=<<2/2=1>>1 bolt of white fiber\\nSo the total amount of fabric is 2+1=<<2+1=3>>3 bolts …\\n#### 3"}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pipeline.benchmarks.published import Published, Revision
from pipeline.benchmarks.rows import Row, file_rows, hub_rows


class Gsm8k(Published):
    """Word problems with worked solutions, graded by the number behind `####`; a task's `steps` are its calculations."""

    source: ClassVar[str] = "Cobbe et al. 2021, arXiv 2110.14168; openai/grade-school-math, MIT; on the hub openai/gsm8k"
    dataset: ClassVar[str] = "openai/gsm8k"
    kind: ClassVar[str] = "word_problem"
    benchmark: Literal["gsm8k"]
    """Grade-school mathematics."""
    revision: Revision = "740312add88f781978c0658806c59bc2815b9866"

    def rows(self) -> Iterator[Row]:
        return file_rows(self.path) if self.path else hub_rows(self.dataset, "main", self.part, self.revision)

    def fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        solution, mark, answer = row["answer"].rpartition("####")
        if not mark or not answer.strip():
            raise ValueError("there is no #### with the answer behind it")
        return {
            "prompt": row["question"],
            "answer": answer.strip(),
            "extra": {"solution": row["answer"], "steps": solution.count("<<")},
        }

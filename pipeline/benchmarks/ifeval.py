"""IFEval: 541 instructions with 834 constraints that a program can check, of 25 kinds.

https://github.com/google-research/google-research/tree/master/instruction_following_eval (data/input_data.jsonl), Apache-2.0.
A row:

    {"key": 1001, "prompt": "I am planning a trip to Japan, and … You are not allowed to use any commas in your response.",
     "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pipeline.benchmarks.published import Published, Revision


class IFEval(Published):
    """Instructions with verifiable constraints, put as they stand."""

    source: ClassVar[str] = (
        "Zhou et al. 2023, arXiv 2311.07911; google-research/instruction_following_eval, Apache-2.0; on the hub google/IFEval"
    )
    template: ClassVar[str] = "instruction_following/student"
    dataset: ClassVar[str] = "google/IFEval"
    part: ClassVar[str] = "train"
    kind: ClassVar[str] = "instruction"
    benchmark: Literal["ifeval"]
    """Instructions with constraints that a program checks."""
    revision: Revision = "966cd89545d6b6acfd7638bc708b98261ca58e84"

    def fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        pairs = zip(row["instruction_id_list"], row["kwargs"], strict=True)
        constraints = [{"kind": kind, **_given(arguments)} for kind, arguments in pairs]
        return {"prompt": row["prompt"], "constraints": constraints, "extra": {"key": row["key"]}}


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are said: the hub's table has a column for each there is, most of them empty."""
    return {name: value for name, value in arguments.items() if value is not None}

"""Sequence-level distillation of instructions: the teacher answers each instruction, the student learns the answer.

For: instructions that are there already, and a teacher whose answers are good as they are.
Learns: the instruction -> the answer.
Filters: `constraints_met` where instructions carry checkable constraints, else `judge`; `not_refusal`, `not_boilerplate`.
Source: Peng et al. 2023 (GPT-4-LLM), arXiv 2304.03277; Wu et al. 2023 (LaMini-LM), arXiv 2304.14402.
Here: nothing differs: one answer each, unless `samples` asks for more.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pipeline.methods.distillation import PlainAnswers
from pipeline.methods.quota import Samples


class InstructionFollowing(PlainAnswers):
    """Answers to instructions as they stand."""

    family: ClassVar[str] = "instruction following"
    source: ClassVar[str] = "Peng et al. 2023, arXiv 2304.03277; Wu et al. 2023, arXiv 2304.14402"
    view: ClassVar[str] = "response"
    method: Literal["instruction_following"]
    """Sequence-level distillation of instructions."""
    samples: Samples = 1
    """Answers asked for each instruction; the papers ask once."""
    template: str = "instruction_following/teacher"
    """What the teacher is asked."""
    student_template: str = "instruction_following/student"
    """What the student reads."""

"""Fine-tune-CoT: several reasoned answers to each question; filters keep those that end right (rejection sampling).

For: questions whose answer can be checked; the first method to try.
Learns: the question -> the reasoning and the answer.
Filters: `answer_matches`, and `arithmetic` where there are calculations.
Source: Ho, Schmid, Yun 2022, arXiv 2212.10071; code itsnamgyu/reasoning-teacher.
Here: one call ends with a fixed sentence, where the paper asks twice (rationale, then answer).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pipeline.methods.distillation import PlainAnswers
from pipeline.methods.quota import Samples


class ChainOfThought(PlainAnswers):
    """Reasoned answers, `samples` to a question, diverse by temperature."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Ho, Schmid, Yun 2022, arXiv 2212.10071; code itsnamgyu/reasoning-teacher"
    view: ClassVar[str] = "rationale"
    method: Literal["chain_of_thought"]
    """Fine-tune-CoT."""
    samples: Samples = 8
    """Answers asked for each question: the paper's degree of diversity, sampled at temperature 0.7."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked."""
    student_template: str = "chain_of_thought/student"
    """What the student reads."""

"""Self-consistency as a source of labels: many reasoned answers to a question, and those that agree with most are learned.

For: questions whose answers nobody knows.
Learns: the question -> the reasoning and the answer that most replies agree on.
Filters: `self_consistency` holds the vote and keeps what agrees with the winner, where that has at least the share
    `min_share`.
Source: Wang et al. 2022, arXiv 2203.11171; for training, Huang et al. 2022, *Large Language Models Can Self-Improve*, arXiv
    2210.11610.
Here: the method makes sure that there are as many votes for every question. The second paper's model teaches itself; here a
    teacher does.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import ClassVar, Literal

from pipeline.answers.final import final_answer
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.distillation import Distilled, PlainAnswers
from pipeline.methods.quota import Count
from pipeline.records import Task


class SelfConsistency(PlainAnswers):
    """Reasoned answers to vote on."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Wang et al. 2022, arXiv 2203.11171; Huang et al. 2022, arXiv 2210.11610"
    view: ClassVar[str] = "rationale"
    method: Literal["self_consistency"]
    """Majority answers of many samples; needs the filter `self_consistency`."""
    samples: Count = 16
    """Answers asked for each question, a vote each: 16 to 40; no quota, which would stop where the wrong ones are still few."""
    sampling: Sampling = Sampling(temperature=0.7)
    """What differs from the teacher's own sampling: the paper's temperature."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked."""
    student_template: str = "chain_of_thought/student"
    """What the student reads."""

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        """Every reply with its answer, which is its vote, also where the right one is not known."""
        async with aclosing(super().distil(task, ask, bank)) as samples:
            async for sample in samples:
                yield sample.model_copy(update={"answer": final_answer(sample.target)})

"""MCC-KD: two right rationales of a question that differ as much as may be, and training that draws their answers together.

For: questions with known answers, where reasoning in two ways shall come to one answer.
Learns: the question -> each of two right rationales, and the same answer behind both: training draws the two answers'
    probabilities together (`student.agreement`).
Filters: `answer_matches` drops the wrong ones, then `paired`, as the last, keeps the two that differ most.
Source: Chen et al. 2023, arXiv 2310.14747; code homzer/MCC-KD: L = L_rationales + a (KL(p1, p2) + KL(p2, p1)) over the
    tokens of the answer, a = 0.1 in its training script.
Here: each reply makes a sample that knows where its answer stands and which others are of the same question.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import ClassVar, Literal

from pipeline.answers.spans import answer_span
from pipeline.identity import short_id
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distilled, PlainAnswers
from pipeline.methods.quota import Samples
from pipeline.records import Sample, Task


class MccKd(PlainAnswers):
    """Several rationales of each question, to choose two of."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Chen et al. 2023, arXiv 2310.14747; code homzer/MCC-KD"
    view: ClassVar[str] = "rationale"
    method: Literal["mcc_kd"]
    """Multi-CoT consistent distillation; needs the filter `paired`."""
    samples: Samples = 10
    """Rationales asked for each question: as many as the released data has; 5 to 10."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked."""
    student_template: str = "chain_of_thought/student"
    """What the student reads."""

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        """Every reply, told apart from those of other questions; what is heard of it is passed on."""
        word: bool | None = None
        async with aclosing(super().distil(task, ask, bank)) as samples:
            with suppress(StopAsyncIteration):
                while True:
                    word = yield _of_pair(await samples.asend(word))


def _of_pair(sample: Sample) -> Sample:
    """A sample that knows its answer's place and its fellows: those of its task that read the same prompt."""
    pair = short_id("pair", sample.task_id, sample.method, [message.model_dump() for message in sample.messages])
    return sample.model_copy(update={"pair": pair, "answer_span": answer_span(sample.full_target)})

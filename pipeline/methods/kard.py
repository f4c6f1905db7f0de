"""KARD: rationales grounded in passages, retrieved in training with the rationale, in the evaluation with the question.

For: questions that take knowledge a small student does not hold; there is a file of passages that do.
Learns: the question behind the passages its rationale finds, and with weight `beta` behind those the question finds -> the
    rationale and the answer; and the question with one passage -> whether it helps, yes or no.
Filters: `answer_matches`.
Source: Kang et al. 2023, *Knowledge-Augmented Reasoning Distillation*, arXiv 2305.18395; code Nardien/KARD.
Here: a rationale names what has to be known, so it finds the passages that a question alone misses. The paper trains a
    reranker to find them from the question; here the student is that reranker, too, and asks itself before it answers. The
    examples behind the question's own passages are ours: so the student knows what it meets afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt, model_validator

from pipeline.answers.final import final_answer
from pipeline.answers.labels import right_answer
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distillation, Distilled, Put, ask_round
from pipeline.methods.passages import Passages, read_passages
from pipeline.methods.quota import Attempts, Samples
from pipeline.methods.replies import is_lost, sample_of
from pipeline.methods.reranking import RERANKER, USEFUL, USELESS, answer_with_the_useful
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task
from pipeline.settings import HomePath


class Kard(Distillation):
    """Rationales behind the passages that support them."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Kang et al. 2023 (KARD), arXiv 2305.18395; code Nardien/KARD"
    method: Literal["kard"]
    """Knowledge-augmented reasoning distillation."""
    passages: HomePath
    """File of passages: JSON lines with a field `text`, or plain text, one a line."""
    passages_shown: PositiveInt = 3
    """How many passages stand before a question."""
    candidates: PositiveInt = 10
    """Passages found by the question, of which the student says which help."""
    contrast: PositiveInt = 1
    """Of a rationale's passages, and of those it does not find, so many are shown to the student as useful and useless."""
    beta: PositiveFloat = 0.5
    """Weight of the examples with the passages of the question."""
    hint: bool = False
    """Whether the teacher is told the right answer."""
    samples: Samples = 1
    """Rationales asked for each question."""
    template: str = "kard/teacher"
    """What the teacher is asked."""
    student_template: str = "kard/student"
    """What the student reads, with passages."""
    useful_template: str = "kard/useful"
    """What the student is asked of a passage."""

    @model_validator(mode="after")
    def _has_enough_candidates(self) -> Kard:
        if self.candidates < self.passages_shown:
            raise ValueError(f"candidates is {self.candidates}, below passages_shown, which is {self.passages_shown}")
        return self

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task, hint="")

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self._behind(task, read_passages(self.passages).nearest(_asked(task), self.passages_shown))

    def _behind(self, task: Task, passages: Sequence[str]) -> Prompt:
        """The question behind these passages."""
        return self.shown(self.student_template, task, passages=passages)

    def _judging(self, task: Task, passage: str) -> Prompt:
        return render(self.useful_template, task, passage=passage)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        passages, attempts = read_passages(self.passages), Attempts(self.samples)
        prompt = render(self.template, task, hint=(self.hint and right_answer(task)) or "")
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            for reply in replies:
                if not is_lost(reply):
                    first, *others = self._samples(task, reply, passages)
                    attempts.passed += bool((yield first))  # all show one answer
                    for sample in others:
                        yield sample

    def _samples(self, task: Task, reply: Response, passages: Passages) -> Iterator[Sample]:
        """The answer behind the passages of the rationale, behind those of the question, and which of the latter help."""
        text = reply.text or ""
        told: dict[str, Any] = {"answer": final_answer(text), "hinted": self.hint and bool(right_answer(task))}
        found = passages.nearest(text, self.passages_shown)
        candidates = passages.nearest(_asked(task), self.candidates)
        for view, shown, weight in (
            ("passages_of_rationale", found, 1.0),
            ("passages_of_question", candidates[: self.passages_shown], self.beta),
        ):
            yield sample_of(
                task, self.method, view, self._behind(task, shown), text, [reply],
                reasoning=reply.reasoning, weight=weight, **told,
            )  # fmt: skip
        useful = [(each, USEFUL) for each in found][: self.contrast]
        useless = [(each, USELESS) for each in candidates if each not in found][: self.contrast]
        for part, (passage, word) in enumerate(useful + useless):
            yield sample_of(task, self.method, RERANKER, self._judging(task, passage), word, [reply], part, **told)

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """The student's answer behind those of the question's passages that it says help."""
        candidates = read_passages(self.passages).nearest(_asked(task), self.candidates)
        return await answer_with_the_useful(
            candidates, self.passages_shown, lambda passage: self._judging(task, passage),
            lambda passages: self._behind(task, passages), put,
        )  # fmt: skip


def _asked(task: Task) -> str:
    """What a question is looked for by: its words and its options."""
    return " ".join([task.prompt, *(task.choices or [])])

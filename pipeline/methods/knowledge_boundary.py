"""Knowledge boundary: the student learns what it can answer from memory, and what it has to look up first.

For: a student that shall look things up only where it has to.
Learns: the question -> `answer` or `retrieve`; then the known question -> the answer, and the unknown one behind passages
    -> the answer.
Filters: `answer_matches`: a decision is judged with the question's own answer, and kept.
Source: Zhang et al. 2024 (KBM, the knowledge boundary model), arXiv 2411.06207.
Here: each question is asked `samples` times without help. Mastery is the share of right replies; certainty, which needs no
    gold, is 1 minus the entropy of the answers over that of as many different ones. Either is the soft label; from
    `threshold` on the question counts as known. The paper's model says only that; here one student does the rest, too. In
    the evaluation a reply begins with its decision, so that the share of look-ups stands beside the accuracy.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from pipeline.answers.final import final_answer
from pipeline.answers.grading import grade
from pipeline.answers.labels import right_answer
from pipeline.answers.markers import after_marker
from pipeline.answers.votes import count_votes
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.distillation import Distillation, Distilled, Put
from pipeline.methods.passages import read_passages
from pipeline.methods.quota import Count
from pipeline.methods.replies import first_unusable, is_lost, joined, sample_of
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task
from pipeline.settings import HomePath

ANSWER, RETRIEVE = "answer", "retrieve"


@dataclass(frozen=True)
class Known:
    """How well the teacher knows an answer, by its replies."""

    mastery: float | None
    """Share of right replies; None where nobody can tell."""
    certainty: float
    """1 where all replies say the same, 0 where each says something else."""
    majority: Response
    """The first of the replies with the answer that most give."""


class KnowledgeBoundary(Distillation):
    """Decisions to answer or to look up, with what follows from them."""

    family: ClassVar[str] = "beyond one view"
    source: ClassVar[str] = "Zhang et al. 2024 (KBM), arXiv 2411.06207"
    method: Literal["knowledge_boundary"]
    """What is known and what is to be retrieved."""
    samples: Count = 30
    """Replies to each question."""
    sampling: Sampling = Sampling(temperature=1.0)
    """What differs from the teacher's own sampling."""
    by: Literal["mastery", "certainty"] = "mastery"
    """The soft label; certainty wherever the right answer is not known."""
    threshold: float = Field(0.9, ge=0, le=1)
    """The soft label from which on a question counts as known."""
    labels: Literal["hard", "soft"] = "hard"
    """Whether the student learns the decision, or both words with the soft label and the rest to 1 as weights."""
    passages: HomePath | None = None
    """File of passages to look things up in: JSON lines with a field `text`, or plain text, one a line."""
    passages_shown: PositiveInt = 3
    """How many passages stand before a question that is looked up."""
    template: str = "knowledge_boundary/teacher"
    """What the teacher is asked, and what the student reads where it answers from memory."""
    student_template: str = "knowledge_boundary/student"
    """What the student reads to decide."""
    reading_template: str = "kard/student"
    """What both read behind passages."""

    @property
    def follows_up(self) -> bool:
        return super().follows_up or self.passages is not None

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task)

    def _reading(self, task: Task) -> Prompt | None:
        """The question behind passages; None where there are none."""
        if self.passages is None:
            return None
        found = read_passages(self.passages).nearest(task.prompt, self.passages_shown)
        return render(self.reading_template, task, passages=found)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        prompt, reading = self.teacher_prompt(task, bank), self._reading(task)
        asking = [ask(prompt, task=task, sample=number, sampling=self.sampling) for number in range(self.samples)]
        replies = await asyncio.gather(*asking)
        if any(each.finish == "owed" for each in replies) or not (told := [each for each in replies if not is_lost(each)]):
            return
        known = how_well_known(task, told)
        label = self._label(known)
        for sample in self._decisions(task, label, told):
            yield sample
        if label >= self.threshold:
            yield self._sample(task, "from_memory", prompt, known.majority)
        elif reading and not is_lost(reply := await ask(reading, task=task)):
            yield self._sample(task, "from_passages", reading, reply)

    def _label(self, known: Known) -> float:
        return known.certainty if self.by == "certainty" or known.mastery is None else known.mastery

    def _decisions(self, task: Task, label: float, replies: Sequence[Response]) -> Iterator[Sample]:
        """The decision, or both with their weights; what they come to is the right answer, which decided it."""
        weights = {ANSWER: label, RETRIEVE: 1 - label}
        if self.labels == "hard":
            weights = {ANSWER if label >= self.threshold else RETRIEVE: 1.0}
        told = right_answer(task)
        shown = self.shown(self.student_template, task)
        for part, (word, weight) in enumerate(weights.items()):
            if weight > 0:
                yield sample_of(task, self.method, "router", shown, word, replies, part, weight=weight, answer=told)

    def _sample(self, task: Task, view: str, prompt: Prompt, reply: Response) -> Sample:
        text = reply.text or ""
        return sample_of(task, self.method, view, prompt, text, [reply], reasoning=reply.reasoning, answer=final_answer(text))

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """The student's decision on a line, and the answer it gives then; the first reply where it decides nothing."""
        first = await put(prompt)
        if first_unusable([first]) or (decision := said_decision(first.text or "")) is None:
            return first
        asked = render(self.template, task) if decision == ANSWER else self._reading(task)
        if asked is None:
            return first
        second = await put(asked)
        return second if first_unusable([second]) else joined([first, second], f"{decision}\n{_stated(second.text or '')}")


def how_well_known(task: Task, replies: Sequence[Response]) -> Known:
    """Mastery and certainty of replies that there are, at least one."""
    vote = count_votes([final_answer(each.text or "") for each in replies])
    words = [grade(task, each.text or "").correct for each in replies]
    graded = [word for word in words if word is not None]
    most = math.log2(len(replies)) if len(replies) > 1 else 1.0
    return Known(
        mastery=sum(graded) / len(graded) if graded else None,
        certainty=1 - vote.entropy / most,
        majority=replies[vote.classes.index(0) if 0 in vote.classes else 0],
    )


def _stated(text: str) -> str:
    """A reply with its answer behind a marker, so that the decision before it is not taken for a part of it."""
    return text if after_marker(text) is not None else f"The answer is {text.strip().rstrip('.')}."


def said_decision(text: str) -> Literal["answer", "retrieve"] | None:
    """Which of the two words a reply consists of."""
    word = text.strip().strip("\"'.").casefold()
    return "answer" if word == ANSWER else "retrieve" if word == RETRIEVE else None

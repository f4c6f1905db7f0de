"""LLM-R: the demonstrations with which the teacher does best, found by trying, and learned.

For: a student that will answer with solved tasks before the question, and shall know which of them help.
Learns: the question behind the best demonstrations, and behind the nearest with weight `beta` -> the answer; and the
    question with one demonstration -> whether it helps, yes or no.
Filters: `answer_matches`.
Source: Wang et al. 2023, *Learning to Retrieve In-Context Examples for Large Language Models*, arXiv 2307.07164; code
    microsoft/LMOps/llm_retriever.
Here: BM25 finds candidates, each is put before the question by itself, and what the teacher makes of it is its score: how
    often it is right, or how likely the right answer is to it. The paper trains a reward model and with it a retriever,
    whose candidates the next round ranks. Here the next round looks for what is like the winners of the one before, and the
    reranker is the student itself: in the evaluation it asks itself which of the nearest help, then answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt

from pipeline.answers.grading import grade, is_gradable
from pipeline.answers.labels import right_answer
from pipeline.llm.asking import Ask
from pipeline.llm.request import SCORED
from pipeline.methods.demonstrations import chosen, nearest, shown, solved, whole
from pipeline.methods.distillation import Distillation, Distilled, Put, ask_round, make_sample
from pipeline.methods.quota import Attempts, Count, Samples
from pipeline.methods.replies import is_lost, sample_of
from pipeline.methods.reranking import RERANKER, USEFUL, USELESS, answer_with_the_useful
from pipeline.prompts import Prompt, render
from pipeline.records import Message, Response, Sample, Task


@dataclass(frozen=True)
class Tried:
    """A demonstration that was put before the question."""

    demonstration: Task
    score: float
    """Share of right replies, or mean log-probability of a token of the right answer."""
    replies: tuple[Response, ...]


class DemoRetriever(Distillation):
    """Answers behind the demonstrations that help most."""

    family: ClassVar[str] = "in context"
    source: ClassVar[str] = "Wang et al. 2023 (LLM-R), arXiv 2307.07164; code microsoft/LMOps/llm_retriever"
    method: Literal["demo_retriever"]
    """A retriever of demonstrations."""
    demonstrations: PositiveInt = 4
    """How many solved tasks stand before the question."""
    candidates: PositiveInt = 100
    """Tasks that BM25 finds in each round, and that are tried one by one; there are never more than 64 to find."""
    rounds: PositiveInt = 2
    """How often candidates are looked for: the code's best retriever took two."""
    scored_by: Literal["correctness", "likelihood"] = "correctness"
    """What a candidate is worth: the share of right replies behind it, or the right answer's log-probability (local models)."""
    tries: Count = 4
    """Replies behind each candidate, where correctness counts."""
    samples: Samples = 1
    """Answers asked for behind the best demonstrations."""
    reranked: PositiveInt = 8
    """In the evaluation the student says of so many of the nearest whether they help."""
    contrast: PositiveInt = 1
    """So many of the best and of the worst candidates are shown to the student as useful and useless."""
    beta: PositiveFloat = 0.5
    """Weight of the examples with the nearest demonstrations instead of the best."""
    template: str = "in_context/teacher"
    """What the teacher is asked."""
    student_template: str = "in_context/student"
    """What the student reads."""
    useful_template: str = "demo_retriever/useful"
    """What the student is asked of a demonstration."""

    @property
    def follows_up(self) -> bool:
        return True

    def covers(self, task: Task) -> bool:
        """It is for tasks that say what is right: a demonstration is worth what comes of it."""
        return super().covers(task) and is_gradable(task)

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self._asked(task, chosen(task, bank, "bm25", self.demonstrations))

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self._behind(task, chosen(task, bank, "bm25", self.demonstrations))

    def _asked(self, task: Task, demonstrations: Sequence[Task]) -> Prompt:
        return render(self.template, whole(task), demonstrations=shown(demonstrations))

    def _behind(self, task: Task, demonstrations: Sequence[Task]) -> Prompt:
        """What the student reads behind these."""
        return self.shown(self.student_template, whole(task), demonstrations=shown(demonstrations))

    def _judging(self, task: Task, demonstration: Task) -> Prompt:
        return render(self.useful_template, whole(task), demonstration=shown([demonstration])[0])

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        tried = await self._tried(task, ask, solved(task, bank))
        if not tried:
            return
        best, attempts = [each.demonstration for each in tried[: self.demonstrations]], Attempts(self.samples)
        while replies := await ask_round(attempts, ask, self._asked(task, best), task, self.sampling):
            for reply in replies:
                if sample := make_sample(task, self.method, "best_demonstrations", self._behind(task, best), reply):
                    attempts.passed += bool((yield sample))  # the second view is the same answer
                near = self.student_prompt(task, bank)
                if sample := make_sample(task, self.method, "nearest_demonstrations", near, reply, self.beta):
                    yield sample
        for sample in self._judged(task, tried):
            yield sample

    async def _tried(self, task: Task, ask: Ask, fitting: Sequence[Task]) -> list[Tried] | None:
        """All candidates, the best first; None where one is owed, since what follows from it would be asked otherwise later."""
        tried: list[Tried] = []
        query = task.prompt
        for _ in range(self.rounds):
            known = {each.demonstration.id for each in tried}
            new = nearest(query, [each for each in fitting if each.id not in known], self.candidates)
            if not new:
                break
            found = await asyncio.gather(*(self._try(task, ask, each) for each in new))
            if any(reply.finish == "owed" for each in found for reply in each.replies):
                return None
            tried = sorted([*tried, *(each for each in found if each.replies)], key=lambda each: -each.score)
            query = " ".join([task.prompt, *(each.demonstration.prompt for each in tried[: self.demonstrations])])
        return tried

    async def _try(self, task: Task, ask: Ask, demonstration: Task) -> Tried:
        """What one demonstration by itself is worth; no replies where nobody can tell."""
        prompt = self._asked(task, [demonstration])
        if self.scored_by == "likelihood":
            return await self._likelihood(task, ask, demonstration, prompt)
        asking = [ask(prompt, task=task, sample=number, sampling=self.sampling) for number in range(self.tries)]
        replies = await asyncio.gather(*asking)
        if any(each.finish == "owed" for each in replies):
            return Tried(demonstration, 0.0, tuple(replies))
        right = [(each, grade(task, each.text or "").correct) for each in replies if not is_lost(each)]
        told = [(each, word) for each, word in right if word is not None]
        return Tried(demonstration, fmean(word for _, word in told) if told else 0.0, tuple(each for each, _ in told))

    async def _likelihood(self, task: Task, ask: Ask, demonstration: Task, prompt: Prompt) -> Tried:
        gold = Message(role="assistant", content=task.answer or "")
        reply = await ask(replace(prompt, messages=(*prompt.messages, gold)), task=task, response_format=SCORED)
        if reply.finish == "owed" or not reply.logprobs:
            return Tried(demonstration, 0.0, (reply,) if reply.finish == "owed" else ())
        return Tried(demonstration, fmean(float(each["logprob"]) for each in reply.logprobs), (reply,))

    def _judged(self, task: Task, tried: Sequence[Tried]) -> Iterator[Sample]:
        """The best candidates as useful and the worst as useless, as far as they differ."""
        best, worst = tried[0].score, tried[-1].score
        measure = right_answer(task)  # what the replies were compared with
        useful = [each for each in tried if each.score == best] if best > worst else []
        useless = [each for each in reversed(tried) if each.score == worst] if best > worst else []
        for some, word in ((useful, USEFUL), (useless, USELESS)):
            for each in some[: self.contrast]:
                prompt = self._judging(task, each.demonstration)
                yield sample_of(task, self.method, RERANKER, prompt, word, each.replies, answer=measure)

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """The student's answer behind those of the nearest demonstrations that it says help."""
        candidates = nearest(task.prompt, solved(task, bank), max(self.reranked, self.demonstrations))
        return await answer_with_the_useful(
            candidates, self.demonstrations, lambda each: self._judging(task, each), lambda some: self._behind(task, some), put
        )  # fmt: skip

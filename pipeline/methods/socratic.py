"""Socratic chain of thought: the teacher splits a problem into small questions and answers them; the student learns both.

For: problems of several steps.
Learns: the problem -> all small questions (decomposer); the problem, the pairs before and a question -> its answer
    (solver).
Filters: `answer_matches`, of every part by the answer of the whole.
Source: Shridhar, Stolfo, Sachan 2022, arXiv 2212.00193.
Here: the paper trains two students; here it is one, which reads from the prompt what is wanted. In the evaluation it asks
    itself, then answers in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import PositiveInt

from pipeline.answers.final import final_answer
from pipeline.answers.markers import after_marker
from pipeline.answers.question_pairs import Pair, listed_questions, question_pairs
from pipeline.answers.steps import steps
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distillation, Distilled, Put, ask_round
from pipeline.methods.quota import Attempts, Samples
from pipeline.methods.replies import first_unusable, is_lost, joined, sample_of
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task


class Socratic(Distillation):
    """Problems split into small questions, each answered in turn."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Shridhar, Stolfo, Sachan 2022, arXiv 2212.00193"
    method: Literal["socratic"]
    """Socratic chain of thought."""
    samples: Samples = 1
    """Decompositions asked for each problem."""
    arithmetic: bool = True
    """Whether a decomposition in which a calculation is off makes no samples, even where its answer is right."""
    most_questions: PositiveInt = 10
    """Small questions that the student answers at most, in the evaluation."""
    template: str = "socratic/teacher"
    """What the teacher is asked."""
    student_template: str = "socratic/decomposer"
    """What the student reads who shall ask."""
    solver_template: str = "socratic/solver"
    """What the student reads who shall answer: with `pairs`, those before, and `question`."""

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        prompt, attempts = self.teacher_prompt(task, bank), Attempts(self.samples)
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            for reply in replies:
                words = []
                for sample in self._samples(task, reply, bank):
                    words.append(bool((yield sample)))
                attempts.passed += bool(words) and all(words)

    def _samples(self, task: Task, reply: Response, bank: Sequence[Task]) -> Iterator[Sample]:
        """The decomposer's example and the solver's; none of a reply that is not questions and answers in turn.

        Each has the answer of the whole for its own, since all are as right as that is.
        """
        pairs = None if is_lost(reply) else self._pairs(reply.text or "")
        if pairs is None:
            return
        answer, asked = final_answer(pairs[-1].answer), self.student_prompt(task, bank)
        questions = "\n".join(pair.question for pair in pairs)
        yield sample_of(task, self.method, "decomposer", asked, questions, [reply], answer=answer)
        for step, pair in enumerate(pairs):
            shown = self._solver(task, pairs[:step], pair.question)
            yield sample_of(task, self.method, "solver", shown, pair.answer, [reply], part=step, answer=answer)

    def _pairs(self, text: str) -> list[Pair] | None:
        """The pairs of a reply whose last answer, and no other, states the final one."""
        pairs = question_pairs(text)
        stated = [after_marker(pair.answer) is not None for pair in pairs or ()]
        if pairs is None or stated != [False] * (len(pairs) - 1) + [True]:
            return None
        is_off = any(step.right is False for pair in pairs for step in steps(pair.answer))
        return None if self.arithmetic and is_off else pairs

    def _solver(self, task: Task, pairs: Sequence[Pair], question: str) -> Prompt:
        return self.shown(self.solver_template, task, pairs=[pair._asdict() for pair in pairs], question=question)

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """The student's own questions, answered in turn until it states the final answer."""
        replies, pairs = [await put(prompt)], list[Pair]()
        for question in _questions(replies[0])[: self.most_questions]:
            replies.append(await put(self._solver(task, pairs, question)))
            if first_unusable(replies[-1:]):
                break
            pairs.append(Pair(question, (replies[-1].text or "").strip()))
            if after_marker(pairs[-1].answer) is not None:
                break
        text = "\n".join(f"Q: {pair.question}\nA: {pair.answer}" for pair in pairs)
        return first_unusable(replies) or (joined(replies, text) if pairs else replies[0])


def _questions(reply: Response) -> list[str]:
    """The questions in a student's reply; none where it answers instead, as one does that was never taught to ask."""
    text = reply.text or ""
    if first_unusable([reply]) or after_marker(text) is not None or not any(letter.isalpha() for letter in text):
        return []
    return listed_questions(text) or []

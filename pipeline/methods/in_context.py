"""In-context-learning distillation: the teacher answers with demonstrations before it; the student learns with and without.

For: a student that shall learn from demonstrations in its prompt, and do without them, too.
Learns: the question behind demonstrations -> the answer; and, with weight `beta`, the question alone -> the same answer.
Filters: `answer_matches`.
Source: Huang et al. 2022, *In-context Learning Distillation*, arXiv 2212.10670: L = L_ICL + beta * L_LM.
Here: a teacher that shows no probabilities gives its answer as the label of both terms. A task that brings demonstrations
    of its own (`context`, a line each) uses those; it means nothing without them, so it has no second view. In the
    evaluation a student may answer behind several draws of demonstrations, and the answers vote, as in the paper. Tasks of
    the kinds that are trained on make it the paper's multitask tuning; items of rules or kinds that nobody trained on, its
    meta tuning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import NonNegativeFloat, PositiveInt

from pipeline.answers.final import final_answer
from pipeline.identity import unit_interval
from pipeline.llm.asking import Ask
from pipeline.methods.demonstrations import Choice, chosen, shown
from pipeline.methods.distillation import Distillation, Distilled, Put, ask_round, make_sample
from pipeline.methods.quota import Attempts, Count, Samples
from pipeline.methods.replies import elected, first_unusable, joined
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Task


class InContext(Distillation):
    """Answers given with `demonstrations` solved tasks in the prompt."""

    family: ClassVar[str] = "in context"
    source: ClassVar[str] = "Huang et al. 2022, arXiv 2212.10670"
    method: Literal["in_context"]
    """In-context-learning distillation."""
    demonstrations: PositiveInt = 4
    """How many solved tasks stand before the question."""
    demonstrations_by: Choice = "random"
    """How they are chosen: random, the nearest by BM25, or class_balanced, one of each answer in turn."""
    draws: Count = 1
    """In the evaluation a student answers behind so many draws of demonstrations, and the answer that most give is taken."""
    beta: NonNegativeFloat = 0.5
    """Weight of the examples without demonstrations; 0 makes none."""
    samples: Samples = 1
    """Answers asked for each question."""
    template: str = "in_context/teacher"
    """What the teacher is asked."""
    student_template: str = "in_context/student"
    """What the student reads, with demonstrations."""
    alone_template: str = "in_context/alone"
    """What the student reads without them."""

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, self._trimmed(task), demonstrations=self._drawn(task, bank))

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self._shown(task, bank)

    def _shown(self, task: Task, bank: Sequence[Task], draw: int = 0) -> Prompt:
        """What the student reads behind one draw of demonstrations."""
        return self.shown(self.student_template, self._trimmed(task, draw), demonstrations=self._drawn(task, bank, draw))

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        prompt, with_them = self.teacher_prompt(task, bank), self.student_prompt(task, bank)
        attempts = Attempts(self.samples)
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            for reply in replies:
                if sample := make_sample(task, self.method, "with_demonstrations", with_them, reply):
                    attempts.passed += bool((yield sample))  # the second view is the same answer: it does not count again
                if self.beta and not task.context:
                    alone = self.shown(self.alone_template, task)
                    if sample := make_sample(task, self.method, "without_demonstrations", alone, reply, self.beta):
                        yield sample

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """The reply to one draw of demonstrations, or of several the first with the answer that most of them give."""
        prompts = list(dict.fromkeys([prompt, *(self._shown(task, bank, draw) for draw in range(1, self.draws))]))
        replies = await asyncio.gather(*map(put, prompts))
        if unusable := first_unusable(replies):
            return unusable
        answers = [final_answer(each.text or "") for each in replies]
        winner = answers.index(elected(answers)) if any(answers) else 0
        return joined(replies, replies[winner].text or "")

    def _trimmed(self, task: Task, draw: int = 0) -> Task:
        """The task with no more demonstrations of its own than are wanted: the first, or so many of any."""
        lines = task.context.splitlines()
        if draw:
            lines.sort(key=lambda line: unit_interval("line", task.id, line, draw))
        return task.model_copy(update={"context": "\n".join(lines[: self.demonstrations])})

    def _drawn(self, task: Task, bank: Sequence[Task], draw: int = 0) -> list[dict[str, str]]:
        """Solved training tasks of the same kind, where the task brings none of its own."""
        return [] if task.context else shown(chosen(task, bank, self.demonstrations_by, self.demonstrations, draw))

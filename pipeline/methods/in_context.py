"""In-context-learning distillation: the teacher answers with demonstrations before it; the student learns with and without.

Source: Huang et al. 2022, *In-context Learning Distillation*, arXiv 2212.10670: L = L_ICL + beta * L_LM. With a teacher that
shows no probabilities, its answer is the label of both terms. A task that brings demonstrations of its own (`context`, a line
each) uses those; it means nothing without them, so it has no second view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import NonNegativeFloat, PositiveInt

from pipeline.identity import unit_interval
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distillation, Distilled, ask_round, make_sample
from pipeline.methods.quota import Attempts, Samples
from pipeline.prompts import Prompt, render
from pipeline.records import Task

BANK = 64
"""Demonstrations are drawn from the first this many training tasks, so that added rows change no prompt."""


class InContext(Distillation):
    """Answers given with `demonstrations` solved tasks in the prompt."""

    family: ClassVar[str] = "in context"
    source: ClassVar[str] = "Huang et al. 2022, arXiv 2212.10670"
    method: Literal["in_context"]
    """In-context-learning distillation."""
    demonstrations: PositiveInt = 4
    """How many solved tasks stand before the question."""
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
        return render(self.template, self._trimmed(task), demonstrations=self._draw(task, bank))

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, self._trimmed(task), demonstrations=self._draw(task, bank))

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        prompt, shown = self.teacher_prompt(task, bank), self.student_prompt(task, bank)
        attempts = Attempts(self.samples)
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            for reply in replies:
                if sample := make_sample(task, self.method, "with_demonstrations", shown, reply):
                    attempts.passed += bool((yield sample))  # the second view is the same answer: it does not count again
                if self.beta and not task.context:
                    alone = self.shown(self.alone_template, task)
                    if sample := make_sample(task, self.method, "without_demonstrations", alone, reply, self.beta):
                        yield sample

    def _trimmed(self, task: Task) -> Task:
        """The task with no more demonstrations of its own than are wanted."""
        return task.model_copy(update={"context": "\n".join(task.context.splitlines()[: self.demonstrations])})

    def _draw(self, task: Task, bank: Sequence[Task]) -> list[dict[str, str]]:
        """Solved training tasks of the same kind, never the asked one, drawn by the hash of both ids."""
        if task.context:
            return []
        fitting = [each for each in bank if each.kind == task.kind and each.id != task.id and _worked(each)]
        drawn = sorted(fitting[:BANK], key=lambda each: unit_interval("demonstration", task.id, each.id))
        return [{"prompt": each.prompt, "answer": _worked(each)} for each in drawn[: self.demonstrations]]


def _worked(task: Task) -> str:
    """The worked solution of a task, or its bare answer, or nothing."""
    return str(task.extra.get("solution") or task.answer or "")

"""Rationalisation: where the teacher comes to no right answer, it is told the answer and explains it.

For: questions with known answers that the teacher often gets wrong.
Learns: the question -> the reasoning and the right answer. It never reads the hint.
Filters: `answer_matches`, and `arithmetic` or `answer_recovered`: a given answer can be reached by a false step.
Source: Zelikman et al. 2022 (STaR), arXiv 2203.14465; Li et al. 2022 (MT-CoT), arXiv 2210.06726, whose CROP is `when:
    failed` (reason first, explain the given answer where that is wrong) and whose explanation-by-rationalisation is `when:
    always`.
Here: what was told the answer is marked `hinted`, so that filters give it no vote. STaR's model explains for itself; here
    the teacher does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pipeline.answers.grading import grade_answer
from pipeline.answers.labels import right_answer
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distillation, Distilled, ask_round, make_sample
from pipeline.methods.quota import Attempts, Samples
from pipeline.prompts import Prompt, render
from pipeline.records import Task


class Rationalisation(Distillation):
    """Reasoned answers, and explanations of the right one where there are none."""

    family: ClassVar[str] = "chain of thought"
    source: ClassVar[str] = "Zelikman et al. 2022 (STaR), arXiv 2203.14465; Li et al. 2022 (MT-CoT, CROP), arXiv 2210.06726"
    method: Literal["rationalisation"]
    """STaR's rationalisation, MT-CoT's CROP."""
    when: Literal["failed", "always"] = "failed"
    """Whether the teacher is told the answer where none of its own is right, or at once and always."""
    samples: Samples = 1
    """Answers asked without a hint; none of them where it is always told."""
    hinted_samples: Samples = 1
    """Explanations asked of the answer it is told."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked without a hint, in the evaluation, too."""
    hint_template: str = "rationalisation/teacher"
    """What it is asked with one: it sees `hint`."""
    student_template: str = "chain_of_thought/student"
    """What the student reads."""

    @property
    def follows_up(self) -> bool:
        return super().follows_up or self.when == "failed"

    def covers(self, task: Task) -> bool:
        """It is for tasks whose answer is known."""
        return super().covers(task) and bool(right_answer(task))

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, task)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        prompt, shown = self.teacher_prompt(task, bank), self.student_prompt(task, bank)
        attempts, settled = Attempts(self.samples), False
        while self.when == "failed" and (replies := await ask_round(attempts, ask, prompt, task, self.sampling)):
            for reply in replies:
                settled |= reply.finish == "owed"  # it may yet come right: nothing is asked on its account before
                if sample := make_sample(task, self.method, "rationale", shown, reply):
                    word = yield sample
                    attempts.passed += bool(word)
                    settled |= word is not False and grade_answer(task, sample.target).correct is True
        hinted, attempts = render(self.hint_template, task, hint=right_answer(task)), Attempts(self.hinted_samples)
        while not settled and (replies := await ask_round(attempts, ask, hinted, task, self.sampling)):
            for reply in replies:
                if sample := make_sample(task, self.method, "rationale", shown, reply):
                    attempts.passed += bool((yield sample.model_copy(update={"hinted": True})))

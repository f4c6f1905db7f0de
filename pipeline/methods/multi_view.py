"""MinT, multi-view fine-tuning: one question, solved as a rationale, an equation, a program and a bare answer; one student.

For: word problems, where several ways to write a solution teach more than one.
Learns: the question and, *after* it, the instruction that asks for a view -> the solution in that view.
Filters: `answer_matches`, for all views: a sample's answer is what its equation or program computes.
Source: Liang et al. 2023, *MinT*, arXiv 2307.07951.
Here: the paper takes its views from data sets that annotate in different styles; here the teacher writes each. In the
    evaluation one view is asked for, or all of them vote (`answers_with: vote`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field, NonNegativeFloat, model_validator

from pipeline.answers.arithmetic import value
from pipeline.answers.equation import equation_in
from pipeline.answers.final import final_answer
from pipeline.llm.asking import Ask
from pipeline.methods.distillation import Distillation, Distilled, Put, ask_round, make_sample
from pipeline.methods.programs import REFINE, answered, written
from pipeline.methods.quota import Attempts, Samples
from pipeline.methods.replies import elected, first_unusable, is_lost, joined, sample_of
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task

View = Literal["rationale", "equation", "program", "answer"]
VIEWS: tuple[View, ...] = ("rationale", "equation", "program", "answer")
Templates = Mapping[View, str]


class Said(NamedTuple):
    """A student's reply in one view, with its answer said behind it, and that answer."""

    reply: Response
    answer: str | None


class MultiView(Distillation):
    """Several views of one solution, `samples` of each."""

    family: ClassVar[str] = "beyond one view"
    source: ClassVar[str] = "Liang et al. 2023 (MinT), arXiv 2307.07951"
    method: Literal["multi_view"]
    """Multi-view fine-tuning."""
    views: Annotated[tuple[View, ...], Field(min_length=1)] = VIEWS
    """What the student learns to write: rationale, equation, program, answer."""
    weights: dict[View, NonNegativeFloat] = Field({})
    """Weights of the examples of views; 1 where nothing is said."""
    answers_with: View | Literal["vote"] = "rationale"
    """The view asked for in the evaluation, or a vote over all: of answers with as many votes, that of the first view."""
    samples: Samples = 1
    """Solutions asked for in each view."""
    template: str = "chain_of_thought/teacher"
    """What the teacher is asked for a rationale."""
    equation_template: str = "multi_view/equation"
    """What it is asked for an equation."""
    program_template: str = "program_of_thought/teacher"
    """What it is asked for a program."""
    refine_template: str = REFINE
    """What it is asked about a program that fails."""
    answer_template: str = "multi_view/answer"
    """What it is asked for a bare answer."""
    student_template: str = "multi_view/student"
    """What the student reads, with `view`."""

    @model_validator(mode="after")
    def _knows_its_views(self) -> MultiView:
        if twice := [view for place, view in enumerate(self.views) if view in self.views[:place]]:
            raise ValueError(f"views: {twice[0]} stands there twice; ask for more of it by samples")
        if self.answers_with not in (*self.views, "vote"):
            raise ValueError(f"answers_with: {self.answers_with} is none of the views, which are {', '.join(self.views)}")
        if strangers := sorted(set(self.weights) - set(self.views)):
            raise ValueError(f"weights: {strangers[0]} is none of the views, which are {', '.join(self.views)}")
        return self

    @property
    def follows_up(self) -> bool:
        return super().follows_up or "program" in self.views

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self._asked(self._first_view, task)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self._shown(self._first_view, task)

    @property
    def _first_view(self) -> View:
        """The view an evaluation begins with."""
        return self.views[0] if self.answers_with == "vote" else self.answers_with

    def _asked(self, view: View, task: Task) -> Prompt:
        templates: Templates = {
            "rationale": self.template, "equation": self.equation_template, "program": self.program_template,
            "answer": self.answer_template,
        }  # fmt: skip
        return render(templates[view], task)

    def _shown(self, view: View, task: Task) -> Prompt:
        return self.shown(self.student_template, task, view=view)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        for view in self.views:
            prompt, attempts = self._asked(view, task), Attempts(self.samples)
            while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
                for sample in await asyncio.gather(*(self._sample(view, task, reply, ask) for reply in replies)):
                    if sample is not None:
                        attempts.passed += bool((yield sample))

    async def _sample(self, view: View, task: Task, reply: Response, ask: Ask) -> Sample | None:
        """The sample a reply makes in a view; its answer is what it comes to."""
        shown, weight = self._shown(view, task), self.weights.get(view, 1.0)
        if view == "program":
            program = await written(reply, task, ask, self.sampling, self.refine_template)
            return None if program is None else program.sample(task, self.method, shown, weight)
        if view == "equation" and not is_lost(reply):
            found = equation_in(reply.text or "")
            target = reply.text or "" if found is None else f"x = {found}"
            return sample_of(task, self.method, view, shown, target, [reply], answer=_value(reply), weight=weight)
        return make_sample(task, self.method, view, shown, reply, weight)

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """The student's reply in the view asked for, or in all of them with the answer that most of them give behind."""
        if self.answers_with != "vote":
            return await self.teacher_reply(task, prompt, put)
        replies = await asyncio.gather(*(put(self._shown(view, task)) for view in self.views))
        if unusable := first_unusable(replies):
            return unusable
        said = await asyncio.gather(*map(_said, self.views, replies))
        answer = elected([each.answer for each in said])
        return joined(replies, "\n".join([*(each.reply.text or "" for each in said), f"The answer is {answer or 'unknown'}."]))

    async def teacher_reply(self, task: Task, prompt: Prompt, put: Put) -> Response:
        """The teacher's reply in the view that the evaluation begins with."""
        reply = await put(prompt)
        return reply if first_unusable([reply]) else (await _said(self._first_view, reply)).reply


async def _said(view: View, reply: Response) -> Said:
    """A student's reply with its answer said behind it, where it computes nothing by itself."""
    if view == "program":
        program, answer = await answered(reply)
        return Said(program, final_answer(reply.text or "") if answer is None else answer)
    if view == "equation" and (answer := _value(reply)):
        return Said(reply.model_copy(update={"text": f"{reply.text}\nThe answer is {answer}."}), answer)
    return Said(reply, final_answer(reply.text or ""))


def _value(reply: Response) -> str:
    """What the equation in a reply computes; empty where there is none."""
    found = equation_in(reply.text or "")
    computed = None if found is None else value(found)
    return "" if computed is None else f"{computed:f}"

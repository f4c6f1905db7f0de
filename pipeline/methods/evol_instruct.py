"""Evol-Instruct: instructions are rewritten to be harder, or followed by a rarer one, round after round, and then answered.

For: instructions that are too easy or too much alike.
Learns: every instruction, those of the source and of all rounds -> the teacher's answer.
Filters: `no_template_words`, `not_refusal`; `answer_matches` knows no answer of evolved tasks, so `selection:
    {unverifiable: keep}`.
Source: Xu et al. 2023, *WizardLM*, arXiv 2304.12244; code nlpxucan/WizardLM.
Here: in each round every instruction of the pool goes through one of five operations, drawn by its id. What is eliminated
    leaves its instruction in the pool for another try in the next round: a rewriting that says the same (the teacher
    judges), that copies words of the template, whose answer is a short apology, or one of stop words only. What survives
    takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from pydantic import PositiveInt

from pipeline.answers.alone import said_equal, sole_text
from pipeline.filters.no_template_words import WORDS
from pipeline.filters.template import render_about
from pipeline.identity import unit_interval
from pipeline.llm.request import Sampling
from pipeline.methods.growth import Grown, Growth, Workshop, in_turn, owed, said
from pipeline.prompts import Prompt
from pipeline.records import Response, Task

OPERATIONS = ("constraint", "deepen", "concretise", "reasoning", "breadth")
MARKS = ("[instruction begins]", "[instruction ends]", *WORDS)
"""Words of our templates and of the paper's that an evolved instruction has no reason to say."""
SHORT = 80
"""An answer of fewer words that says `sorry` is taken for a refusal."""
WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
STOP_WORDS = """
    about after again all also am an and any are as at be because been before being but by can could did do does doing down each
    few for from further had has have having he her here hers him his how if in into is it its just me more most my nor not now
    of off on once only or other our out over own same she should so some such than that the their them then there these they
    this those through to too under until up very was we were what when where which while who whom why will with would you your
"""
"""Without yes, no and single letters, which may be whole answers."""


@dataclass(frozen=True)
class Evolved:
    """What came of one rewriting."""

    reason: str
    """Why it was eliminated; `survived` where it was not, `owed` where nobody knows yet."""
    task: Task | None = None
    answer: Response | None = None


class EvolInstruct(Growth):
    """Harder instructions with answers."""

    family: ClassVar[str] = "instruction following"
    source: ClassVar[str] = "Xu et al. 2023 (WizardLM), arXiv 2304.12244; code nlpxucan/WizardLM"
    method: Literal["evol_instruct"]
    """Evol-Instruct."""
    makes: str = ""
    """The kind of the tasks it makes; that of the one they are made from where empty."""
    rounds: PositiveInt = 4
    """How often the pool goes through an operation."""
    sampling: Sampling = Sampling(temperature=1.0, top_p=0.95)
    """How the teacher rewrites and answers; the paper's longest reply is 2,048 tokens."""

    async def grow(self, tasks: Sequence[Task], workshop: Workshop) -> Grown:
        async for task, reply in in_turn(tasks, lambda task: self.answer(task, workshop.ask)):
            if sample := self.answered(task, reply):
                yield sample
        pool = list(tasks)
        for number in range(1, self.rounds + 1):
            following: list[Task] = []
            async for task, evolved in in_turn(pool, partial(self._evolve, number, workshop)):
                reason = evolved.reason
                if evolved.task and evolved.answer:
                    reason = "survived" if (yield evolved.task) else "there was such a one"
                workshop.notes[operation_for(number, task)][reason] += 1
                if reason == "survived" and evolved.task and evolved.answer:
                    following.append(evolved.task)
                    if sample := self.answered(evolved.task, evolved.answer):
                        yield sample
                elif reason != "owed":
                    following.append(task)
            if not (pool := following):
                return

    async def _evolve(self, number: int, workshop: Workshop, task: Task) -> Evolved:
        """One instruction through its operation of this round, the judge of equality, and the teacher who answers."""
        operation, ask = operation_for(number, task), workshop.ask
        prompt = render_about(f"evol_instruct/{operation}", task)
        reply = await ask(prompt, task=task, sample=number, sampling=self.sampling)
        text = sole_text(reply.text or "") if said(reply) and reply.finish == "stop" else None
        if text is None:
            return Evolved("owed" if owed(reply) else "nothing was said")
        if copied(text, task):
            return Evolved("words of the template")
        new = self.made_task(text, task, extra={"operation": operation, "round": number})
        judged = await ask(self._equality(task, new), task=task, sampling=Sampling(temperature=0.0).over(self.sampling))
        if not said(judged) or said_equal(judged.text or ""):
            return Evolved("owed" if owed(judged) else "equal" if said(judged) else "not judged")
        answer = await self.answer(new, ask, about=task)
        if not said(answer):
            return Evolved("owed" if owed(answer) else "no answer")
        fault = answer_fault(answer.text or "")
        return Evolved(fault) if fault else Evolved("survived", new, answer)

    def _equality(self, old: Task, new: Task) -> Prompt:
        first = f"{old.context}\n\n{old.prompt}".strip()
        return render_about("evol_instruct/eliminate", old, first=first, second=new.prompt)


def operation_for(number: int, task: Task) -> str:
    """What is done to an instruction in a round: uniform, and the same at every start."""
    return OPERATIONS[int(len(OPERATIONS) * unit_interval("evol_instruct", number, task.id))]


def copied(text: str, old: Task) -> bool:
    """Whether words of a template are in an evolved instruction that were not in the old one."""
    new, before = text.lower(), f"{old.context}\n{old.prompt}".lower()
    return any(mark.lower() in new and mark.lower() not in before for mark in MARKS)


def answer_fault(text: str) -> str:
    """Why an answer shows that its instruction cannot be answered; empty where it does not."""
    words = WORD.findall(text.lower())
    if "sorry" in words and len(words) < SHORT:
        return "a short apology"
    return "" if set(words) - set(STOP_WORDS.split()) else "stop words only"

"""`distill search-prompts`: looks for an instruction that makes a method's teacher right more often, and freezes the best.

Sources: APE (Zhou et al. 2022, arXiv 2211.01910): instructions are induced from pairs of input and output, screened by a bandit
of UCB1 on a few tasks at a time, and the best is said in other words. OPRO (Yang et al. 2023, arXiv 2309.03409): the teacher
reads up to 20 instructions with their scores, lowest first, and writes better ones, step by step. Every score is the share of
right replies (execution accuracy) on a dev part; the winner is compared once with the method as it was on a test part. Every
call goes through the door: interrupted and started again, it pays for nothing twice. The papers induce 50 and take 200 steps.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.answers.alone import sole_text, unwrapped
from pipeline.bandits import Turn, estimates
from pipeline.errors import UserError
from pipeline.llm.request import Sampling
from pipeline.methods.demonstrations import worked
from pipeline.methods.union import Method
from pipeline.prompts import Prompt, render
from pipeline.records import Task
from pipeline.run import Run
from pipeline.stages.exam import Exam, Owed, share, split_tasks
from pipeline.stages.instructed import Place, freeze, usable
from pipeline.terminal import complain

PAIRS, HISTORY, EXEMPLARS = 5, 20, 3
"""Pairs an instruction is induced from (APE); instructions with scores, and questions, that the optimiser reads (OPRO)."""
ROUNDS, TASKS_A_ROUND = 20, 5
"""Of the bandit: in each round a third of the candidates is tried on so many tasks."""
PARAPHRASES = 2
"""Of the best instruction, in each step."""
INDUCING, OPTIMISING = Sampling(temperature=0.9, top_p=0.9), Sampling(temperature=1.0)
IN_BRACKETS = re.compile(r"\[([^\[\]]+)\]")


@dataclass(frozen=True)
class Search:
    """What is searched, and how long."""

    method: int = 0
    """The number of the method in the recipe."""
    dev: int = 40
    """Tasks that candidates are scored on; as many more are for the test."""
    candidates: int = 8
    """Instructions induced at first, and again written in each step."""
    steps: int = 3
    """Steps of the optimiser."""
    place: Place = "before"
    """Where the instruction stands: before the question or after it."""


async def search_prompts(run: Run, search: Search) -> list[str]:
    """Lines that tell what was found, and what to write into the recipe; the winner's template is written.

    Raises:
        UserError: there is no such method, it has no template, or too few tasks say what is right.
        BudgetReached: a ceiling was met; what landed is kept.
    """
    method = _method(run, search.method)
    tasks = split_tasks(run, method, search.dev)
    if method.teacher_prompt(tasks.dev[0], ()).template != getattr(method, "template", None):
        raise UserError(f"{method.method}: its `template` is not what the teacher answers tasks by", "Name another method.")
    exam = Exam(run, method, tasks, search.place)
    try:
        async with run.door:
            await _searched(exam, search)
            return await _told(exam, search)
    except Owed:
        return [f"nothing is frozen: calls failed for now ({run.door.tally.last_error}); the same command asks them again"]


def _method(run: Run, number: int) -> Method:
    methods = run.recipe.methods
    if not 0 <= number < len(methods):
        raise UserError(f"--method {number}: the recipe has {len(methods)} methods", "They are numbered from 0.")
    if not hasattr(methods[number], "template"):
        raise UserError(f"--method {number}: {methods[number].method} has no `template`", "Name another method.")
    return methods[number]


async def _searched(exam: Exam, search: Search) -> None:
    """Scores the method as it is, induced candidates, and those of every step."""
    await exam.score("")
    induced = await _induced(exam, search.candidates)
    for each in await _screened(exam, induced):
        await exam.score(each)
    _say(exam, f"{len(induced)} induced")
    for step in range(search.steps):
        written = await _optimised(exam, step, search)
        for each in [*written, *await _paraphrased(exam, step)]:
            await exam.score(each)
        _say(exam, f"step {step + 1} of {search.steps}")


def _say(exam: Exam, when: str) -> None:
    best = exam.best
    complain(f"{when}: {len(exam.scores)} tried, best {exam.scores[best]:.3f} on dev: {best or '(as it is)'}")


async def _induced(exam: Exam, count: int) -> list[str]:
    """Candidates the teacher took from pairs of input and output, each from other pairs; each once."""
    others = [task for task in exam.tasks.others if worked(task)]
    if not others:
        return []

    def prompt(number: int) -> Prompt:
        shown = random.Random(f"induce/{number}").sample(others, min(PAIRS, len(others)))
        return render("prompt_search/induce", shown[0], demonstrations=[_pair(each) for each in shown])

    return await _written(exam, [prompt(number) for number in range(count)], range(count), INDUCING)


async def _screened(exam: Exam, candidates: Sequence[str]) -> list[str]:
    """The third of the candidates that do best, as far as UCB1 tried them, the best first."""
    history: list[Turn] = []
    tried = [0] * len(candidates)
    for _ in range(ROUNDS if candidates else 0):
        values = [each.value for each in estimates(history, len(candidates))]
        ranked = sorted((place for place, count in enumerate(tried) if count < len(exam.tasks.dev)), key=lambda at: -values[at])
        some = ranked[: -(-len(candidates) // 3)]
        parts = [exam.tasks.dev[tried[at] : tried[at] + TASKS_A_ROUND] for at in some]
        marks = await asyncio.gather(*(exam.marks(candidates[at], part) for at, part in zip(some, parts, strict=True)))
        for at, found in zip(some, marks, strict=True):
            history += [(at, float(mark)) for mark in found]
            tried[at] += len(found)
    means = [each.mean for each in estimates(history, len(candidates))]
    best = sorted(range(len(candidates)), key=lambda at: -means[at])
    return [candidates[at] for at in best[: -(-len(candidates) // 3)]]


async def _optimised(exam: Exam, step: int, search: Search) -> list[str]:
    """What the optimiser writes after it read the best instructions so far with their scores, lowest first."""
    known = sorted((each for each in exam.scores if each), key=lambda each: exam.scores[each])[-HISTORY:]
    history = [{"instruction": each, "score": round(100 * exam.scores[each])} for each in known]
    shown = random.Random(f"optimise/{step}").sample(exam.tasks.others, EXEMPLARS)
    exemplars = [{"input": each.prompt, "output": each.answer or worked(each)} for each in shown]
    prompt = render("prompt_search/optimise", shown[0], history=history, exemplars=exemplars, place=search.place)
    numbers = range(step * search.candidates, (step + 1) * search.candidates)
    return await _written(exam, [prompt] * len(numbers), numbers, OPTIMISING)


async def _paraphrased(exam: Exam, step: int) -> list[str]:
    """The best instruction in other words."""
    if not exam.best:
        return []
    prompt = render("prompt_search/paraphrase", exam.tasks.others[0].model_copy(update={"prompt": exam.best}))
    numbers = range(step * PARAPHRASES, (step + 1) * PARAPHRASES)
    return await _written(exam, [prompt] * PARAPHRASES, numbers, INDUCING)


async def _written(exam: Exam, prompts: Sequence[Prompt], numbers: Sequence[int], sampling: Sampling) -> list[str]:
    """The instructions that replies hold, each once, without those that have a score.

    Raises:
        Owed: a call failed for now.
    """
    task = exam.tasks.others[0]
    asking = (
        exam.run.ask(prompt, task=task, sample=number, sampling=sampling)
        for prompt, number in zip(prompts, numbers, strict=True)
    )
    replies = await asyncio.gather(*asking)
    if any(reply.finish == "owed" for reply in replies):
        raise Owed
    read = (usable(instruction_in(reply.text or "") or "") for reply in replies)
    return list(dict.fromkeys(each for each in read if each and each not in exam.scores))


def instruction_in(text: str) -> str | None:
    """The instruction a reply writes: the last in square brackets, else all that it says."""
    if found := IN_BRACKETS.findall(unwrapped(text)):
        return str(found[-1])
    return sole_text(text)


def _pair(task: Task) -> dict[str, str]:
    question = f"{task.context}\n{task.prompt}" if task.context else task.prompt
    return {"input": question, "output": worked(task)}


async def _told(exam: Exam, search: Search) -> list[str]:
    """Freezes the winner and says how it did."""
    best, before = exam.best, exam.scores[""]
    if not best:
        return [f"{len(exam.scores) - 1} instructions tried, none is better than the prompt as it is: {before:.3f} on dev"]
    as_it_was, with_it = [share(await exam.marks(each, exam.tasks.test)) for each in ("", best)]
    dev = exam.scores[best]
    figures = f"dev {before:.3f} -> {dev:.3f}, test {as_it_was:.3f} -> {with_it:.3f}, gap {dev - with_it:+.3f}"
    template = str(getattr(exam.method, "template", ""))
    told = f"Found by `distill search-prompts`, of {len(exam.scores) - 1} tried on {search.dev} tasks: {figures}."
    name = freeze(template, best, search.place, exam.method.method, told)
    return [
        f"{search.place} the question: {best}",
        f"{figures} (share of {search.dev} tasks each; the gap is dev less test)",
        f"written: prompts/{name}.jinja, for the recipe:  methods.{search.method}.template: {name}",
    ]

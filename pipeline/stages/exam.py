"""How good an instruction is: the share of some tasks that the teacher gets right with it, graded as the filters grade.

In: a method of a recipe, and tasks that say what a right reply is. Out: marks and a score; a call that is owed ends it. The
teacher is asked once for each task, at temperature 0; whatever was asked before is remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.answers.grading import grade, is_gradable
from pipeline.errors import UserError
from pipeline.identity import unit_interval
from pipeline.llm.request import Sampling
from pipeline.methods.union import Method
from pipeline.prompts import Prompt
from pipeline.records import Response, Task
from pipeline.run import Run
from pipeline.stages.generate import demonstration_bank, source_tasks
from pipeline.stages.harvest import ASKED_SPLITS
from pipeline.stages.instructed import Place, instructed

FEWEST_OTHERS = 5
"""Tasks that pairs of input and output are drawn from."""


class Owed(Exception):
    """A call failed for now, so that nothing may follow from what came back."""


@dataclass(frozen=True)
class Tasks:
    """Training tasks in three parts that share none."""

    dev: list[Task]
    """Candidates are scored on these."""
    test: list[Task]
    """The winner is compared on these, once."""
    others: list[Task]
    """Shown as examples."""


def split_tasks(run: Run, method: Method, dev: int) -> Tasks:
    """The parts, drawn by the hash of the tasks' ids.

    Raises:
        UserError: the source has too few tasks of which a right reply is known.
    """
    fitting = [
        task for task in source_tasks(run)
        if task.split in ASKED_SPLITS and method.covers(task) and is_gradable(task)
    ]  # fmt: skip
    if len(fitting) < 2 * dev + FEWEST_OTHERS:
        needed = 2 * dev + FEWEST_OTHERS
        raise UserError(
            f"{run.recipe.name}: {method.method} has {len(fitting)} tasks with a known answer, and the search needs {needed}",
            "Raise source.limit, or lower --dev.",
        )
    fitting.sort(key=lambda task: unit_interval("prompt search", task.id))
    return Tasks(fitting[:dev], fitting[dev : 2 * dev], fitting[2 * dev :])


@dataclass
class Exam:
    """The teacher before some tasks, with one instruction after the other."""

    run: Run
    method: Method
    tasks: Tasks
    place: Place
    scores: dict[str, float] = field(default_factory=dict)
    """Of each instruction on all dev tasks, in the order they were tried."""

    def __post_init__(self) -> None:
        self._bank = demonstration_bank(self.tasks.others)
        self._sampling = Sampling(temperature=0).over(self.method.sampling)

    async def score(self, instruction: str) -> float:
        """The share of all dev tasks that come out right.

        Raises:
            Owed: a call failed for now.
        """
        if instruction not in self.scores:
            self.scores[instruction] = share(await self.marks(instruction, self.tasks.dev))
        return self.scores[instruction]

    async def marks(self, instruction: str, tasks: Sequence[Task]) -> list[bool]:
        """Whether each task comes out right; what nobody can tell is not.

        Raises:
            Owed: a call failed for now.
        """
        replies = await asyncio.gather(*(self._reply(instruction, task) for task in tasks))
        if any(reply.finish == "owed" for reply in replies):
            raise Owed
        return [grade(task, reply.text or "").correct is True for task, reply in zip(tasks, replies, strict=True)]

    async def _reply(self, instruction: str, task: Task) -> Response:
        """What it says by its method, so that of a program what it computes is graded."""

        async def put(prompt: Prompt) -> Response:
            return await self.run.ask(prompt, task=task, sampling=self._sampling)

        prompt = instructed(self.method.teacher_prompt(task, self._bank), instruction, self.place)
        return await self.method.teacher_reply(task, prompt, put)

    @property
    def best(self) -> str:
        """The instruction with the highest score; of several the one that was tried first."""
        return max(self.scores, key=lambda each: self.scores[each])


def share(marks: Sequence[bool]) -> float:
    return sum(marks) / len(marks)

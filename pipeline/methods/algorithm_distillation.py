"""Algorithm distillation: the student learns to choose as UCB1 does, from games that UCB1 played; no model is asked.

For: decisions under uncertainty (bandits) that a known algorithm makes well; tasks bring `extra.arms`, `extra.means` and
    `extra.horizon`.
Learns: what happened so far -> the arm UCB1 takes next, one example a step of every game. It is told in one of three ways:
    `raw`, each turn; `summary`, times and mean of each arm; `guided`, with UCB's bonus beside them.
Filters: `no_duplicates`; every step is right by construction.
Source: Nie et al. 2024, *EVOLvE: Evaluating and Optimizing LLMs For Exploration*, arXiv 2410.06238, its oracle behaviour
    fine-tuning; code allenanie/EVOLvE.
Here: a teacher is asked only where it is compared: it is shown `few_shot` steps of other games (skip 2, then every second
    step, as in the code). `make play` plays whole games.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.answers.words import folded
from pipeline.bandits import ALPHA, Bandit, Telling, Turn, play, told, ucb1
from pipeline.errors import UserError
from pipeline.identity import unit_interval
from pipeline.methods.demonstrations import BANK
from pipeline.methods.growth import Grown, Growth, Workshop
from pipeline.methods.quota import Count
from pipeline.prompts import Prompt, render
from pipeline.records import Sample, Task

SKIPPED, STRIDE = 2, 2
"""Of the steps a teacher is shown: the first so many are left out, then every so many is taken."""


class AlgorithmDistillation(Growth):
    """Steps of UCB1's games."""

    family: ClassVar[str] = "symbolic and counterfactual"
    source: ClassVar[str] = "Nie et al. 2024 (EVOLvE), arXiv 2410.06238; code allenanie/EVOLvE; UCB1: Auer et al. 2002"
    view: ClassVar[str] = "choice"
    method: Literal["algorithm_distillation"]
    """Oracle behaviour fine-tuning on bandits."""
    makes: str = ""
    """The kind of the tasks it makes; the domain's own unless said."""
    telling: Telling = "guided"
    """How the student reads what happened: every turn, a summary of each arm, or that with UCB's bonus."""
    trajectories: Count = 50
    """Games of each task that is given."""
    horizon: int | None = Field(None, gt=0, le=10_000)
    """Turns of a game; the task's own unless said."""
    alpha: float = Field(ALPHA, ge=0)
    """UCB1's: the bonus of an arm is sqrt(alpha * ln(turns) / its turns); EVOLvE's code takes 0.5, which explores less."""
    few_shot: int = Field(5, ge=0)
    """Steps of other games that a teacher is shown."""
    template: str = "algorithm_distillation/teacher"
    """What a teacher is asked."""
    student_template: str = "algorithm_distillation/student"
    """What the student reads."""

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return render(self.template, self._told(task), demonstrations=self._steps(task, bank))

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self.shown(self.student_template, self._told(task))

    async def grow(self, tasks: Sequence[Task], workshop: Workshop) -> Grown:
        domains = [task for task in tasks if bandit_of(task)]
        if not domains:
            raise UserError(
                "algorithm_distillation: no task to begin with has `extra.arms` and as many numbers in `extra.means`",
                "The source's rows need both, and `horizon`; or look at `kinds`.",
            )
        for domain in domains:
            for number in range(self.trajectories):
                game = self._game(domain, number)
                for step, (arm, _) in enumerate(game):
                    new = self._step(domain, game[:step], arm)
                    if (yield new):
                        yield self._sample(new)

    def _game(self, domain: Task, number: int) -> list[Turn]:
        """One game of UCB1, the same for the same domain and number."""
        bandit = bandit_of(domain)
        assert bandit is not None
        return play(random.Random(f"ucb1/{domain.id}/{number}"), bandit, self.turns_of(domain), self._oracle)

    def turns_of(self, domain: Task) -> int:
        """How many turns a game of a task has.

        Raises:
            UserError: nothing says it.
        """
        turns = self.horizon or domain.extra.get("horizon")
        if not isinstance(turns, int) or turns < 1:
            raise UserError(
                f"task {domain.id}: extra.horizon is {turns!r}, and a game has a number of turns",
                "Say `horizon` at algorithm_distillation in the recipe, or in the source's rows.",
            )
        return turns

    def _oracle(self, history: Sequence[Turn], arms: int) -> int:
        return ucb1(history, arms, self.alpha)

    def _step(self, domain: Task, history: Sequence[Turn], arm: int) -> Task:
        """What happened so far, and the right choice."""
        arms = domain.extra["arms"]
        kept: dict[str, Any] = {name: domain.extra[name] for name in ("arms", "means", "horizon") if name in domain.extra}
        extra: dict[str, Any] = {
            **kept,
            "telling": self.telling,
            "turns": [list(turn) for turn in history],
            "choice": arms[arm],
        }
        happened = told(history, arms, self.telling, self.alpha)
        return self.made_task(domain.prompt, domain, context=happened, answer=choosing(arms[arm]), extra=extra)

    def _told(self, task: Task) -> Task:
        """The task with what happened told in the method's way, where its turns are known."""
        turns, arms = task.extra.get("turns"), task.extra.get("arms")
        if turns is None or not arms:
            return task
        history = [(int(arm), float(reward)) for arm, reward in turns]
        return task.model_copy(update={"context": told(history, arms, self.telling, self.alpha)})

    def _steps(self, task: Task, bank: Sequence[Task]) -> list[dict[str, str]]:
        """Steps of UCB1's game in another domain, for a teacher to go by."""
        others = [each for each in bank if folded(each.prompt) != folded(task.prompt) and bandit_of(each)][:BANK]
        if not others or not self.few_shot:
            return []
        domain = min(others, key=lambda each: unit_interval("steps", task.id, each.id))
        game, arms = self._game(domain, 0), domain.extra["arms"]
        places = range(SKIPPED, len(game), STRIDE)[: self.few_shot]
        return [{"context": told(game[:at], arms, self.telling, self.alpha), "choice": arms[game[at][0]]} for at in places]

    def _sample(self, task: Task) -> Sample:
        return self.made_sample(task, task.answer or "", (), answer=task.answer)


def bandit_of(task: Task) -> Bandit | None:
    """The bandit a task is about; None where it names no arms and means."""
    arms, means = task.extra.get("arms"), task.extra.get("means")
    if not isinstance(arms, list) or not isinstance(means, list) or not 0 < len(arms) == len(means):
        return None
    return Bandit(tuple(map(str, arms)), tuple(means)) if all(isinstance(each, int | float) for each in means) else None


def choosing(arm: str) -> str:
    """The reply that chooses an arm."""
    return f"I choose {arm}."

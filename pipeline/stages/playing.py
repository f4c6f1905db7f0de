"""`distill play`: whole games of bandits, by everybody who is compared, by UCB1 and by chance.

In: a run whose recipe has `algorithm_distillation`, with items that name arms and how often each pays. Out: for each player
EVOLvE's measures (arXiv 2410.06238): the mean regret of a game, OptFrac, the share of turns on the best arm, and MinFrac, how
evenly arms are tried. The k-th pull of an arm pays the same to everybody, so that luck is shared. A turn goes by what the
player reads then, so a game asks one call after the other; remembered turns cost nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean

from pipeline.answers.phrases import named_option
from pipeline.bandits import Bandit, Turn, best_chosen, least_chosen, regret, ucb1
from pipeline.errors import UserError
from pipeline.methods.algorithm_distillation import AlgorithmDistillation, bandit_of
from pipeline.records import Task
from pipeline.run import Run
from pipeline.stages.contestants import Contestant, contestants, greedy
from pipeline.stages.exam import Owed
from pipeline.stages.items import evaluation_items, method_for

GAMES = 30
"""As many as the paper's seeds."""
Choose = Callable[[Task, Sequence[Turn]], Awaitable[int | None]]
"""A player: from the task and what happened to an arm; None where no arm is named."""


@dataclass(frozen=True)
class Played:
    """What a player did in one game."""

    regret: float
    best: float
    least: float
    strayed: float
    """Share of the turns in which no arm was named, so that one was drawn."""


async def play_games(run: Run, games: int = GAMES) -> list[str]:
    """A line for each player.

    Raises:
        UserError: no item is a bandit, or a student is not trained.
        BudgetReached: a ceiling was met; what landed is kept.
    """
    items, bank = evaluation_items(run)
    tasks = [item for item in items if bandit_of(item) and isinstance(method_for(run, item), AlgorithmDistillation)][:games]
    if not tasks:
        raise UserError(
            f"{run.recipe.name}: no item of the evaluation is a bandit for algorithm_distillation", "Look at source."
        )
    lines = [f"{len(tasks)} games        regret  best arm  least arm x arms  no arm named"]
    for name, choose in (("UCB1", _oracle), ("chance", _chance)):
        lines.append(_line(name, await _games(run, tasks, choose)))
    for entrant in contestants(run):
        async with run.door:  # closed after each, so that one model is in memory at a time
            try:
                lines.append(_line(entrant.role, await _games(run, tasks, player(run, entrant, bank))))
            except Owed:
                lines.append(f"{entrant.role:16} calls failed for now ({run.door.tally.last_error}); the same command goes on")
    return lines


def player(run: Run, entrant: Contestant, bank: Sequence[Task]) -> Choose:
    """A model as a player."""
    return partial(_asked, run, entrant, bank)


async def _asked(run: Run, entrant: Contestant, bank: Sequence[Task], task: Task, history: Sequence[Turn]) -> int | None:
    method = next(each for each in run.recipe.methods if isinstance(each, AlgorithmDistillation) and each.covers(task))
    turn = task.model_copy(update={"extra": task.extra | {"turns": [list(each) for each in history]}})
    prompt = (method.teacher_prompt if entrant.is_teacher else method.student_prompt)(turn, bank)
    reply = await run.ask(prompt, task=task, sampling=greedy(run, entrant.role), role=entrant.role)
    if reply.finish == "owed":
        raise Owed
    arms = list(map(str, task.extra["arms"]))
    named = named_option(reply.text or "", arms)
    return None if named is None else arms.index(named)


async def _oracle(task: Task, history: Sequence[Turn]) -> int:
    return ucb1(history, len(task.extra["arms"]))


async def _chance(task: Task, history: Sequence[Turn]) -> int:
    return _drawn(task, len(history))


def _drawn(task: Task, turn: int) -> int:
    return random.Random(f"chance/{task.id}/{turn}").randrange(len(task.extra["arms"]))


async def _games(run: Run, tasks: Sequence[Task], choose: Choose) -> list[Played]:
    return list(await asyncio.gather(*(play_game(task, _horizon(run, task), choose) for task in tasks)))


def _horizon(run: Run, task: Task) -> int:
    method = next(each for each in run.recipe.methods if isinstance(each, AlgorithmDistillation) and each.covers(task))
    return method.turns_of(task)


async def play_game(task: Task, horizon: int, choose: Choose) -> Played:
    """One game from its first turn to its last."""
    bandit = bandit_of(task)
    assert bandit is not None
    history: list[Turn] = []
    strayed = 0
    for turn in range(horizon):
        arm = await choose(task, history)
        strayed += arm is None
        arm = _drawn(task, turn) if arm is None else arm
        pulls = sum(each == arm for each, _ in history)
        history.append((arm, _pays(bandit, task, arm, pulls)))
    return Played(
        regret(bandit, history),
        best_chosen(bandit, history),
        least_chosen(history, len(bandit.arms)),
        strayed / max(horizon, 1),
    )


def _pays(bandit: Bandit, task: Task, arm: int, pulls: int) -> float:
    """What an arm pays when it is pulled for the so-manieth time."""
    return bandit.reward(random.Random(f"reward/{task.id}/{arm}/{pulls}"), arm)


def _line(name: str, played: Sequence[Played]) -> str:
    figures = [mean(getattr(each, what) for each in played) for what in ("regret", "best", "least", "strayed")]
    return f"{name:16} {figures[0]:8.2f} {figures[1]:9.2f} {figures[2]:17.2f} {figures[3]:13.2f}"

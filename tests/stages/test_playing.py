"""Games of bandits: UCB1's are UCB1's, a model plays by what it reads, and everybody is paid alike."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.bandits import Turn, ucb1
from pipeline.run import Run
from pipeline.stages.contestants import Contestant
from pipeline.stages.exam import Owed
from pipeline.stages.playing import Played, _oracle, play_game, player
from tests.methods.growing import last_messages, open_run, scripted
from tests.rows import make_task
from tests.servers import closed_url

ARMS = ["red hat", "blue hat", "green hat"]
TASK = make_task(
    kind="instruction", prompt="Three arms.", extra={"arms": ARMS, "means": [0.25, 0.75, 0.25], "horizon": 20}
)  # fmt: skip
TEACHER = Contestant("teacher", "teacher", 0, samples=True, probed=False)


def opened(folder: Path, url: str) -> Run:
    method = {"method": "algorithm_distillation", "telling": "raw", "few_shot": 0}
    return open_run(folder, url, [{"prompt": "Three arms."}], method)


def game(run: Run, horizon: int = 20) -> Played:
    async def scene() -> Played:
        async with run.door:
            return await play_game(TASK, horizon, player(run, TEACHER, ()))

    return asyncio.run(scene())


def turns_in(prompt: str) -> list[Turn]:
    return [(ARMS.index(arm), float(reward)) for arm, reward in re.findall(r"^(\w+ hat): ([01])$", prompt, flags=re.MULTILINE)]


def oracle(prompt: str) -> str | None:
    return f"I choose {ARMS[ucb1(turns_in(prompt), 3)]}."


def test_who_plays_ucb1_by_what_it_reads_fares_as_ucb1(tmp_path: Path) -> None:
    with scripted(oracle) as server:
        played = game(opened(tmp_path, server.url))
        assert server.hits == 20
        lengths = [len(turns_in(each)) for each in last_messages(server)]
    assert lengths == list(range(20))
    assert played == asyncio.run(play_game(TASK, 20, _oracle)) and played.strayed == 0.0
    assert game(opened(tmp_path, closed_url())) == played  # a second game asks nobody


def test_measures_of_one_who_never_changes(tmp_path: Path) -> None:
    with scripted(lambda prompt: "I choose red hat.") as server:
        played = game(opened(tmp_path, server.url))
    assert played == Played(regret=pytest.approx(20 * 0.5), best=0.0, least=0.0, strayed=0.0)
    with scripted(lambda prompt: "Label: blue hat") as server:
        assert game(opened(tmp_path / "best", server.url)).regret == 0.0


def test_a_turn_without_an_arm_is_drawn_and_counted(tmp_path: Path) -> None:
    with scripted(lambda prompt: "I choose neither red hat nor blue hat.") as server:
        played = game(opened(tmp_path, server.url))
    assert played.strayed == 1.0 and 0 < played.best < 1 and played.regret == pytest.approx(10 * (1 - played.best))


def test_an_owed_turn_ends_the_game_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with scripted(lambda prompt: None if len(turns_in(prompt)) == 7 else oracle(prompt)) as server, pytest.raises(Owed):
        game(opened(tmp_path, server.url))
    with scripted(oracle) as server:
        game(opened(tmp_path, server.url))
        assert server.hits == 20 - 7


def test_the_same_pull_pays_everybody_the_same() -> None:
    seen: list[list[Turn]] = []

    async def first(task: object, history: Sequence[Turn]) -> int:
        seen.append(list(history))
        return 1

    async def later(task: object, history: Sequence[Turn]) -> int:
        seen.append(list(history))
        return 1 if len(history) >= 3 else 0

    asyncio.run(play_game(TASK, 12, first))
    one = [reward for _, reward in seen[-1]]
    asyncio.run(play_game(TASK, 12, later))
    other = [reward for arm, reward in seen[-1] if arm == 1]
    assert other == one[: len(other)] and set(one) == {0.0, 1.0}

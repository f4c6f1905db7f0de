"""Algorithm distillation: every example is a step of UCB1 to the digit, told in one way, and no model is asked."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.bandits import told
from pipeline.methods.algorithm_distillation import AlgorithmDistillation, choosing
from pipeline.records import Sample, Task
from tests.methods.growing import grown, open_run
from tests.rows import make_task
from tests.servers import closed_url

ARMS = ["red hat", "blue hat", "green hat"]
METHOD: dict[str, Any] = {"method": "algorithm_distillation", "trajectories": 2, "horizon": 12}


def row(place: str) -> dict[str, Any]:
    return {"prompt": f"There are three arms in the {place}.", "arms": ARMS, "means": [0.25, 0.75, 0.25], "horizon": 30}


def run(folder: Path, **method: Any) -> tuple[list[Task], list[Sample]]:
    return grown(open_run(folder, closed_url(), [row("park"), row("shop")], METHOD | method))


def by_hand(turns: list[list[float]]) -> int:
    """UCB1 (Auer et al. 2002), written out."""
    counts, sums = [0] * 3, [0.0] * 3
    for arm, reward in turns:
        counts[int(arm)] += 1
        sums[int(arm)] += reward
    if 0 in counts:
        return counts.index(0)
    values = [sums[arm] / counts[arm] + math.sqrt(2 * math.log(len(turns)) / counts[arm]) for arm in range(3)]
    return values.index(max(values))


@pytest.mark.parametrize("telling", ["raw", "summary", "guided"])
def test_every_target_is_ucb1s_choice_and_the_context_is_what_happened(tmp_path: Path, telling: Any) -> None:
    tasks, samples = run(tmp_path, telling=telling)
    assert len(samples) == len(tasks) > 40
    for task, sample in zip(tasks, samples, strict=True):
        turns = task.extra["turns"]
        arm = ARMS[by_hand(turns)]
        assert (sample.task_id, sample.target, task.answer, sample.answer) == (task.id, *[f"I choose {arm}."] * 3)
        assert task.context == told([(int(one), two) for one, two in turns], ARMS, telling)
        assert task.context in sample.messages[-1].content and sample.response_keys == [] and not sample.hinted


def test_games_are_whole_and_their_steps_follow_each_other(tmp_path: Path) -> None:
    tasks, _ = run(tmp_path, telling="raw")
    steps = Counter(len(task.extra["turns"]) for task in tasks)
    assert set(steps) == set(range(12)) and steps[0] == 2 and steps[11] == 4  # games of a domain begin alike
    histories = {(task.prompt, str(task.extra["turns"])) for task in tasks}
    for task in tasks:
        if turns := task.extra["turns"]:
            assert (task.prompt, str(turns[:-1])) in histories
    assert {reward for task in tasks for _, reward in task.extra["turns"]} == {0.0, 1.0}


def test_the_same_games_every_time_and_other_games_of_other_numbers(tmp_path: Path) -> None:
    first = run(tmp_path / "a")
    assert run(tmp_path / "b") == first
    assert run(tmp_path / "c", trajectories=3)[0][: len(first[0]) // 2] == first[0][: len(first[0]) // 2]
    assert len(run(tmp_path / "c", trajectories=3)[0]) > len(first[0])


def test_an_item_is_told_in_the_methods_way() -> None:
    method = AlgorithmDistillation(method="algorithm_distillation", telling="summary")
    task = make_task(prompt="Choose.", context="red hat: 1", extra={"arms": ARMS, "turns": [[0, 1.0]]})
    shown = method.student_prompt(task, ()).messages[-1].content
    assert "red hat: chosen 1 time, average reward 1.00" in shown and "red hat: 1\n" not in shown
    untold = make_task(prompt="Choose.", context="red hat: 1")
    assert "red hat: 1" in method.student_prompt(untold, ()).messages[-1].content


def test_a_teacher_sees_steps_of_another_domain() -> None:
    method = AlgorithmDistillation(method="algorithm_distillation", telling="raw")
    task, *bank = [make_task(id=place, prompt=row(place)["prompt"], extra=row(place)) for place in ("park", "shop", "zoo")]
    shown = method.teacher_prompt(task, [task, *bank]).messages[-1].content
    blocks = re.findall(r"\[example begins\]\n(.*?)\nChoice: (.*?)\n\[example ends\]", shown, flags=re.DOTALL)
    lengths = [0 if block.startswith("Nothing") else len(block.splitlines()) for block, _ in blocks]
    assert lengths == [2, 4, 6, 8, 10]  # the first two steps are skipped, then every second
    for block, choice in blocks:
        turns = [[ARMS.index(line.partition(": ")[0]), float(line.partition(": ")[2])] for line in block.splitlines()]
        assert choice == choosing(ARMS[by_hand(turns)])
    assert "[example begins]" not in method.teacher_prompt(task, [task]).messages[-1].content


def test_tasks_without_arms_are_no_domain(tmp_path: Path) -> None:
    run_ = open_run(tmp_path, closed_url(), [row("park"), {"prompt": "Say hello."}], METHOD)
    assert {task.prompt for task in grown(run_)[0]} == {row("park")["prompt"]}

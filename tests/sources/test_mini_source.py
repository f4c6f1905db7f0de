"""The mini world as a source."""

from __future__ import annotations

import pytest

from pipeline.errors import UserError
from pipeline.sources.mini import MiniSource


def test_splits_and_limits() -> None:
    tasks = list(MiniSource(kind="mini", limit=200).tasks(("dev", "test", "ood"), 20))
    counts = {split: sum(task.split == split for task in tasks) for split in ("train", "dev", "test", "ood")}
    assert counts["train"] + counts["dev"] == 200 and 0 < counts["dev"] < 30
    assert (counts["test"], counts["ood"]) == (20, 20)
    assert len({task.id for task in tasks}) == 240


def test_another_seed_makes_other_training_tasks_only() -> None:
    first, other = (list(MiniSource(kind="mini", limit=50, seed=seed).tasks(("test",), 50)) for seed in (1, 2))
    assert not {task.id for task in first[:50]} & {task.id for task in other[:50]}
    assert first[50:] == other[50:]


def test_a_smaller_limit_is_the_start_of_a_larger() -> None:
    few, many = (list(MiniSource(kind="mini", limit=limit).tasks((), None)) for limit in (20, 40))
    assert few == many[:20]
    assert few[0].id == "c275467338dd4cd3"


def test_an_unknown_split() -> None:
    with pytest.raises(UserError, match=r"evaluation\.split: 'validation'"):
        list(MiniSource(kind="mini", limit=1).tasks(("validation",), 1))

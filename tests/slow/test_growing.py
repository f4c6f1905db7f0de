"""Lion, whose student learns while tasks are made: killed in a training, and in the asking behind it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli import main
from tests.mini_recipes import Small, check_a_kill
from tests.replaying import Replaying
from tests.servers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
LONG = ("student.epochs=20",)
"""Long enough to be killed in the middle of a training."""


@pytest.fixture(scope="module")
def lion(tmp_path_factory: pytest.TempPathFactory) -> Small:
    small = Small("lion_mini", tmp_path_factory.mktemp("lion"), LONG)
    assert main(small.words("generate")) == 0
    assert trained(small), "the student learned nothing in between"
    return small


def trained(small: Small) -> list[str]:
    """The trainings that are done."""
    return sorted(
        path.parent.name for path in (small.folder / "growth").rglob("model.safetensors") if path.parent.name[0] != "."
    )


def losses(small: Small) -> Iterator[str]:
    """What trainings have said of their steps."""
    for path in (small.folder / "growth").rglob("*.jsonl"):
        yield from (line for line in path.read_text().splitlines() if '"loss"' in line)


def test_killed_in_a_training(lion: Small, tmp_path: Path) -> None:
    def due(killed: Small, server: Replaying, needed: int) -> None:
        wait_until(lambda: len(list(losses(killed))) > 2, 300)
        assert not trained(killed)

    check_a_kill(lion, tmp_path, due)


def test_killed_while_teacher_and_student_are_compared(lion: Small, tmp_path: Path) -> None:
    def due(killed: Small, server: Replaying, needed: int) -> None:
        wait_until(lambda: bool(trained(killed)), 300)
        server.wait_for_hits(server.hits + 3)
        time.sleep(0.03)

    check_a_kill(lion, tmp_path, due)

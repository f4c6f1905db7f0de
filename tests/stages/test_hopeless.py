"""Every shipped method before a teacher of no use: each ends, says why, asks no more than it must, and leaves nothing half."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.errors import BudgetReached, UserError
from pipeline.methods.algorithm_distillation import AlgorithmDistillation
from pipeline.methods.disco import Disco
from pipeline.recipe import load_recipe
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.generate import generate
from pipeline.tables import table_path
from tests.methods.growing import scripted
from tests.servers import ChatServer, Trouble

RECIPES = sorted(path.stem for path in Path("recipes").glob("*_mini.yaml"))
CHANGES = {"selective_reflection_mini": ["methods.0.selected_by=judge"]}
GARBAGE = '1. ### ``` [[ {"a": Q: ??? \n```python\nwhile True:\n```\n#Better Answer: #'
TABLES = ("1_tasks", "2_responses", "3_samples")
REFUSED = Trouble(status=400, text='{"error": {"message": "Not for you."}}')
SECONDS = 60.0
"""None needs two; one that goes round for ever is stopped then."""


def opened(folder: Path, name: str, url: str, max_calls: int | None = None) -> Run:
    changes = ["source.limit=12", "teacher.model=small-1", *CHANGES.get(name, [])]
    settings = load_settings(
        data=str(folder), openai_base_url=url, openai_api_key="sk-test", patience_seconds=0.1, max_calls=max_calls
    )
    run = Run(load_recipe(name, changes, "openai"), settings)
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def ended(run: Run) -> str:
    """What the user is told, empty where there are tables."""
    there = ""
    try:
        asyncio.run(asyncio.wait_for(generate(run), SECONDS))
    except UserError as error:
        there = str(error)
    assert [table_path(run.folder, name).exists() for name in TABLES] == [not there] * 3
    assert not there or not list(run.folder.iterdir())
    return there


@pytest.mark.parametrize("text", [GARBAGE, ""], ids=["garbage", "nothing"])
@pytest.mark.parametrize("name", RECIPES)
def test_a_teacher_who_says_nothing_that_can_be_read(tmp_path: Path, name: str, text: str) -> None:
    with scripted(lambda prompt: text) as server:
        told, asked = ended(opened(tmp_path, name, server.url)), server.hits
        again = ended(opened(tmp_path, name, server.url))
        assert told == again and server.hits == asked < 700, "what it said is remembered"
    assert not told or ("an empty reply" if not text else "a reply that the method could not use") in told


@pytest.mark.parametrize("trouble", [REFUSED, Trouble(status=418, text="{}")], ids=["refuses", "fails for now"])
@pytest.mark.parametrize("name", RECIPES)
def test_a_teacher_who_never_answers(tmp_path: Path, name: str, trouble: Trouble) -> None:
    with ChatServer(trouble) as server:
        run = opened(tmp_path, name, server.url)
        told = ended(run)
    knows_by_itself = any(isinstance(each, AlgorithmDistillation | Disco) for each in run.recipe.methods)
    assert bool(told) != knows_by_itself
    assert server.hits <= 100


@pytest.mark.parametrize("name", [each for each in RECIPES if each != "algorithm_distillation_mini"])
def test_a_ceiling_in_the_middle_leaves_no_table_and_loses_no_reply(tmp_path: Path, name: str) -> None:
    with scripted(lambda prompt: GARBAGE) as server:
        with pytest.raises(BudgetReached):
            asyncio.run(generate(run := opened(tmp_path, name, server.url, max_calls=7)))
        assert server.hits == 7 and not list(run.folder.iterdir())
        told = ended(opened(tmp_path, name, server.url))
    with scripted(lambda prompt: GARBAGE) as other:
        assert ended(opened(tmp_path / "other", name, other.url)) == told
    assert server.by_body == other.by_body, "none was asked twice"

"""Replies about tasks of the bank, which every other task may ask about, too: each stands once in `2_responses`."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetReached
from pipeline.methods.demonstrations import BANK
from pipeline.recipe import load_recipe, parse_recipe
from pipeline.records import Response
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.generate import generate
from pipeline.tables import read_rows
from tests.methods.growing import scripted
from tests.servers import ChatServer

C_ICL: dict[str, Any] = {"method": "c_icl", "positives": 2, "negatives": 1, "considered": 3, "tries": 2}
OTHER: dict[str, Any] = {"method": "universal_ner"}


def opened(folder: Path, url: str, *methods: dict[str, Any], max_calls: int | None = None, limit: int = 16) -> Run:
    recipe = load_recipe("c_icl_mini", [f"source.limit={limit}", "teacher.model=small-1"], "openai")
    settings = load_settings(data=str(folder), openai_base_url=url, openai_api_key="sk-test", max_calls=max_calls)
    run = Run(parse_recipe(recipe.model_dump(mode="json") | {"methods": list(methods)}, "run", "run"), settings)
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def responses(run: Run) -> list[Response]:
    asyncio.run(generate(run))
    return list(read_rows(run.folder, "2_responses", Response))


def no_entities() -> ChatServer:
    return scripted(lambda prompt: "[]")


@pytest.mark.parametrize("methods", [(C_ICL,), (C_ICL, OTHER), (OTHER, C_ICL), (OTHER,)], ids=["one", "two", "turned", "other"])
def test_each_stands_once_also_after_a_restart_and_with_a_second_method(tmp_path: Path, methods: Any) -> None:
    with no_entities() as server:
        told = responses(opened(tmp_path, server.url, *methods))
        assert set(Counter(each.key for each in told).values()) == {1}
        assert len(told) == server.hits, "whatever was paid for is told"
        assert responses(opened(tmp_path, server.url, *methods)) == told


def test_each_stands_once_where_a_ceiling_was_met_between_them(tmp_path: Path) -> None:
    with no_entities() as server:
        whole = responses(opened(tmp_path / "whole", server.url, C_ICL, OTHER))
        with pytest.raises(BudgetReached):
            asyncio.run(generate(opened(tmp_path / "cut", server.url, C_ICL, OTHER, max_calls=20)))
        told = responses(opened(tmp_path / "cut", server.url, C_ICL, OTHER))
    assert [each.key for each in told] == [each.key for each in whole]


def test_two_entries_that_ask_the_same_are_told_one_reply(tmp_path: Path) -> None:
    """Also of tasks beyond the bank."""
    with no_entities() as server:
        told = responses(opened(tmp_path, server.url, OTHER, OTHER | {"negatives": 1}, limit=3 * BANK))
    assert len(told) == server.hits == len({each.task_id for each in told}) > 2 * BANK

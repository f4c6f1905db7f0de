"""Methods whose students read what was looked up, chosen or asked before: items are put in words that were taught."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.recipe import parse_recipe
from pipeline.records import Sample, Task
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from pipeline.stages.filter import filter_samples
from pipeline.stages.generate import generate
from pipeline.stages.items import evaluation_items
from pipeline.stages.same_prompts import check_prompts
from pipeline.stages.select import select
from pipeline.tables import read_rows
from tests.servers import ChatServer, Trouble

PASSAGES = str(REPOSITORY / "data/mini/passages.txt")
LIST = '[["Tom", "person"], ["dog", "animal"]]'
METHODS: list[tuple[str, dict[str, Any], str]] = [
    ("word_problem", {"method": "in_context", "demonstrations_by": "bm25", "draws": 2}, "The answer is 12."),
    ("induction", {"method": "in_context", "demonstrations_by": "class_balanced"}, "a b c"),
    ("word_problem", {"method": "demo_retriever", "candidates": 2, "tries": 1}, "The answer is 12."),
    ("two_facts", {"method": "kard", "passages": PASSAGES}, "The red boat belongs to Tom. The answer is yes."),
    ("fact", {"method": "knowledge_boundary", "samples": 2, "passages": PASSAGES}, "Tom"),
    ("entities", {"method": "universal_ner"}, LIST),
    ("entities", {"method": "c_icl", "considered": 2, "tries": 2}, LIST),
]


def run_of(folder: Path, url: str, kind: str, method: dict[str, Any]) -> Run:
    parts = {
        "source": {"kind": "mini", "kinds": [kind], "limit": 12}, "methods": [method], "filters": ["finished"],
        "teacher": {"backend": "openai", "model": "small-1", "sampling": {"seed": 5}}, "decontaminate": False,
        "student": {"model": str(REPOSITORY / "data/mini/student")}, "evaluation": {"limit": 5, "teacher": False},
    }  # fmt: skip
    settings = load_settings(data=str(folder), openai_base_url=url, openai_api_key="sk-test")
    run = Run(parse_recipe(parts, "run", "run"), settings)
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def saying(text: str) -> Trouble:
    def change(right: dict[str, Any]) -> dict[str, Any]:
        right["choices"][0]["message"]["content"] = text
        return right

    return Trouble(change=change, right=True)


@pytest.mark.parametrize(("kind", "method", "reply"), METHODS, ids=[f"{each[1]['method']}-{each[0]}" for each in METHODS])
def test_the_way_to_the_evaluation(tmp_path: Path, kind: str, method: dict[str, Any], reply: str) -> None:
    with ChatServer(saying(reply)) as server:
        run = run_of(tmp_path, server.url, kind, method)
        asyncio.run(generate(run))
        hits = server.hits
        asyncio.run(generate(run_of(tmp_path, server.url, kind, method)))
        assert server.hits == hits == len(server.by_body), "nothing is asked twice"
    asyncio.run(filter_samples(run))
    asyncio.run(select(run))
    items, bank = evaluation_items(run)
    assert len(items) == 5
    check_prompts(run, items, bank)
    responses = pl.read_parquet(run.folder / "2_responses.parquet")["key"]
    tasks = {task.id: task for task in read_rows(run.folder, "1_tasks", Task)}
    for sample in read_rows(run.folder, "3_samples", Sample):
        assert set(sample.response_keys) <= set(responses)
        question = tasks[sample.task_id].prompt
        assert sum(message.content.count(question) for message in sample.messages) == 1, "no demonstration is the question"

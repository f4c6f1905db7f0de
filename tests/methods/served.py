"""Small runs of one method against a real endpoint: the tasks are sums, and the server says what a script makes of each.

In: a recipe's methods, and for words of a prompt what is said of the sum's value. Out: the samples of the run, all tables as
they are in the working folder, and the server's count of calls.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.recipe import parse_recipe
from pipeline.records import Example, Sample
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.filter import filter_samples
from pipeline.stages.generate import generate
from pipeline.stages.select import select
from pipeline.tables import read_rows
from tests.servers import Trouble
from tests.small_runs import make_folder


def says(where: str, said: Callable[[int], str]) -> Trouble:
    """Calls whose prompt holds `where` are answered by this, given the value of the sum in them."""

    def change(right: dict[str, Any]) -> dict[str, Any]:
        message = right["choices"][0]["message"]
        found = re.search(r"this makes (\d+)\.", message["content"])
        assert found is not None
        message["content"] = said(int(found[1]))
        return right

    return Trouble(where=where, change=change, right=True)


def open_run(folder: Path, url: str, *methods: dict[str, Any], rows: int = 4, **recipe: Any) -> Run:
    """A run over the sums of `rows` rows; the folder is made where it is not there."""
    if not (folder / "tasks.jsonl").exists():
        make_folder(folder, range(rows))
    fields = {"prompt": "question", "answer": "answer"}
    given = {
        "source": {"kind": "jsonl", "path": str(folder / "tasks.jsonl"), "fields": fields, "dev_share": 0.0, "test_share": 0.0},
        "teacher": {"backend": "openai", "model": "small-1", "sampling": {"max_tokens": 200}},
        "methods": list(methods), "filters": ["finished", "not_empty", "answer_matches"], "decontaminate": False,
        "student": {"model": str(folder / "tokenizer")},
    }  # fmt: skip
    settings = load_settings(data=str(folder / "data"), openai_base_url=url, openai_api_key="sk-test", patience_seconds=0.1)
    run = Run(parse_recipe(given | recipe, "run", "run"), settings)
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def generated(run: Run) -> list[Sample]:
    """All samples of the run."""
    asyncio.run(generate(run))
    return list(read_rows(run.folder, "3_samples", Sample))


def corpus(run: Run) -> list[Example]:
    """All examples of the run, whose samples are there."""
    asyncio.run(filter_samples(run))
    asyncio.run(select(run))
    return list(read_rows(run.folder, "5_corpus", Example))

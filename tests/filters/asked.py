"""Asking filters at work: samples of one task, judged through the door of a real run by an HTTP server or a local model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.filters.verdicts import AskingFilter, Word
from pipeline.recipe import parse_recipe
from pipeline.records import Sample, Task
from pipeline.run import Run
from pipeline.settings import load_settings
from tests.rows import make_sample, make_task
from tests.servers import Trouble

ENDPOINT = {"backend": "openai", "model": "small-1"}
OWED = Trouble(418, "{}")
REFUSED = Trouble(400, '{"error": {"message": "This prompt is too long."}}')


def judged(
    condition: AskingFilter, folder: Path, samples: Sequence[Sample | str], task: Task | None = None, url: str = "",
    model: dict[str, Any] = ENDPOINT,
) -> list[Word]:  # fmt: skip
    """The words of a filter; replies are remembered in `folder`."""
    parts = {"source": {"kind": "mini"}, "methods": [{"method": "chain_of_thought"}], "teacher": model}
    rows = [make_sample(each) if isinstance(each, str) else each for each in samples]

    async def scene() -> list[Word]:
        settings = load_settings(data=str(folder), openai_base_url=url or None, patience_seconds=0.1)
        run = Run(parse_recipe(parts, "run", "run"), settings)
        async with run.door:
            return list(await condition.judge_asking(task or make_task(), rows, run.ask))

    return asyncio.run(scene())


def says(text: str, where: str = "", finish: str = "stop", calls: Any = None, logprobs: Any = None) -> Trouble:
    """The model says this where the prompt holds `where`."""

    def change(right: dict[str, Any]) -> dict[str, Any]:
        [choice] = right["choices"]
        message = choice["message"] | {"content": text}
        return right | {"choices": [choice | {"message": message, "finish_reason": finish, "logprobs": logprobs}]}

    return Trouble(change=change, where=where, calls=calls)


def asked_of(body: dict[str, Any]) -> str:
    """All that a call said, as one text."""
    return json.dumps(body["messages"], ensure_ascii=False)

"""Estimates of methods that ask by what came back, or about other tasks: what is counted, and that the run costs no more."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.recipe import load_recipe
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.forecast import Forecast, forecast
from pipeline.stages.generate import generate
from pipeline.stages.growing import growths
from tests.methods.growing import scripted
from tests.servers import ChatServer

ASKED_ANEW = ("c_icl", "demo_retriever", "knowledge_boundary", "mixed", "multi_view", "negative_aware", "program_of_thought",
              "rationalisation", "universal_ner")  # fmt: skip
PILOT, TASKS, FEW = 100, 80, 20


class Teacher:
    """Programs half of which fail, empty lists of entities, and answers that are seldom right; other ones each time."""

    def __init__(self) -> None:
        self._times = Counter[str]()

    def __call__(self, prompt: str) -> str:
        self._times[prompt] += 1
        draw = random.Random(f"{prompt}/{self._times[prompt]}")
        if "entities(" in prompt or "every entity" in prompt:
            return "[]"
        if "ython" in prompt:
            return f"```python\ndef solution():\n    return {draw.choice(['4', 'x'])}\n```"
        return draw.choice(["The answer is 4.", "The answer is 7.", "yes", "no"])


def opened(folder: Path, name: str, server: ChatServer, tasks: int = TASKS) -> Run:
    settings = load_settings(data=str(folder), openai_base_url=server.url, openai_api_key="sk-test", patience_seconds=0.1)
    run = Run(load_recipe(f"{name}_mini", [f"source.limit={tasks}", "teacher.model=small-1"], "openai"), settings)
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def told(run: Run, pilot: int) -> Forecast:
    return asyncio.run(forecast(run, pilot, lambda counted: None))


@pytest.mark.parametrize("name", ASKED_ANEW)
def test_the_interval_holds_what_the_run_asks(tmp_path: Path, name: str) -> None:
    with scripted(Teacher()) as server:
        counted = told(opened(tmp_path, name, server), 0)
        assert server.hits == 0 and not counted.bounded
        found = told(opened(tmp_path, name, server), PILOT)
        assert server.hits <= 1.3 * PILOT, "no large part of the run"
        asyncio.run(generate(opened(tmp_path, name, server)))
        calls = found.total("calls")
        assert calls is not None and calls.low <= server.hits <= calls.high
        after = told(opened(tmp_path, name, server), 0)
        assert after.owed.calls == 0 and after.known == server.hits, "each call once, whoever asks it"


@pytest.mark.parametrize("name", sorted(path.stem.removesuffix("_mini") for path in Path("recipes").glob("*_mini.yaml")))
def test_what_is_bounded_is_never_more(tmp_path: Path, name: str) -> None:
    """Beside what is asked of made tasks, which estimate says it does not count."""
    with scripted(Teacher()) as server:
        run = opened(tmp_path, name, server, FEW)
        counted = told(run, 0)
        if growths(run):
            return
        try:
            asyncio.run(generate(opened(tmp_path, name, server, FEW)))
        except UserError as error:  # socratic, say, can read nothing of it
            assert "none of" in str(error)
    assert not counted.bounded or server.hits <= counted.owed.calls
    assert counted.bounded == (name not in ASKED_ANEW)

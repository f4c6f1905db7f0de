"""The real lm-evaluation-harness on the mini models, offline, with the task file that ships.

`HARNESS_PYTHON` names a Python that has it; else that of `make eval-harness` is taken. Where there is neither, the test skips.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from pipeline.answers.final import same_answer
from pipeline.errors import UserError
from pipeline.llm.backends.local import LocalModel
from pipeline.llm.request import Request, Sampling
from pipeline.recipe import load_recipe
from pipeline.records import Grade, Message
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from pipeline.stages.eval_harness import eval_harness, interpreter
from pipeline.tables import read_rows

TASKS = REPOSITORY / "data/harness"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def installed() -> None:
    try:
        interpreter()
    except UserError as error:
        pytest.skip(f"lm-evaluation-harness is not here: {error.what}")


def evaluated(folder: Path, model: str, task: str = "mini_word_problems") -> list[Grade]:
    """The rows of an untouched model."""
    run = Run(load_recipe("mini", [f"student.model={model}"]), load_settings(data=str(folder), device="cpu"))
    run.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(eval_harness(run, [task], TASKS, ["base"]))
    return list(read_rows(run.folder, "6_evaluation", Grade))


def ours(model: str, questions: list[str]) -> list[str]:
    """What the model answers when we ask it, greedily."""
    opened = LocalModel(backend="local", model=model).open(load_settings(device="cpu"))
    asked, sampling = ((Message(role="user", content=each),) for each in questions), Sampling(temperature=0, max_tokens=200)
    requests = [Request(messages=messages, sampling=sampling) for messages in asked]

    async def ask() -> list[str]:
        async with opened.start() as backend:
            return [str(reply.text) for reply in await asyncio.gather(*map(backend.complete, requests))]

    return asyncio.run(ask())


def test_it_puts_the_same_prompts_and_reads_the_same_answers(tmp_path: Path) -> None:
    items = [json.loads(line) for line in (TASKS / "mini_word_problems.jsonl").read_text().splitlines()]
    rows = evaluated(tmp_path, "data/mini/teacher")
    assert [row.expected for row in rows] == [item["answer"] for item in items]
    assert {row.benchmark for row in rows} == {"harness:mini_word_problems"}
    assert [row.correct for row in rows] == [
        same_answer(item["answer"], row.text) for row, item in zip(rows, items, strict=True)
    ]
    assert sum(bool(row.correct) for row in rows) >= 50
    texts = ours("data/mini/teacher", [item["question"] for item in items])
    same = sum(row.text.strip() == text.strip() for row, text in zip(rows, texts, strict=True))
    assert same >= 0.95 * len(items), f"{same} of {len(items)} replies are the same"  # float32: a near tie may fall either way
    print(f"{same} of {len(items)} replies are the same, {sum(bool(row.correct) for row in rows)} are right")


def test_an_unknown_task_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no_such_task"):
        evaluated(tmp_path, "data/mini/student", "no_such_task")
    assert not list(tmp_path.rglob("6_evaluation.parquet"))

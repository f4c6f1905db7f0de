"""How many questions `train` will put to the teacher: the items that somebody can grade, and no others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

from pipeline.answers.grading import is_gradable
from pipeline.publication import write_table
from pipeline.run import Run
from pipeline.sources.tasks import split_of, task_id
from pipeline.stages.forecast import forecast
from pipeline.stages.generate import source_tasks
from pipeline.stages.items import evaluation_items
from tests.servers import closed_url
from tests.stages.contests import make_run


def questions() -> Iterator[dict[str, Any]]:
    """One row for the teacher, then six of the split test, of which the fifth and the sixth have no answer."""
    rows = ({"q": f"Tom has {n} apples. He buys 4 more. How many apples does Tom have now?", "a": str(n + 4)} for n in count())
    split: dict[str, list[dict[str, Any]]] = {"test": [], "train": []}
    for row in islice(rows, 40):
        split[split_of(task_id("word_problem", "", row["q"]), 0, 0.5)].append(row)
    yield split["train"][0]
    yield from split["test"][:4]
    yield from (row | {"a": None} for row in split["test"][4:6])


def prepared(folder: Path, **parts: Any) -> Run:
    """A run on 6 test tasks, 4 of them with an answer, and on 3 prompts of IFEval, one without a constraint."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions()))
    demands: tuple[list[str], ...] = (["punctuation:no_comma"], [], ["punctuation:no_comma"])
    items = [{"key": n, "prompt": f"Write a line about {n}.", "instruction_id_list": kinds, "kwargs": [{}] * len(kinds)}
             for n, kinds in enumerate(demands)]  # fmt: skip
    (folder / "ifeval.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    evaluation = {"benchmarks": [{"benchmark": "ifeval", "path": str(folder / "ifeval.jsonl")}]} | parts.pop("evaluation", {})
    given: dict[str, Any] = {
        "source": {"kind": "jsonl", "path": str(folder / "rows.jsonl"), "fields": {"prompt": "q", "answer": "a"},
                   "dev_share": 0, "test_share": 0.5, "task_kind": "word_problem"},
        "teacher": {"backend": "openai", "model": "some", "sampling": {"max_tokens": 60}},
    }  # fmt: skip
    return make_run(folder, [], settings={"openai_base_url": closed_url()}, **given | parts, evaluation=evaluation)


def asked(run: Run) -> int:
    return asyncio.run(forecast(run, 0, lambda counted: None)).questions


@pytest.mark.parametrize(
    ("evaluation", "number"),
    [
        ({}, 4 + 2),
        ({"limit": 5}, 4 + 2),  # the fifth has no answer
        ({"limit": 2}, 2 + 1),
        ({"changes": ["typos"]}, 4 + 4 + 2),  # a variant of each that is asked itself
        ({"benchmarks": []}, 4),
        ({"teacher": False}, 0),
    ],
    ids=str,
)
def test_the_teacher_is_not_asked_what_nobody_could_grade(tmp_path: Path, evaluation: dict[str, Any], number: int) -> None:
    """As many as the evaluation will find to be gradable."""
    run = prepared(tmp_path, evaluation=evaluation)
    assert asked(run) == number
    write_table(run.folder, "1_tasks", list(source_tasks(run)))
    items, _ = evaluation_items(run)
    assert len(items) > number, "some are of no use, or there is no teacher"
    assert sum(map(is_gradable, items)) == number or not run.recipe.evaluation.teacher

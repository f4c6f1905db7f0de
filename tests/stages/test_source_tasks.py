"""The tasks of a run: its source's, and those of the benchmarks it is evaluated on, before which training tasks give way."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.recipe import parse_recipe
from pipeline.records import Task, Verdict
from pipeline.report.fate import fate
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.filter import filter_samples
from pipeline.stages.generate import generate, source_tasks
from pipeline.stages.select import select
from pipeline.tables import read_frame, read_rows

QUESTIONS = {
    "same": "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?",
    "near": "The robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take now?",
    "far": "A train leaves at noon with 40 people on board, and at each of 3 stops 5 of them get off. How many are left?",
}


def lines(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def open_run(folder: Path, benchmarks: list[Any], **source: Any) -> Run:
    """A run whose source is the three questions with answers, all for the teacher, evaluated on what is named."""
    rows = [
        {"prompt": text, "answer": "3", "text": f"{name.capitalize()}: the answer is 3."} for name, text in QUESTIONS.items()
    ]
    held = [{"prompt": f"Is {number} held out?", "answer": "no", "text": "no"} for number in range(2)]
    path = lines(folder / "tasks.jsonl", rows + held)
    recipe = {
        "source": {"kind": "jsonl", "path": path, "dev_share": 0, "test_share": 0, "fields": {"answer": "answer"}, **source},
        "teacher": {"backend": "recorded", "fields": {"prompt": "prompt", "text": "text"}},
        "methods": [{"method": "instruction_following", "samples": 1}],
        "student": {"model": "data/mini/student"},
        "evaluation": {"split": "dev", "benchmarks": benchmarks},
    }
    return Run(parse_recipe(recipe, "run", "run"), load_settings(data=str(folder / "data")))


@pytest.fixture
def gsm8k(tmp_path: Path) -> dict[str, Any]:
    """A benchmark whose one item is the first question."""
    row = {"question": QUESTIONS["same"], "answer": "It takes 2/2=<<2/2=1>>1 and 2+1=<<2+1=3>>3\n#### 3"}
    return {"benchmark": "gsm8k", "path": lines(tmp_path / "test.jsonl", [row])}


def test_benchmarks_stand_behind_the_source(tmp_path: Path) -> None:
    tasks = list(source_tasks(open_run(tmp_path, [{"benchmark": "mini:single", "limit": 4}])))
    assert [task.split for task in tasks] == ["train"] * 5 + ["mini:single"] * 4


def test_a_training_task_that_is_an_item_gives_way(
    tmp_path: Path, gsm8k: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Though the source calls its kind another name, so that its id is another."""
    tasks = list(source_tasks(open_run(tmp_path, [gsm8k])))
    by_prompt = {task.prompt: task for task in tasks}
    assert len(tasks) == len(by_prompt) == 5
    assert (by_prompt[QUESTIONS["same"]].split, by_prompt[QUESTIONS["same"]].kind) == ("gsm8k", "word_problem")
    assert by_prompt[QUESTIONS["near"]].split == "train"
    assert "note: 1 tasks for the teacher are items of a benchmark and are left out" in capsys.readouterr().err


def test_an_item_the_source_keeps_for_evaluation_is_there_once(tmp_path: Path) -> None:
    """Of these questions the second alone falls into the source's own test split."""
    path = lines(tmp_path / "test.jsonl", [{"question": QUESTIONS["near"], "answer": "#### 3"}])
    run = open_run(tmp_path, [{"benchmark": "gsm8k", "path": path}], test_share=0.3, task_kind="word_problem")
    splits = {task.prompt: task.split for task in source_tasks(run)}
    assert splits.pop(QUESTIONS["near"]) == "test" and len(splits) == 4
    assert set(splits.values()) == {"train"}


def test_benchmarks_are_kept_out_of_the_corpus(tmp_path: Path, gsm8k: dict[str, Any]) -> None:
    """The default filters drop a sample that holds an item, and its fate can be asked for by the item's benchmark."""
    run = open_run(tmp_path, [gsm8k])
    run.folder.mkdir(parents=True)
    for stage in (generate, filter_samples, select):
        asyncio.run(stage(run))
    splits = Counter(read_frame(run.folder, "1_tasks")["split"])
    assert splits == {"train": 4, "gsm8k": 1}
    tasks = {task.id: task for task in read_rows(run.folder, "1_tasks", Task)}
    samples = {row["id"]: tasks[row["task_id"]].prompt for row in read_frame(run.folder, "3_samples").to_dicts()}
    verdicts = {
        samples[word.sample_id]: word
        for word in read_rows(run.folder, "4_verdicts", Verdict)
        if word.filter == "not_contaminated"
    }
    assert verdicts[QUESTIONS["near"]].decision == "drop" and verdicts[QUESTIONS["near"]].detail.startswith("gsm8k gsm8k ")
    assert verdicts[QUESTIONS["far"]].decision == "keep"
    corpus = read_frame(run.folder, "5_corpus")
    assert QUESTIONS["near"] not in {samples[each] for each in corpus["sample_id"]}
    (item,) = [name for name, task in tasks.items() if task.split == "gsm8k"]
    assert any(QUESTIONS["same"][:40] in str(line) for line in fate(run.folder, item))

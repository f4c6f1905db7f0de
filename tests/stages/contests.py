"""A run with students that nobody had to train: the shipped mini models lie where trained ones would.

In: which recipe, which tasks. Out: a run whose tables and students pass for trained, so that evaluation is tested by itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.publication import write_table
from pipeline.recipe import parse_recipe
from pipeline.records import Example, Message, Task
from pipeline.run import Run
from pipeline.settings import REPOSITORY, load_settings
from pipeline.stages.train import training_job
from pipeline.student.job import mark_trained
from tests.rows import make_task

MINI = REPOSITORY / "data" / "mini"
STORIES = (
    ("Tom has 36 apples. He buys 4 more. How many apples does Tom have now?", "40"),
    ("Jane saves 15 coins. She earns 7 coins. How many coins are in the box now?", "22"),
    ("The bus of Tom carries 12 people. 5 of them get off. How many people are on the bus now?", "7"),
)


def story(number: int, **fields: Any) -> Task:
    """A word problem of the test split."""
    prompt, answer = STORIES[number]
    given = {"id": f"{number:016x}", "source": "mini", "split": "test", "kind": "word_problem", "prompt": prompt}
    return make_task(**given | {"answer": answer, "extra": {"steps": 1}} | fields)


def example(task_id: str, split: str = "train") -> Example:
    """A training example of a task."""
    said = [Message(role="user", content="How many?"), Message(role="assistant", content="The answer is 1.")]
    given = {"sample_id": f"s{task_id}", "method": "chain_of_thought", "view": "rationale", "weight": 1.0, "tokens": 9}
    return Example(id=f"e{task_id}", task_id=task_id, split=split, messages=said, **given)


def make_run(
    folder: Path,
    tasks: Iterable[Task],
    trained: Iterable[str] = ("f" * 16,),
    settings: dict[str, Any] | None = None,
    **parts: Any,
) -> Run:
    """A run with these tasks, and a corpus of examples of the tasks of these ids.

    Args:
        settings: such as where the teacher listens.
        parts: of the recipe.
    """
    recipe = {
        "source": {"kind": "mini"}, "methods": [{"method": "chain_of_thought", "kinds": ["word_problem"]}],
        "teacher": {"backend": "local", "model": str(MINI / "teacher"), "sampling": {"temperature": 0.7, "max_tokens": 60}},
        "student": {"model": str(MINI / "student"), "baselines": []},
    }  # fmt: skip
    run = Run(parse_recipe(recipe | parts, "contest", "contest"), load_settings(data=str(folder), **settings or {}))
    run.folder.mkdir(parents=True, exist_ok=True)
    write_table(run.folder, "1_tasks", [make_task(id="f" * 16, kind="word_problem"), *tasks])
    write_table(run.folder, "5_corpus", [example(each) for each in trained])
    return run


def pretend_trained(run: Run, model: str = "teacher") -> None:
    """Puts a mini model where each of the run's students would be."""
    for pupil in run.pupils():
        shutil.copytree(MINI / model, pupil.folder(run.folder), dirs_exist_ok=True)
        mark_trained(pupil.folder(run.folder), training_job(run, pupil).fingerprint)

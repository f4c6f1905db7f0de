"""Model cards: every line is what the tables, the recipe and the curve say, and what nobody stated is said to be not stated."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.identity import model_hash
from pipeline.publication import write_table
from pipeline.recipe import Recipe, parse_recipe
from pipeline.records import Example, Grade, Message
from pipeline.report.card import Taught, corpus_card, write_cards
from pipeline.settings import REPOSITORY
from tests.rows import make_task

STUDENT = Taught("distilled", "distilled", "5_corpus", 3)
PARTS: dict[str, Any] = {
    "name": "small", "source": {"kind": "jsonl", "path": "/somewhere/tasks.jsonl"}, "filters": ["finished", "not_empty"],
    "teacher": {"backend": "openai", "model": "gpt-5-mini"}, "student": {"model": "owner/base", "seed": 3, "epochs": 2},
    "methods": [{"method": "chain_of_thought"}, {"method": "in_context", "tag": "[answer]"}], "decontaminate": False,
}  # fmt: skip


def example(number: int, split: str) -> Example:
    said = [Message(role="user", content="How many?"), Message(role="assistant", content=str(number))]
    given = {"id": f"e{number}", "sample_id": "s", "task_id": "t", "method": "chain_of_thought", "view": "rationale"}
    return Example(**given, split=split, messages=said, weight=1.0, tokens=3)


def grade(model: str, item: int, correct: bool) -> Grade:
    given = {"benchmark": "jsonl:test", "kind": "question", "mode": "greedy", "key": "k", "text": "", "seconds": 0.0}
    return Grade(**given, task_id=f"i{item}", model=model, prediction="1", expected="1", correct=correct)


def make_run(folder: Path, **parts: Any) -> Path:
    """A run that was evaluated: distilled is right on three items of four, base on none."""
    run = folder / "small"
    (run / "student/distilled").mkdir(parents=True)
    (run / "recipe.yaml").write_text(recipe(**parts).as_yaml())
    (run / "run.json").write_text(
        json.dumps({"version": "9.9", "commit": "abc", "python": "3.11.2", "packages": {"trl": "1.1"}})
    )
    (run / "student/distilled.jsonl").write_text('{"fingerprint": "f"}\n{"done": true, "steps": 12, "tokens": 345}\n')
    write_table(run, "1_tasks", [make_task()])
    write_table(run, "5_corpus", [example(0, "train"), example(1, "train"), example(2, "dev")])
    grades = [grade(model, item, model == "distilled" and item > 0) for model in ("base", "distilled") for item in range(4)]
    write_table(run, "6_evaluation", grades)
    return run


def recipe(**parts: Any) -> Recipe:
    return parse_recipe(PARTS | parts, "small", "here")


def card(run: Path, student: Taught = STUDENT) -> str:
    write_cards(run, [student])
    return (run / "student" / student.name / "README.md").read_text()


def front(text: str) -> dict[str, Any]:
    """The metadata, as a hub reads them."""
    before, metadata, _ = text.split("---\n", 2)
    assert before == ""
    return dict(yaml.safe_load(metadata))


def test_figures_with_their_intervals(tmp_path: Path) -> None:
    text = card(make_run(tmp_path))
    assert "| benchmark | items | base | distilled |\n|---|---|---|---|\n" in text
    assert "| jsonl:test, question | 4 | 0.0 (0–49) | 75.0 (30–95) |\n" in text  # Wilson: 0–0.490, 0.301–0.954
    assert re.search(r"- jsonl:test: distilled is not told apart from base \(\+75\.0 points, p = 0\.2500", text)


def test_rows_of_the_other_harness_are_said_to_be(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "lm-evaluation-harness" not in card(run)
    write_table(run, "6_evaluation", [grade("distilled", 0, True).model_copy(update={"benchmark": "harness:arc"})])
    assert "Rows named `harness:` are\nlm-evaluation-harness's own.\n\n| benchmark" in card(run)


def test_what_it_was_made_of(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    text = card(run)
    for name, rows in (("1_tasks", 1), ("5_corpus", 3)):
        digest = hashlib.sha256((run / f"{name}.parquet").read_bytes()).hexdigest()
        assert f"| {name} | {rows} | `{digest}` |\n" in text
    assert "| train | chain_of_thought | 2 |\n| dev | chain_of_thought | 1 |\n" in text
    assert "[2212.10071](https://arxiv.org/abs/2212.10071)" in text and "[2212.10670](https://arxiv.org/abs/2212.10670)" in text
    assert "Filters: finished, not_empty\n" in text
    assert "epochs 2.0" in text and "seed 3" in text and "steps 12, tokens 345." in text
    assert "distill 9.9, commit abc, Python 3.11.2, trl 1.1." in text
    assert "gpt-5-mini" in text and "with a line beside the question" in text
    assert "{% block user %}" in text  # the template it learned to read


def test_the_recipe_in_it_runs(tmp_path: Path) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", card(make_run(tmp_path)), re.DOTALL)
    assert parse_recipe(yaml.safe_load(block), "small", "the card") == recipe(source={"kind": "jsonl", "path": "tasks.jsonl"})


def test_licences_are_stated_or_said_not_to_be(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    text = card(make_run(tmp_path / "a", student={"model": str(base)}))
    assert "its licence: not stated" in text and "tasks.jsonl (jsonl); licence: not stated" in text
    (base / "README.md").write_text("---\nlicense: mit\n---\n# Base\n")
    assert "its licence: mit\n" in card(make_run(tmp_path / "b", student={"model": str(base)}))
    (base / "README.md").write_bytes(b"---\nlicense: [\xff\n---\n")
    text = card(make_run(tmp_path / "d", student={"model": str(base)}))
    assert "its licence: not stated" in text and "Base: `base`" in text and str(tmp_path) not in text
    assert "made by this project; licence: Apache-2.0\n" in card(make_run(tmp_path / "c", source={"kind": "mini"}))


@pytest.mark.parametrize("kind", [{"kind": "csv", "path": "tasks.csv"}, {"kind": "hub", "dataset": "owner/data"}])
def test_the_licence_of_a_source_stands_on_both_cards(tmp_path: Path, kind: dict[str, str]) -> None:
    run = make_run(tmp_path, source=kind | {"licence": "CC BY-SA 4.0"})
    for text in (card(run), corpus_card(run)):
        [line] = [line for line in text.splitlines() if line.startswith("- Questions: ")]
        assert line.endswith("; licence: CC BY-SA 4.0")
        assert "license" not in front(text)  # what a teacher's answers may be used under is more than the questions' licence


def test_the_metadata_name_what_a_hub_knows(tmp_path: Path) -> None:
    known = {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["distillation"]}
    assert front(card(make_run(tmp_path / "a"))) == known | {"base_model": "owner/base"}
    source = {"kind": "hub", "dataset": "owner/data", "config": "main", "revision": "abc"}
    text = card(make_run(tmp_path / "b", source=source, student={"model": str(tmp_path)}))
    assert front(card(make_run(tmp_path / "c", student={"model": "/gone/base"}))) == known
    assert front(text) == known | {"datasets": ["owner/data"]}  # a folder here is no name on a hub
    assert "owner/data [main], split train, revision abc; licence: not stated" in text


def test_a_card_before_any_evaluation_and_of_a_part_of_the_corpus(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run / "6_evaluation.parquet").unlink()
    (run / "run.json").unlink()
    (run / "student/distilled@25%").mkdir()
    text = card(run, Taught("distilled@25%", "distilled@25%", "5_corpus", 0))
    assert (
        "trained on 25 % of the tasks of the corpus" in text and "What it can do" not in text and "(version not stated)" in text
    )


def test_only_students_that_are_there_get_one(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    write_cards(run, [STUDENT, Taught("control", "control", "5_control", 3)])
    assert [path.name for path in (run / "student").iterdir() if path.is_dir()] == ["distilled"]


def test_the_corpus_as_a_data_set(tmp_path: Path) -> None:
    text = corpus_card(make_run(tmp_path))
    [config] = front(text)["configs"]
    assert config["data_files"] == [
        {"split": "train", "path": "train.parquet"},
        {"split": "validation", "path": "dev.parquet"},
    ]
    assert "| `weight` | Weight of its loss. |" in text and "| train | chain_of_thought | 2 |" in text


@pytest.mark.slow
def test_its_code_loads_the_student(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    student = run / "student/distilled"
    shutil.copytree(REPOSITORY / "data/mini/student", student, dirs_exist_ok=True)
    before = model_hash(student)
    [code] = re.findall(r"```python\n(.*?)```", card(run), re.DOTALL)
    assert model_hash(student) == before  # the card is no part of the model
    done = subprocess.run([sys.executable, "-c", code.replace("max_new_tokens=512", "max_new_tokens=5")], cwd=student,
                          capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0 and done.stdout.strip(), done.stderr

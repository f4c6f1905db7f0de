"""The page of a run whose recipe or log somebody edited into another shape: what cannot be read is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.publication import write_table
from pipeline.report.page import write_page
from tests.report.grades import make_grade
from tests.report.test_page import Outline
from tests.rows import make_task

RECIPES = (
    "teacher: hello\nmethods: [chain_of_thought]\n",
    "teacher: {model: m, sampling: [1]}\nstudent: 3\nmethods: chain_of_thought\n",
    "teacher:\nstudent:\nmethods:\nselection: hello\n",
    "methods: [{samples: 2}, 7]\nselection: [1]\n",
)
LOGS = (
    {"starts": None, "packages": None},
    {"starts": {"verb": "generate"}, "packages": ["polars"]},
    {"starts": ["generate", {"verb": "generate", "asked": 3}, {"verb": "generate", "asked": "x", "seconds": None, "cost": []}]},
)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("log", LOGS)
def test_another_shape(tmp_path: Path, recipe: str, log: object) -> None:
    write_table(tmp_path, "1_tasks", [make_task()])
    write_table(tmp_path, "6_evaluation", [make_grade("a", "base", True)])
    (tmp_path / "recipe.yaml").write_text(recipe)
    (tmp_path / "run.json").write_text(json.dumps(log))
    assert Outline(write_page(tmp_path).read_text(encoding="utf-8")).unclosed == []


def test_what_is_there_is_told(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task()])
    (tmp_path / "recipe.yaml").write_text(RECIPES[0])
    (tmp_path / "run.json").write_text(json.dumps(LOGS[2]))
    text = Outline(write_page(tmp_path).read_text(encoding="utf-8")).text
    assert "Methods chain_of_thought" in text
    assert "2 starts" in text and "generate 0:00 3 0 0 0 unknown" in text and "nobody was asked" in text

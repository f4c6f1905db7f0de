"""The labels of a run's samples, by ids and by texts, and a recipe in which they are broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.filters.labels import LabelFields, LabelFile
from pipeline.inspect.labels import label_file, labels_of_samples
from pipeline.inspect.thresholds import read_scores
from tests.inspect.runs import sample_id, score, whole_run

LABELLED = range(30, 50)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def by_text(folder: Path) -> LabelFile:
    rows = [{"asked": f"how much is {n} AND {n}?", "said": f"It  is {2 * n}.", "good": n % 4 == 0} for n in LABELLED]
    fields = LabelFields(prompt="asked", text="said", label="good")
    return LabelFile(path=written(folder / "texts.jsonl", rows), fields=fields)


def test_labels_by_text_are_those_by_id(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run")
    rows = [{"id": sample_id(n), "good": n % 4 == 0} for n in LABELLED]
    by_id = LabelFile(path=written(tmp_path / "ids.jsonl", rows), fields=LabelFields(id="id", label="good"))
    found = [labels_of_samples(run, each).sort("sample") for each in (by_text(tmp_path), by_id)]
    assert found[0].height == len(LABELLED) and found[0].equals(found[1])


def test_labels_by_text_judge_a_threshold(tmp_path: Path) -> None:
    kept = read_scores(whole_run(tmp_path / "run"), "judge", by_text(tmp_path)).at(score(40), "above")
    assert kept.good is not None and kept.found is not None
    assert (kept.good.count, kept.good.of, kept.found.of) == (3, 10, 5)


@pytest.mark.parametrize("labels", ["{}", "3", "{path: x.jsonl, fields: {id: id}}"])
def test_broken_labels_name_the_recipe(tmp_path: Path, labels: str) -> None:
    (tmp_path / "recipe.yaml").write_text(f"labels: {labels}\n")
    with pytest.raises(UserError, match=r"recipe\.yaml: labels: "):
        label_file(tmp_path)
    (tmp_path / "recipe.yaml").write_text("name: run\n")
    assert label_file(tmp_path) is None

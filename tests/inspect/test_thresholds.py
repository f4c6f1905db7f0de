"""The scores behind the slider: read anew when their labels are, and no place of it without a number."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from pipeline.filters.labels import LabelFields, LabelFile
from pipeline.inspect.parts import threshold
from pipeline.inspect.remembered import Remembered
from pipeline.inspect.thresholds import Scores, read_scores
from pipeline.inspect.views import Inspected, dropped
from pipeline.report.quality import Direction
from tests.inspect.runs import SAMPLES, sample_id, score, whole_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_run(tmp_path_factory.mktemp("runs") / "run")


def inspected(folder: Path) -> Inspected:
    return Inspected(folder, "elsewhere", Remembered(folder))


def test_other_labels_in_the_same_file_are_noticed(run: Path, tmp_path: Path) -> None:
    labels = LabelFile(path=tmp_path / "labels.jsonl", fields=LabelFields(id="id", label="good"))
    found = []
    for good in ([True] * 3, [True, False] * 3):
        lines = [{"id": sample_id(SAMPLES - 1 - n), "good": each} for n, each in enumerate(good)]
        (tmp_path / "labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        kept = read_scores(run, "judge", labels).at(0.5, "above")
        found.append((kept.good.count, kept.good.of) if kept.good else None)
    assert found == [(3, 3), (3, 6)]


@pytest.mark.parametrize("direction", ["above", "below"])
def test_no_place_of_the_slider_is_without_a_number(direction: Direction) -> None:
    values = np.array([-math.inf, -math.inf, 0.25, 0.5, math.inf, math.nan])
    for kept in range(len(values) + 1):
        scores = Scores("f", (direction,), len(values), kept, values, values[:0], values[:0])
        assert scores.places and set(scores.places) <= {0.25, 0.5}


@pytest.mark.parametrize(("direction", "place"), [("", 30), ("above", 30), ("below", 29)])
def test_the_slider_begins_where_as_much_is_kept_as_now(run: Path, direction: str, place: int) -> None:
    found = dropped(inspected(run), {"filter": "judge", "direction": direction})
    assert (found["at"], found["scores"].places[found["at"]]) == (place, score(place))


@pytest.mark.parametrize("labels", ["{}", "{path: gone.jsonl, fields: {id: id, label: good}}"])
def test_a_threshold_needs_no_labels(tmp_path: Path, labels: str) -> None:
    run = whole_run(tmp_path / "run")
    (run / "recipe.yaml").write_text(f"labels: {labels}\n")
    asked = {"filter": "judge", "direction": "above", "at": "0.75"}
    found = threshold(inspected(run), asked)["found"]
    assert (found.kept.count, found.good) == (SAMPLES // 4, None)
    told = dropped(inspected(run), asked)
    assert told["why"] and told["scores"].judged == SAMPLES

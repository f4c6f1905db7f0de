"""The quality of a filter against labels: shares by hand, sweeps that agree with counting, figures on real answers."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.filters.self_consistency import SelfConsistency
from pipeline.report.quality import MOST_THRESHOLDS, directions, quality, sweep
from pipeline.statistics import Proportion
from tests.rows import make_sample, make_task, public_data

Row = tuple[float | None, str, bool | None]
SCHEMA = {"score": pl.Float64, "decision": pl.String, "label": pl.Boolean}


def frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


BY_HAND: list[Row] = [
    (0.9, "keep", True), (0.8, "keep", True), (0.7, "keep", False), (0.6, "keep", None),
    (0.4, "drop", False), (0.3, "drop", True), (None, "drop", False),
    (None, "unverifiable", True), (None, "unverifiable", False),
]  # fmt: skip


def test_quality_by_hand() -> None:
    found = quality(frame(BY_HAND))
    assert found.accuracy == Proportion(4, 8)
    assert found.kept == Proportion(3, 8)
    assert found.kept_accuracy == Proportion(2, 3)
    assert found.drop_precision == Proportion(2, 3)
    assert found.drop_recall == Proportion(2, 4)
    assert found.unverifiable == Proportion(2, 8)


def test_quality_of_nothing() -> None:
    found = quality(frame([(0.5, "keep", None)]))
    assert found.kept == found.drop_precision == Proportion(0, 0)
    assert sweep(frame([])) == []


def test_sweep_by_hand() -> None:
    found = [(each.direction, each.score, each.kept, each.accuracy) for each in sweep(frame(BY_HAND))]
    assert found == [
        ("above", 0.3, Proportion(5, 8), Proportion(3, 5)),
        ("above", 0.4, Proportion(4, 8), Proportion(2, 4)),
        ("above", 0.7, Proportion(3, 8), Proportion(2, 3)),
        ("above", 0.8, Proportion(2, 8), Proportion(2, 2)),
        ("above", 0.9, Proportion(1, 8), Proportion(1, 1)),
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, "keep"), (0, "drop")], ("above",)),
        ([(0.5, "keep"), (1, "keep"), (0.5, "drop"), (0, "drop")], ("above",)),
        ([(0, "keep"), (1, "drop")], ("below",)),
        ([(0.5, "keep"), (0, "drop"), (1, "drop")], ("above", "below")),
        ([(0.5, "keep"), (0.5, "drop")], ("above", "below")),
        ([(0.5, "keep"), (1, "keep")], ("above", "below")),
        ([(None, "keep"), (None, "drop")], ("above", "below")),
    ],
)
def test_directions(rows: list[tuple[float | None, str]], expected: tuple[str, ...]) -> None:
    assert directions(frame([(score, decision, True) for score, decision in rows])) == expected


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 60).map(float), st.sampled_from(["keep", "drop", "unverifiable"]), st.none() | st.booleans()
    ),
    max_size=120,
)


@given(ROWS)
def test_sweeps_agree_with_counting(rows: list[Row]) -> None:
    known = [row for row in rows if row[2] is not None]
    scores = sorted({score for score, _, _ in known if score is not None})
    found = sweep(frame(rows))
    for direction in ("above", "below"):
        thresholds = [each.score for each in found if each.direction == direction]
        assert thresholds == sorted(set(thresholds)) and len(thresholds) <= MOST_THRESHOLDS
        assert not thresholds or {scores[0], scores[-1]} <= set(thresholds) <= set(scores)
        assert not thresholds or len(scores) > MOST_THRESHOLDS or thresholds == scores
    for each in found:
        kept = [
            label
            for score, _, label in known
            if score is not None and (score >= each.score if each.direction == "above" else score <= each.score)
        ]
        assert (each.kept, each.accuracy) == (Proportion(len(kept), len(known)), Proportion(kept.count(True), len(kept)))


@given(ROWS)
def test_parts_make_the_whole(rows: list[Row]) -> None:
    found = quality(frame(rows))
    dropped = found.drop_precision.of
    assert found.kept.count + dropped + found.unverifiable.count == found.accuracy.of == sum(row[2] is not None for row in rows)
    assert found.kept.count == found.kept_accuracy.of and found.drop_recall.count == found.drop_precision.count


def test_thresholds_are_spread_by_samples() -> None:
    """Nine in ten samples have scores from 0.9 to 1: so have the thresholds."""
    rows: list[Row] = [(0.9 + place / 10_000, "keep", True) for place in range(900)]
    rows += [(place / 1_000, "keep", True) for place in range(100)]
    found = [each.score for each in sweep(frame(rows)) if each.direction == "above"]
    assert len(found) == MOST_THRESHOLDS
    assert sum(score >= 0.9 for score in found) in (17, 18, 19)


def test_the_vote_of_four_models() -> None:
    """Self-consistency on 660 questions: of those dropped 92.6 % are wrong, of those kept 76.7 % right; of all 38.2 % are."""
    rows: list[Row] = []
    with public_data("gsm8k_model_solutions.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row: dict[str, Any] = json.loads(line)
            given_answers = [row[name] for name in row if name not in ("question", "ground_truth")]
            samples = [make_sample(each["solution"], response_keys=[str(place)]) for place, each in enumerate(given_answers)]
            words = SelfConsistency(filter="self_consistency").judge_group(make_task(), samples)
            labels = [each["is_correct"] for each in given_answers]
            rows += [(word.score, word.decision, label) for word, label in zip(words, labels, strict=True)]
    found = quality(frame(rows))
    assert str(found.accuracy) == "38.2 [36.3, 40.1]"
    assert (str(found.kept), str(found.kept_accuracy)) == ("41.0 [39.2, 42.9]", "76.7 [74.1, 79.2]")
    assert (str(found.drop_precision), str(found.drop_recall)) == ("92.6 [89.9, 94.6]", "28.2 [26.1, 30.4]")
    assert str(found.unverifiable) == "40.2 [38.3, 42.0]"
    assert [(each.direction, each.score, each.kept, each.accuracy) for each in sweep(frame(rows))] == [
        ("above", 0.25, Proportion(1580, 2640), Proportion(868, 1580)),
        ("above", 0.5, Proportion(1083, 2640), Proportion(831, 1083)),
        ("above", 0.75, Proportion(697, 2640), Proportion(637, 697)),
        ("above", 1.0, Proportion(364, 2640), Proportion(352, 364)),
    ]

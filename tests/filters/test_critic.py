"""The critic: what it learns from labels, where it cuts, what it says of samples it never saw, and what it refuses."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters.critic import LONGEST, Critic, sweep, text_of
from pipeline.filters.verdicts import Word
from pipeline.records import Message, Sample, Task
from tests.filters.survivors import Rows
from tests.rows import make_sample, make_task, public_data

pytest.importorskip("sklearn")
GOOD, BAD = ("adds", "so", "therefore", "equals"), ("hm", "maybe", "dunno", "whatever")
Row = tuple[Task, Sample]


def rows(count: int, seed: int = 0) -> list[tuple[Row, bool]]:
    """Replies that are mostly made of good words or of bad ones, three to a task, with whether they are good."""
    chance = random.Random(seed)
    found = []
    for place in range(count):
        good = chance.random() < 0.5
        words = chance.choices(GOOD if good else BAD, k=6) + chance.choices(GOOD + BAD, k=3)
        task = make_task(id=f"t{place // 3}", prompt=f"Question {place // 3}?")
        messages = [Message(role="user", content=task.prompt)]
        found.append(((task, make_sample(" ".join(words), id=f"s{place}", task_id=task.id, messages=messages)), good))
    return found


def labels(folder: Path, labelled: Sequence[tuple[Row, bool]]) -> dict[str, Any]:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps({"id": sample.id, "good": good}) + "\n" for (_, sample), good in labelled))
    return {"path": path, "fields": {"id": "id", "label": "good"}}


def judged(folder: Path, given: Sequence[tuple[Row, bool]], labelled: int, **fields: Any) -> list[Word]:
    critic = Critic(filter="critic", labels=labels(folder, given[:labelled]), **fields)
    return list(critic.judge_all(Rows([row for row, _ in given])))


def test_what_it_learned_holds_for_what_it_never_saw(tmp_path: Path) -> None:
    given = rows(300)
    words = judged(tmp_path, given, 120, precision=0.9)
    right = [(word.decision == "keep") == good for word, (_, good) in zip(words, given, strict=True)]
    assert sum(right[120:]) >= 0.9 * 180 and sum(right[:120]) >= 0.9 * 120
    assert all(0 <= (word.score or -1) <= 1 for word in words)
    assert {word.reason for word in words} == {"the critic accepts it", "the critic rejects it"}
    assert len({word.detail for word in words}) == 1
    assert words[0].detail.startswith("threshold 0.") and words[0].detail.endswith("on 120 labels held out")
    assert judged(tmp_path, given, 120, precision=0.9) == words


def test_labels_that_mean_nothing_teach_nothing(tmp_path: Path) -> None:
    chance = random.Random(1)
    given = [(row, chance.random() < 0.5) for row, _ in rows(200)]
    with pytest.raises(UserError, match=r"no threshold reaches precision 0\.9; 0\.\d+ is reached at recall"):
        judged(tmp_path, given, 200, precision=0.9)


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.95, 1.0])
def test_the_wanted_recall_is_reached_on_what_was_held_out(tmp_path: Path, wanted: float) -> None:
    given = rows(150)
    words = judged(tmp_path, given, 150, recall=wanted)
    kept = [good for word, (_, good) in zip(words, given, strict=True) if word.decision == "keep"]
    recall = sum(kept) / sum(good for _, good in given)
    assert recall >= wanted and f"recall {recall:.3f}" in words[0].detail
    assert f"precision {sum(kept) / len(kept):.3f}" in words[0].detail


def test_a_sweep_by_hand() -> None:
    cuts = list(sweep(np.array([0.9, 0.1, 0.5, 0.5]), np.array([True, False, True, False])))
    assert [(each.threshold, each.precision, each.recall) for each in cuts] == [
        (0.9, 1.0, 0.5),
        (0.5, pytest.approx(2 / 3), 1.0),
        (0.1, 0.5, 1.0),
    ]


def test_samples_of_one_task_are_held_out_together(tmp_path: Path) -> None:
    """Each task has a word of its own that tells its label: whoever saw a task knows it, and a critic must not have."""
    chance = random.Random(2)
    truth = [chance.random() < 0.5 for _ in range(30)]
    given = []
    for place in range(150):
        number = place % 30
        task = make_task(id=f"t{number}", prompt=f"word{number} " * 5)
        messages = [Message(role="user", content=task.prompt)]
        given.append(((task, make_sample("Same.", id=f"s{place}", task_id=task.id, messages=messages)), truth[number]))
    words = judged(tmp_path, given, 150, recall=1.0)
    precision = float(words[0].detail.partition("precision ")[2].partition(",")[0])
    assert precision < 0.75


@pytest.mark.parametrize(
    ("count", "change", "words"),
    [
        (40, None, "40 of 40 samples have a label, and the critic needs 50"),
        (60, True, "60 of 60 samples have a label, all of them good"),
        (60, False, "all of them bad"),
    ],
)
def test_too_little_to_learn_from(tmp_path: Path, count: int, change: bool | None, words: str) -> None:
    given = [(row, good if change is None else change) for row, good in rows(count)]
    with pytest.raises(UserError, match=words):
        judged(tmp_path, given, count, precision=0.5)


def test_labels_of_one_task_cannot_be_held_out(tmp_path: Path) -> None:
    given = [((make_task(), sample.model_copy(update={"task_id": "t1"})), good) for (_, sample), good in rows(60)]
    with pytest.raises(UserError, match="too few labels to hold some back"):
        judged(tmp_path, given, 60, precision=0.5)


@pytest.mark.parametrize("fields", [{}, {"precision": 0.9, "recall": 0.9}, {"precision": 0.0}, {"recall": 1.1}])
def test_exactly_one_thing_is_wanted(tmp_path: Path, fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Critic(filter="critic", labels=labels(tmp_path, rows(3)), **fields)


def test_a_file_of_labels_is_named() -> None:
    with pytest.raises(ValidationError, match=r"labels\.path\n"):
        Critic(filter="critic", labels={"fields": {"id": "id", "label": "good"}}, recall=0.9)


def test_what_it_rests_on(tmp_path: Path) -> None:
    first = Critic(filter="critic", labels=labels(tmp_path, rows(60)), recall=0.9).rests_on()
    second = Critic(filter="critic", labels=labels(tmp_path, rows(61)), recall=0.9).rests_on()
    assert first[0] != second[0] and first[1] == second[1] and first[1].startswith("scikit-learn 1")


@pytest.mark.parametrize("text", ["", " ", "\x00", "a" * 10**6, "\ud800", "🙂" * 10**5, "\u202eab", "(" * 10**6])
def test_odd_texts_are_judged(tmp_path: Path, text: str) -> None:
    given = rows(60)
    given.append(((make_task(id="odd"), make_sample(text, id="odd", task_id="odd")), True))
    words = judged(tmp_path, given, 60, recall=0.9)
    assert len(words) == 61 and words[-1].decision in ("keep", "drop")
    assert len(text_of(given[-1][0][1])) <= LONGEST + 1


def test_without_samples_nothing_is_needed(tmp_path: Path) -> None:
    critic = Critic(filter="critic", labels={"path": tmp_path / "none.jsonl", "fields": {"id": "id", "label": "l"}}, recall=0.9)
    assert list(critic.judge_all(Rows([]))) == []


@pytest.mark.slow
def test_real_labels(tmp_path: Path) -> None:
    """2,640 answers of four models: a third of the tasks is labelled, the rest is judged. Surface says little of whether a sum
    is right, and the critic admits it."""
    path = public_data("gsm8k_model_solutions.jsonl")
    given: list[tuple[Row, bool]] = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            row = json.loads(line)
            given += real_rows(number, row)
    labelled = len(given) // 3
    words = judged(tmp_path, given, labelled, recall=0.5)
    kept = [good for word, (_, good) in list(zip(words, given, strict=True))[labelled:] if word.decision == "keep"]
    share = sum(good for _, good in given[labelled:]) / (len(given) - labelled)
    assert words[0].detail == "threshold 0.3498: precision 0.430, recall 0.502 on 880 labels held out"
    assert share == pytest.approx(0.386, abs=0.001)
    assert sum(kept) / len(kept) == pytest.approx(0.49, abs=0.03), "389 of 790"


def real_rows(number: int, row: dict[str, Any]) -> list[tuple[Row, bool]]:
    task = make_task(id=f"t{number}", prompt=row["question"])
    messages = [Message(role="user", content=task.prompt)]
    answers = [value for value in row.values() if isinstance(value, dict)]
    return [
        ((task, make_sample(each["solution"], id=f"s{number}-{place}", task_id=task.id, messages=messages)), each["is_correct"])
        for place, each in enumerate(answers)
    ]

"""Figures of the page against what the tables hold: thresholds, differing items, calls, sources, trained text."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.errors import UserError
from pipeline.filters.labels import LabelFields, LabelFile
from pipeline.inspect.calls import read_calls
from pipeline.inspect.differing import read_differing
from pipeline.inspect.remembered import Remembered
from pipeline.inspect.sources import read_sources
from pipeline.inspect.thresholds import STEPS, Scores, cases, edge, read_scores
from pipeline.inspect.trained import pieces
from pipeline.report.quality import Direction
from pipeline.tables import table_path
from tests.inspect.runs import ITEM, SAMPLES, example, get, sample_id, score, served, whole_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_run(tmp_path_factory.mktemp("runs") / "run")


def test_every_threshold_keeps_what_it_would(run: Path) -> None:
    scores = read_scores(run, "judge")
    assert (scores.judged, scores.kept_now, scores.directions) == (SAMPLES, SAMPLES // 2, ("above",))
    for at in (-1.0, 0.0, 0.25, 0.5, score(SAMPLES - 1), 2.0):
        above, below = scores.at(at, "above"), scores.at(at, "below")
        assert above.kept.count == sum(score(n) >= at for n in range(SAMPLES))
        assert below.kept.count == sum(score(n) <= at for n in range(SAMPLES))
        assert above.good is None
    assert scores.places == sorted({score(n) for n in range(SAMPLES)})


SIDES: tuple[tuple[Direction, int], ...] = (("above", -1), ("below", 1))


@pytest.mark.parametrize("kept", [1, 7, 4_993, 4_999])
def test_the_slider_stops_where_the_threshold_is_now(kept: int) -> None:
    values = np.sort(np.random.default_rng(1).random(5_000))
    scores = Scores("f", ("above",), len(values), kept, values, values[:0], values[:0])
    for direction, step in SIDES:
        counts = [scores.at(each, direction).kept.count for each in scores.places]
        assert {kept, kept + 1} <= set(counts) and kept - 1 in {0, *counts}, "and a sample further to each side"
        assert counts == sorted(counts)[::step]
    assert len(scores.places) <= STEPS + 6


def test_labels_say_how_good_what_is_kept_is(run: Path, tmp_path: Path) -> None:
    lines = [{"id": sample_id(n), "good": n % 2 == 0} for n in range(0, SAMPLES, 3)]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    labels = LabelFile(path=tmp_path / "labels.jsonl", fields=LabelFields(id="id", label="good"))
    kept = read_scores(run, "judge", labels).at(0.5, "above")
    labelled = [n for n in range(0, SAMPLES, 3) if score(n) >= 0.5]
    good = [n for n in labelled if n % 2 == 0]
    assert kept.good is not None and kept.found is not None
    assert (kept.good.count, kept.good.of) == (len(good), len(labelled))
    assert (kept.found.count, kept.found.of) == (len(good), len(range(0, SAMPLES, 6)))


def test_the_edge_and_the_cases_are_the_nearest_and_the_farthest(run: Path) -> None:
    sides = edge(run, "judge", 0.5, "above")
    assert [row["sample_id"] for row in sides["kept"]] == [sample_id(n) for n in (30, 31, 32)]
    assert [row["sample_id"] for row in sides["dropped"]] == [sample_id(n) for n in (29, 28, 27)]
    assert sides["kept"][0]["target"] == "It is 60." and sides["kept"][0]["prompt"] == "How much is 30 and 30?"
    found = cases(run, "judge", "too bad", "above")
    assert [row["sample_id"] for row in found["mildest"]] == [sample_id(n) for n in (29, 28, 27)]
    assert [row["sample_id"] for row in found["sharpest"]] == [sample_id(n) for n in (0, 1, 2)]
    assert list(cases(run, "no_duplicates", "the same", "above")) == ["for example"]


def test_items_on_which_two_models_differ(run: Path) -> None:
    found = read_differing(run, "distilled", "teacher", "second")
    assert found.counts == {"first": 0, "second": 1, "differ": 1, "answers": 1, "both": 1, "neither": 0}
    [pair] = found.pairs
    assert (pair.task_id, pair.question, pair.expected) == (ITEM, "The item of the benchmark", "7")
    assert (pair.first["prediction"], pair.second["text"]) == ("8", "Surely 7.")
    assert not read_differing(run, "distilled", "teacher", "first").pairs
    with pytest.raises(UserError, match="there is no 'nobody'"):
        read_differing(run, "nobody", "teacher", "first")


def test_calls_by_template_and_over_time(run: Path, tmp_path: Path) -> None:
    store = tmp_path / "responses.sqlite"
    with sqlite3.connect(store) as connection:
        connection.execute("CREATE TABLE replies (key TEXT PRIMARY KEY, landed REAL NOT NULL)")
        connection.executemany("INSERT INTO replies VALUES (?, ?)", [(f"{n:064x}", 1e9 + 10.0 * n) for n in range(SAMPLES)])
    connection.close()
    tried = {"retried_at": {str(10**9 // 60 * 60 + 240): 7, "2000000000": 2, "soon": 3}}
    (run / "run.json").write_text(json.dumps({"starts": [{"verb": "generate"}, tried]}))
    found = read_calls(run, store)
    [group] = found.groups
    assert (group["calls"], group["failed"], group["cost"], group["median"]) == (SAMPLES, 1, SAMPLES / 2, 29.5)
    assert (found.landed, found.looked_up, found.answered) == (SAMPLES, SAMPLES, SAMPLES)
    assert [each["calls"] for each in found.errors] == [1] and found.errors[0]["error"].startswith("429")
    assert sum(span.calls for span in found.spans) == SAMPLES and found.spans[0].began == 1e9
    assert sum(span.tokens for span in found.spans) == sum(range(SAMPLES))
    assert [span.failed for span in found.spans][-1] == 1
    assert [span.retried for span in found.spans if span.retried] == [7, 2]  # the last failed after the last reply
    assert found.spans[-1].retried == 2 and found.spans[0].retried == 0
    with sqlite3.connect(store) as connection:  # somebody removed what another run does not need
        connection.execute("DELETE FROM replies WHERE landed >= 1000000050")
    connection.close()
    pruned = read_calls(run, store)
    assert (pruned.landed, pruned.looked_up, pruned.answered) == (5, SAMPLES, SAMPLES)
    with served(run, store) as port:
        assert f"of {SAMPLES} calls looked up, 5 are still in the store" in get(port, "/calls")[2]
    assert "there is none at" in read_calls(run, tmp_path / "gone.sqlite").why_no_times
    store.write_bytes(b"no database" * 1000)
    assert "cannot be read" in read_calls(run, store).why_no_times


def test_sources_add_up(run: Path) -> None:
    steps = {each.source: each for each in read_sources(run) if not each.method}
    assert {name: each.tasks for name, each in steps.items()} == {"jsonl:one": 41, "jsonl:two": 20}
    assert sum(each.samples for each in steps.values()) == sum(each.calls for each in steps.values()) == SAMPLES
    assert sum(each.passed for each in steps.values()) == SAMPLES // 2 - 2  # one is dropped besides, one undecided
    assert sum(each.corpus for each in steps.values()) == SAMPLES // 2 - 2
    assert steps["jsonl:two"].cost == 10.0


def test_what_is_trained_is_marked_with_and_without_a_tokenizer() -> None:
    row = example(40).model_dump()
    assert [(each.text, each.trained, each.answer) for each in pieces(row)] == [
        ("It is ", False, False), ("80", True, True), (".", True, False),
    ]  # fmt: skip
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    found = pieces(row, tokenizer)
    assert "".join(each.text for each in found) == "It is 80."
    assert [each.text for each in found if each.trained] == [" 80", "."] and all(each.token for each in found)
    assert all(each.trained for each in pieces(row | {"loss_spans": None}))


def test_figures_are_made_once_until_a_table_changes(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run", 4)
    made: list[int] = []
    remembered = Remembered(run)
    for _ in range(2):
        remembered("figure", lambda: made.append(1))
    assert len(made) == 1
    table_path(run, "6_items").unlink()
    remembered("figure", lambda: made.append(1))
    assert len(made) == 2

"""Diversity of corpora, against figures computed by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

from pipeline.publication import write_table
from pipeline.records import Example, Message
from pipeline.report.diversity import COMPARED, SAMPLE, distinct, mean_words, read_diversity, self_rouge


def example(name: str, answer: str, task: str = "t") -> Example:
    said = [Message(role="user", content="Some words that do not count?"), Message(role="assistant", content=answer)]
    given = {"sample_id": name, "method": "m", "view": "v", "split": "train", "weight": 1.0, "tokens": 1}
    return Example(id=name, task_id=task, messages=said, **given)


def written(folder: Path, examples: Iterable[Example], table: str = "5_corpus") -> Path:
    folder.mkdir(exist_ok=True)
    write_table(folder, table, examples)
    return folder


def test_distinct() -> None:
    """a b of 4 words and c; ab ba ab, ab bc; aba bab, abc: no run reaches from one text into the next."""
    assert distinct(pl.Series(["a b a b", "A b, c"])) == {1: 3 / 7, 2: 3 / 5, 3: 1.0}
    assert distinct(pl.Series(["a", "", "a"])) == {1: 1 / 2}
    assert distinct(pl.Series([], dtype=pl.String)) == {}


def test_mean_words() -> None:
    assert mean_words(pl.Series(["a b a b", "", "c d"])) == 2.0
    assert mean_words(pl.Series([], dtype=pl.String)) == 0.0


def test_self_rouge() -> None:
    """A copy among the answers to one question says nothing; `a b` of two times four words is 2 * 2 / 8."""
    answers = [("q1", "a b c d"), ("q1", "a b c d"), ("q2", "a b x y"), ("q3", "z"), ("q4", "…")]
    assert self_rouge(answers) == pytest.approx((0.5 + 0.5 + 0.5 + 0) / 4)
    assert self_rouge([("q1", "a b"), ("q2", "A b!")]) == 1.0
    assert self_rouge([("q1", "a b"), ("q1", "a c"), ("q2", "…")]) is None


def test_rows_of_every_corpus_there_is(tmp_path: Path) -> None:
    rows = [example("e1", "a b a b", "t1"), example("e2", "a b c", "t1"), example("e3", "d", "t2")]
    written(tmp_path, rows)
    written(tmp_path, rows[2:], "5_gold_labels")
    corpus, labels = read_diversity(tmp_path)
    assert (corpus.table, corpus.rows, corpus.questions, corpus.sampled) == ("5_corpus", 3, 2, 3)
    assert corpus.words == pytest.approx(8 / 3) and corpus.distinct[1] == 4 / 8 and corpus.self_rouge == 0.0
    assert (labels.table, labels.rows, labels.self_rouge, labels.distinct) == ("5_gold_labels", 1, None, {1: 1.0})


def test_a_sample_that_the_order_of_the_rows_does_not_change(tmp_path: Path) -> None:
    """The examples with the lowest ids; the one with the highest is long, and is not among them. The first are compared."""
    words = ["say"] * COMPARED + ["tell"] * (SAMPLE - COMPARED - 1) + ["alone"]
    some = [example(f"{number:05}", f"{word} {number}", f"t{number}") for number, word in enumerate(words)]
    every = [*some, example("99999", "long " * 1000)]
    [found] = read_diversity(written(tmp_path / "a", every))
    assert (found.rows, found.sampled, found.compared, found.words) == (SAMPLE + 1, SAMPLE, COMPARED, 2.0)
    assert found.distinct == {1: (SAMPLE + 3) / (2 * SAMPLE), 2: 1.0} and found.self_rouge == pytest.approx(0.5)
    assert [found] == read_diversity(written(tmp_path / "b", reversed(every)))


def test_an_empty_corpus(tmp_path: Path) -> None:
    [found] = read_diversity(written(tmp_path, []))
    assert (found.rows, found.questions, found.words, found.distinct, found.self_rouge) == (0, 0, 0.0, {}, None)

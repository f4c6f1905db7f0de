"""How varied the answers are that students learn from: n-grams said once or again and again, and answers like another's.

In: the corpora of a run. Out: for each its rows, and figures of a sample. distinct-n is the share of different n-grams among
all (Li et al. 2016, arXiv 1510.03055); self-ROUGE the mean ROUGE-L F of an answer with the answer to another question that is
most like it, by which Self-Instruct compares instructions (Wang et al. 2023, arXiv 2212.10560, section 2.2). An example's id is
a hash, so those with the lowest ids are a random sample, the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import polars as pl

from pipeline.filters.novel import Pool
from pipeline.tables import CORPORA, check_table, readable, table_path
from pipeline.texts.ngrams import mixed, ngrams, word_lists
from pipeline.texts.rouge import rouge_words

SAMPLE = 2_000
"""Answers whose words are counted: more take longer, and distinct-n falls with the number of words, so tables of as many rows
can be compared."""
COMPARED = 100
"""Answers among which the most similar is looked for, of at most `MOST_WORDS` words each: all pairs take a second at most."""
MOST_WORDS = 200
LONGEST = 3
"""Words of an n-gram."""


@dataclass(frozen=True)
class Diversity:
    """The answers of one corpus."""

    table: str
    rows: int
    questions: int
    """Different questions, however many answers each has."""
    sampled: int
    """Answers whose words are counted."""
    words: float
    """Mean words of an answer."""
    distinct: dict[int, float]
    """n to the share of different n-grams among all; without those n of which no answer has so many words."""
    compared: int
    """Answers compared with each other."""
    self_rouge: float | None
    """None where no two questions can be compared."""


def read_diversity(folder: Path) -> list[Diversity]:
    """The corpora that there are.

    Raises:
        UserError: one cannot be read.
    """
    return [_read(folder, name) for name in CORPORA if table_path(folder, name).exists()]


def _read(folder: Path, name: str) -> Diversity:
    check_table(folder, name)
    with readable(table_path(folder, name)):
        scan = pl.scan_parquet(table_path(folder, name))
        ids = scan.select("id", "task_id").collect()
        lowest = ids["id"].bottom_k(SAMPLE)
        answer = pl.col("messages").list.last().struct.field("content")
        drawn = scan.filter(pl.col("id").is_in(lowest.implode())).select("id", "task_id", answer=answer).collect().sort("id")
    answers = drawn["answer"]
    compared = list(drawn.select("task_id", "answer").head(COMPARED).iter_rows())
    return Diversity(
        name, ids.height, ids["task_id"].n_unique(), len(answers), mean_words(answers), distinct(answers),
        len(compared), self_rouge(compared),
    )  # fmt: skip


def mean_words(texts: pl.Series) -> float:
    """Words of a text on average; 0 where there are no texts."""
    return fmean(word_lists(texts).list.len()) if len(texts) else 0.0


def distinct(texts: pl.Series) -> dict[int, float]:
    """distinct-1 to distinct-3, of n-grams that lie in one text; see `texts.ngrams` for what a word is.

    >>> distinct(pl.Series(["a b a b", "a b c"]))
    {1: 0.42857142857142855, 2: 0.6, 3: 1.0}
    """
    lists = word_lists(texts)
    lengths = lists.list.len().to_numpy().astype(np.int64)
    words = lists.explode(empty_as_null=False, keep_nulls=False).cast(pl.Categorical).to_physical().cast(pl.UInt64)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(words))
    shares = {}
    for n, hashes in ngrams(mixed(words.to_numpy()), LONGEST):
        inside = hashes[left >= n]
        if len(inside):
            shares[n] = pl.Series(inside).n_unique() / len(inside)
    return shares


def self_rouge(answers: Sequence[tuple[str, str]]) -> float | None:
    """Mean of each answer's highest ROUGE-L F with an answer to another question; None where there are no two questions.

    Args:
        answers: the question's id and the answer; those without words say nothing.
    """
    listed = [(question, words) for question, text in answers if (words := rouge_words(text, MOST_WORDS))]
    if len({question for question, _ in listed}) < 2:
        return None
    pool = Pool()
    for question, words in listed:
        pool.add(question, "", words)
    return fmean(pool.nearest(question, words)[0] for question, words in listed)

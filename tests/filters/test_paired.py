"""Of each pair the two right rationales that differ most, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.spans import answer_span
from pipeline.filters.diverse import jaccard, word_ngrams
from pipeline.filters.paired import Paired
from pipeline.filters.verdicts import Word
from pipeline.records import Sample
from tests.rows import make_sample, make_task

TASK = make_task(answer="5")
FILTER = Paired(filter="paired")


def of_pair(text: str, number: int = 0, **fields: Any) -> Sample:
    return make_sample(text, **{"id": f"s{number}", "pair": "p", "answer_span": answer_span(text)} | fields)


def judged(*texts: str) -> list[Word]:
    return list(FILTER.judge_group(TASK, [of_pair(text, number) for number, text in enumerate(texts)]))


def decisions(words: Sequence[Word]) -> str:
    return "".join(word.decision[0] for word in words)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("a b c d e f: 5", "a b c p q r: 5", "d e f u v: 5"), "dkk"),
        (("a b c: 5", "a b c: 5", "x y z: 5"), "kdk"),
        (("a b c: 5",), "d"),
        (("a b c: 5", "A  b c: 5"), "dd"),
        (("a b c: 5", "x y z: 6"), "dd"),
        (("a b c: 5", "x y z: 6", "u v w: 5"), "kdk"),
        (("a b: 6",), "d"),
    ],
    ids=["farthest", "earlier in a tie", "alone", "a copy", "wrong", "wrong differs most", "all wrong"],
)
def test_which_stay(texts: tuple[str, ...], expected: str) -> None:
    assert decisions(judged(*texts)) == expected


def test_reasons_and_scores() -> None:
    words = judged("a b c: 5", "x y z: 5", "a b c d: 5", "x: 6")
    assert [word.reason for word in words] == [
        "one of the two that differ most", "one of the two that differ most", "two others differ more", "wrong answer",
    ]  # fmt: skip
    assert words[1].score == words[2].score == 1.0 == words[0].score
    assert judged("a: 5")[0].reason == "no other right rationale"


def test_pairs_do_not_mix_and_others_are_left_alone() -> None:
    samples = [
        of_pair("a b c: 5", 0), of_pair("x y z: 5", 1, pair="q"), make_sample("no pair: 6"), of_pair("u v w: 5", 3),
        of_pair("nothing at all", 4, answer_span=None),
    ]  # fmt: skip
    assert decisions(FILTER.judge_group(TASK, samples)) == "kdkkd"


def test_without_a_right_answer_the_filters_before_say_what_is_right() -> None:
    samples = [of_pair("a b c: 5", 0), of_pair("x y z: 6", 1)]
    assert decisions(FILTER.judge_group(make_task(), samples)) == "kk"


@given(st.integers(0, 2**32), st.integers(2, 9))
def test_no_other_two_differ_more(seed: int, count: int) -> None:
    draw = random.Random(seed)
    texts = [" ".join(draw.choices("abcde", k=draw.randint(3, 9))) + ": 5" for _ in range(count)]
    words = judged(*texts)
    apart = [1 - jaccard(word_ngrams(one), word_ngrams(other)) for one, other in combinations(texts, 2)]
    kept = [text for text, word in zip(texts, words, strict=True) if word.decision == "keep"]
    assert len(kept) == (2 if max(apart) else 0)
    if kept:
        assert 1 - jaccard(*map(word_ngrams, kept)) == max(apart)

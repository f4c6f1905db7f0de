"""No duplicates: the first of its likes stays, however the others are spelled."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.filters.no_duplicates import NoDuplicates, fingerprint, ids_of, normalised
from pipeline.records import Message, Sample
from tests.filters.survivors import Rows
from tests.rows import make_sample, make_task


def survivors(samples: Sequence[Sample], at_a_time: int = 3) -> Rows:
    return Rows([(make_task(), sample) for sample in samples], at_a_time=at_a_time)


def asked(prompt: str, target: str, name: str = "s1", reasoning: str | None = None) -> Sample:
    return make_sample(target, id=name, reasoning=reasoning, messages=[Message(role="user", content=prompt)])


def test_the_first_stays() -> None:
    samples = [make_sample(text, id=f"s{n}") for n, text in enumerate(["So 7.", "so  7.\n", "So 8.", "SO 7."])]
    words = list(NoDuplicates(filter="no_duplicates").judge_all(survivors(samples)))
    assert [word.decision for word in words] == ["keep", "drop", "keep", "drop"]
    assert [word.detail for word in words] == ["", "s0", "", "s0"]


@pytest.mark.parametrize(
    ("of", "earlier"),
    [
        ("pair", ["", "", "", "", "", "s0"]),
        ("prompt", ["", "s0", "", "s2", "s0", "s0"]),
        ("target", ["", "", "s0", "", "s0", "s0"]),
    ],
)
def test_what_is_compared(of: str, earlier: list[str]) -> None:
    samples = [
        asked("How many?", "7", "s0"), asked("how many?", "8", "s1"), asked("How much?", "7", "s2"),
        asked("How much?", "9", "s3"), asked("How many?", "7", "s4", "3 + 4"), asked("How  many?", "7 ", "s5", ""),
    ]  # fmt: skip
    words = NoDuplicates(filter="no_duplicates", of=of).judge_all(survivors(samples))
    assert [word.detail for word in words] == earlier


def test_nothing_else_can_be_compared() -> None:
    with pytest.raises(ValidationError):
        NoDuplicates.model_validate({"filter": "no_duplicates", "of": "reasoning"})


def test_no_samples() -> None:
    assert list(NoDuplicates(filter="no_duplicates").judge_all(survivors([]))) == []


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["a", "A", "b c", "b  c"]), st.sampled_from(["x", "y", "X "]))), st.integers(1, 5))
def test_as_one_would_by_hand(pairs: list[tuple[str, str]], at_a_time: int) -> None:
    samples = [asked(prompt, target, f"s{n}") for n, (prompt, target) in enumerate(pairs)]
    first: dict[bytes, str] = {}
    expected = [first.setdefault(fingerprint(sample), sample.id) for sample in samples]
    words = list(NoDuplicates(filter="no_duplicates").judge_all(survivors(samples, at_a_time)))
    assert [word.detail or sample.id for word, sample in zip(words, samples, strict=True)] == expected
    assert [word.decision == "drop" for word in words] == [bool(word.detail) for word in words]


@pytest.mark.parametrize("rows", [[], [0], [2, 3], [0, 1, 2, 3, 4, 5, 6]])
def test_ids_by_place(rows: list[int]) -> None:
    samples = [make_sample("x", id=f"s{n}") for n in range(7)]
    assert ids_of(survivors(samples), np.array(rows, dtype=np.int64)).to_list() == [f"s{row}" for row in rows]


@pytest.mark.parametrize(("text", "other"), [("é", "e\u0301"), ("Straße", "STRASSE"), ("a\u00a0 b", "a b"), (" a\n", "A")])
def test_what_is_the_same(text: str, other: str) -> None:
    assert normalised(text) == normalised(other)
    assert fingerprint(make_sample(text)) == fingerprint(make_sample(other))


@pytest.mark.parametrize(
    "other",
    [
        make_sample("7!"),
        make_sample("7", reasoning="3 + 4"),
        make_sample("7", messages=[Message(role="user", content="How much?")]),
        make_sample("7", messages=[Message(role="user", content="How"), Message(role="user", content="many?")]),
    ],
)
def test_what_is_not(other: object) -> None:
    assert fingerprint(make_sample("7")) != fingerprint(other)  # type: ignore[arg-type]


def test_golden_fingerprint() -> None:
    assert fingerprint(make_sample("So 7.")).hex() == "1f8cdf746ed08072dd1b37b113eb8f83"


@pytest.mark.parametrize(
    "text", ["a" * 10**6, "a" + "\u0301\u0323" * 500_000, " \u2003" * 500_000, "\ud800" * 10**6, "\u202e\x00🙂" * 300_000]
)
def test_hostile_texts(text: str) -> None:
    started = time.perf_counter()
    fingerprint(make_sample(text))
    assert time.perf_counter() - started < 6


@pytest.mark.parametrize("piece", ["é", "e\u0301 ", "ﬁ", "한", "한", "a\u0323\u0307", "日本"])
def test_long_texts_are_composed_as_short_ones(piece: str) -> None:
    text = piece * 9000
    assert normalised(text) == " ".join(unicodedata.normalize("NFC", text).casefold().split())

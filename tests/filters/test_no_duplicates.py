"""No duplicates: the first of its likes stays, however the others are spelled."""

from __future__ import annotations

import pytest

from pipeline.filters.no_duplicates import NoDuplicates, fingerprint, normalised
from pipeline.records import Message
from tests.rows import make_sample, make_task


def test_the_first_stays() -> None:
    samples = [make_sample(text, id=f"s{n}") for n, text in enumerate(["So 7.", "so  7.\n", "So 8.", "SO 7."])]
    words = list(NoDuplicates(filter="no_duplicates").judge_all((make_task(), sample) for sample in samples))
    assert [word.decision for word in words] == ["keep", "drop", "keep", "drop"]
    assert [word.detail for word in words] == ["", "s0", "", "s0"]


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

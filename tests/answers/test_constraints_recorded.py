"""Our checks against the words of lm-evaluation-harness 0.4.13, recorded by `python bench/ifeval.py --record`.

The texts and arguments are our own. Where the two differ the record says why; that they still differ there is tested too, so
that a change of mind shows.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.answers.constraints import CHECKS, constraint_met
from tests.answers.languages import SENTENCES
from tests.rows import public_data

LINES: list[dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_name("ifeval_recorded.jsonl").read_text(encoding="utf-8").splitlines()
]


def test_every_kind_is_recorded_met_and_not_met() -> None:
    words = {(line["constraint"]["kind"], word) for line in LINES for word in line["theirs"]}
    assert words == {(kind, word) for kind in CHECKS for word in (True, False)}


@pytest.mark.parametrize("kind", CHECKS)
def test_as_recorded(kind: str) -> None:
    for line in LINES:
        if line["constraint"]["kind"] == kind:
            for loose, theirs, reason in zip((False, True), line["theirs"], line["why"], strict=True):
                ours = constraint_met(line["text"], line["constraint"], loose)
                assert (ours is theirs) == (not reason), (loose, ours, theirs, reason, line)


def test_reasons_to_differ_are_few_and_known() -> None:
    reasons = Counter(reason.partition(":")[0] for line in LINES for reason in line["why"] if reason)
    assert "not explained" not in reasons
    assert reasons.total() < 0.06 * 2 * len(LINES)


def test_every_constraint_of_ifeval_is_understood() -> None:
    """834 constraints of 25 kinds; on plain English each can be told."""
    rows = [json.loads(line) for line in public_data("ifeval_prompts.jsonl").read_text(encoding="utf-8").splitlines()]
    pairs = [pair for row in rows for pair in zip(row["instruction_id_list"], row["kwargs"], strict=True)]
    words = [constraint_met(SENTENCES["en"], {"kind": kind, **arguments}) for kind, arguments in pairs]
    assert len(pairs) == 834 and {kind for kind, _ in pairs} == CHECKS.keys()
    assert None not in words and True in words and False in words

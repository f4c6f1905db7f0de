"""Keeps the first of samples that say the same: equal after normalising, by a hash that no library version changes.

Normalised is: NFC, case folded, white space collapsed. The same reply to another task is no duplicate unless the prompt is
the same, too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal

from pipeline.filters.verdicts import TableFilter, Word, drop, keep
from pipeline.identity import content_hash
from pipeline.records import Sample, Task


class NoDuplicates(TableFilter):
    """No earlier sample has the same prompt and target."""

    filter: Literal["no_duplicates"]
    """The first of its likes."""

    def judge_all(self, rows: Iterable[tuple[Task, Sample]]) -> Iterator[Word]:
        first: dict[bytes, str] = {}
        for _, sample in rows:
            name = fingerprint(sample)
            if name in first:
                yield drop("the same as an earlier sample", detail=first[name])
            else:
                first[name] = sample.id
                yield keep("first of its likes")


def fingerprint(sample: Sample) -> bytes:
    """16 bytes that are the same for samples that say the same."""
    texts = [normalised(message.content) for message in sample.messages]
    texts += [normalised(sample.reasoning or ""), normalised(sample.target)]
    return bytes.fromhex(content_hash(texts)[:32])


def normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())

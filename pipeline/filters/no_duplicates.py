"""Keeps the first of samples that say the same: equal after normalising, by a hash that no library version changes.

Normalised is: NFC, case folded, white space collapsed. The same reply to another task is no duplicate unless the prompt is
the same, too; `of` compares one of them alone. Memory holds 16 bytes a sample, and some 40 while they are sorted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.filters.verdicts import Survivors, TableFilter, Word, drop, keep
from pipeline.identity import content_hash
from pipeline.records import Sample

LONG = 8192
"""Characters up to which a text made of nothing but accents takes Python 50 ms."""
DIGEST = np.dtype([("high", "<u8"), ("low", "<u8")])
TEXTS = {"pair": ["prompt", "reasoning", "target"], "prompt": ["prompt"], "target": ["target"]}


class NoDuplicates(TableFilter):
    """No earlier sample has the same prompt and target."""

    source: ClassVar[str] = "exact match, as in Lee et al. 2022, arXiv 2107.06499, but of whole texts"
    filter: Literal["no_duplicates"]
    """The first of its likes."""
    of: Literal["pair", "prompt", "target"] = "pair"
    """What must be the same: prompt, reasoning and target, or one text alone."""

    def judge_all(self, survivors: Survivors) -> Iterator[Word]:
        first = _firsts(self._digests(survivors))
        wanted = np.unique(first[first != np.arange(len(first), dtype=np.int32)]).astype(np.int64)
        ids = ids_of(survivors, wanted)
        places = np.searchsorted(wanted, first)
        for row, earlier in enumerate(first):
            if earlier == row:
                yield keep("first of its likes")
            else:
                yield drop("the same as an earlier sample", detail=ids[int(places[row])])

    def _digests(self, survivors: Survivors) -> NDArray[np.void]:
        digests = np.empty(len(survivors), dtype=DIGEST)
        row = 0
        for frame in survivors.frames():
            names = b"".join(_digest(texts) for texts in frame.select(TEXTS[self.of]).iter_rows())
            digests[row : row + frame.height] = np.frombuffer(names, dtype=DIGEST)
            row += frame.height
        return digests


def _firsts(digests: NDArray[np.void]) -> NDArray[np.int32]:
    """For each row the first with the same digest."""
    order = np.lexsort((digests["low"], digests["high"])).astype(np.int32)
    new = np.ones(len(order), dtype=bool)
    new[1:] = False
    for half in ("high", "low"):
        ordered = digests[half][order]
        new[1:] |= ordered[1:] != ordered[:-1]
    del digests, ordered  # the most memory is in use from here on
    first = np.empty(len(order), dtype=np.int32)
    first[order] = order[new][np.cumsum(new, dtype=np.int32) - 1]
    return first


def ids_of(survivors: Survivors, rows: NDArray[np.int64]) -> pl.Series:
    """The ids of some samples by their ascending places among the survivors."""
    found, start = [pl.Series("id", [], pl.String)], 0
    if len(rows):
        for frame in survivors.frames():
            low, high = np.searchsorted(rows, (start, start + frame.height))
            some = frame["id"].gather(rows[low:high] - start).to_list()
            found.append(pl.Series("id", some, pl.String))  # a copy, where a slice would hold all ids of the frame
            start += frame.height
    return pl.concat(found)


def fingerprint(sample: Sample) -> bytes:
    """16 bytes that are the same for samples that say the same."""
    texts = [normalised(message.content) for message in sample.messages]
    texts += [normalised(sample.reasoning or ""), normalised(sample.target)]
    return bytes.fromhex(content_hash(texts)[:32])


def _digest(texts: tuple[str | None, ...]) -> bytes:
    return bytes.fromhex(content_hash([normalised(text or "") for text in texts])[:32])


def normalised(text: str) -> str:
    return " ".join(_composed(text).casefold().split())


def _composed(text: str) -> str:
    """NFC. For Python's own, half a million accents on one letter are minutes of work; polars' takes 30 ms."""
    if text.isascii() or len(text) <= LONG:
        return unicodedata.normalize("NFC", text)
    writable = text.encode("utf-8", "replace").decode()
    return str(pl.Series([writable]).str.normalize("NFC")[0])

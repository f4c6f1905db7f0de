"""Keeps replies that read like English prose, by Gopher's rules of quality (Rae et al. 2021, arXiv 2112.11446, appendix A.1).

For prose only: right solutions of mathematics, code, tables and replies in other languages break these rules, so name it with
`kinds`. Gopher's bounds on the number of words are not among them; the filter `length` has those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task

OUTER = "\"'`*_.,;:!?()[]{}<>«»“”‘’…-–—/|#"
"""Signs that are taken off a word before its letters are counted."""
BULLET = re.compile(r"\s*(?:[•●▪◦‣*+-]\s|\d{1,3}[.)]\s)")
"""More than Gopher's •, which models hardly write."""
ELLIPSES = ("...", "…")


class Readable(RowFilter):
    """Every rule holds; the score is the figure of the first that does not, or the share of words with a letter."""

    source: ClassVar[str] = "Gopher (Rae et al. 2021, arXiv 2112.11446), A.1; datatrove, gopher_quality_filter"
    filter: Literal["readable"]
    """Reads like prose."""
    min_word_length: NonNegativeFloat = 3.0
    """Least mean length of a word, in characters."""
    max_word_length: PositiveFloat = 10.0
    """Greatest mean length of a word, in characters."""
    max_symbols: NonNegativeFloat = 0.1
    """Most hashes, and most ellipses, to a word."""
    min_letters: float = Field(0.8, ge=0, le=1)
    """Least share of words with a letter."""
    max_bullets: float = Field(0.9, ge=0, le=1)
    """Greatest share of lines that begin with a bullet."""
    max_ellipses: float = Field(0.3, ge=0, le=1)
    """Greatest share of lines that end with an ellipsis."""
    min_stop_words: NonNegativeInt = 2
    """Least number of stop words, each counted once."""
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")
    """The stop words, Gopher's for English; others for another language."""

    @model_validator(mode="after")
    def _ordered(self) -> Readable:
        if self.min_word_length > self.max_word_length:
            raise ValueError(f"min_word_length {self.min_word_length} is above max_word_length {self.max_word_length}")
        if self.min_stop_words > len(set(self.stop_words)):
            raise ValueError(
                f"min_stop_words {self.min_stop_words} is above the number of stop_words, {len(set(self.stop_words))}"
            )
        return self

    def judge(self, task: Task, sample: Sample) -> Word:
        words = sample.target.split()
        if not words:
            return drop("no words")
        for holds, reason, score in self._rules(sample.target, words):
            if not holds:
                return drop(reason, score, f"{score:.3g}")
        return keep("reads like prose", _share(any(map(str.isalpha, word)) for word in words))

    def _rules(self, text: str, words: Sequence[str]) -> Iterator[tuple[bool, str, float]]:
        """Each rule: whether it holds, what to say where it does not, and the figure it looks at."""
        bare = [word.strip(OUTER) for word in words]
        lengths = [len(word) for word in bare if word]
        mean = sum(lengths) / max(len(lengths), 1)
        yield mean >= self.min_word_length, "words too short", mean
        yield mean <= self.max_word_length, "words too long", mean
        symbols = max(text.count("#"), sum(map(text.count, ELLIPSES))) / len(words)
        yield symbols <= self.max_symbols, "too many symbols", symbols
        lines = [line for line in text.splitlines() if line.strip()]
        bullets = _share(BULLET.match(line) is not None for line in lines)
        yield bullets <= self.max_bullets, "too many bullets", bullets
        open_ends = _share(line.rstrip().endswith(ELLIPSES) for line in lines)
        yield open_ends <= self.max_ellipses, "too many lines end with an ellipsis", open_ends
        letters = _share(any(map(str.isalpha, word)) for word in words)
        yield letters >= self.min_letters, "too few words with letters", letters
        wanted = {word.lower() for word in self.stop_words}
        found = len(wanted.intersection(word.lower() for word in bare))
        yield found >= self.min_stop_words, "too few stop words", found


def _share(flags: Iterator[bool]) -> float:
    """The share of true ones, 0 of none."""
    listed = list(flags)
    return sum(listed) / max(len(listed), 1)

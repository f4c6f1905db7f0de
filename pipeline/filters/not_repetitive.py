"""Keeps replies that do not go round in circles: no loop at the end, and text that does not compress to next to nothing.

Reasoned answers repeat themselves by right, so the defaults are mild: a loop is one piece written at least four times over the
last 100 characters, or 300 where it has no letter, as zeros, or is a row of a table; and 0.1 is a tenth of the bytes after
zlib, of the whole or of any 2,000 characters. Gopher's rules for web text (n-grams, lines, paragraphs said again) are an
option: they drop many a short solution. Thoughts are judged as answers are.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task

LONGEST_LOOP = 20_000
"""Characters of a piece times its repetitions; looking further back takes time, and longer loops compress well."""
LONG_LOOP = 300
"""Characters of a loop without letters: numbers, matrices and tables end so by right, but not for as long as this."""
MARK = 16
"""Characters by which the beginnings of the last pieces are found."""
WINDOW, STEP = 2_000, 1_000
"""Characters compressed together: a loop in the middle of a long text shows there alone."""
SHORTEST = 500
"""Characters below which a compression ratio says nothing: zlib's own overhead is a part of it."""
TOP = {2: 0.20, 3: 0.18, 4: 0.16}
"""By length of n-gram, the greatest share of characters in the most frequent one."""
DUPLICATED = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
"""By length of n-gram, the greatest share of characters in n-grams that stood before."""
LINES, LINE_CHARACTERS = 0.30, 0.20
"""Greatest share of lines, or paragraphs, that stood before, and of characters in them."""
TOKEN = re.compile(r"\w+|[^\w\s]")
Place = tuple[int, int]
"""Where an n-gram begins, counted in words, and its name."""


class NotRepetitive(RowFilter):
    """No loop and no low compression ratio, which is the score of what is kept; the score of a loop is how often it is said."""

    source: ClassVar[str] = "Gopher (Rae et al. 2021, arXiv 2112.11446), table A1; datatrove, gopher_repetition_filter"
    filter: Literal["not_repetitive"]
    """Does not go round in circles."""
    loop_characters: int = Field(100, ge=20)
    """Least length of a loop at the end."""
    loop_repeats: int = Field(4, ge=2)
    """Least number of times its piece is said."""
    min_compression: float = Field(0.1, ge=0, le=0.5)
    """Least ratio of compressed to plain bytes; 0 to leave it out."""
    gopher: bool = False
    """Whether Gopher's limits on repetition are kept, too."""

    def judge(self, task: Task, sample: Sample) -> Word:
        words = [self._word_on(text) for text in (sample.reasoning, sample.target) if text]
        dropped = [word for word in words if word.decision == "drop"]
        return dropped[0] if dropped else words[-1] if words else keep("does not repeat itself")

    def _word_on(self, text: str) -> Word:
        for tail in (text, text.rstrip()):
            piece, times = self._loop(tail)
            if times:
                return drop("ends in a loop", times, f"{piece[:80]!r} {times} times")
        ratio = compression_ratio(text)
        if ratio < self.min_compression:
            return drop("compresses to next to nothing", ratio, f"ratio {ratio:.3f}, at least {self.min_compression}")
        for name, share, limit in gopher_shares(text) if self.gopher else ():
            if share > limit:
                return drop(f"too much repeated: {name}", share, f"{share:.3f}, at most {limit}")
        return keep("does not repeat itself", ratio)

    def _loop(self, text: str) -> tuple[str, int]:
        """The loop at the end of a text, of a length at which what it says is not said by right."""
        piece, times = tail_loop(text, self.loop_characters, self.loop_repeats)
        if times and ("|" in piece or not any(map(str.isalpha, piece))):
            return tail_loop(text, max(self.loop_characters, LONG_LOOP), self.loop_repeats)
        return piece, times


def tail_loop(text: str, characters: int, repeats: int) -> tuple[str, int]:
    """The piece that the text says again and again up to its end, and how often; an empty one where it does not.

    The last, unfinished round may be cut off anywhere. Only distances at which the last characters stand are looked at, the
    shortest first, and each is compared at once.
    """
    end, mark = len(text), text[-MARK:]
    start = max(0, end - LONGEST_LOOP)
    at = text.rfind(mark, start, end - 1)
    while at >= 0:
        period = end - len(mark) - at
        span = max(period * repeats, characters)
        if span > end or period * repeats > LONGEST_LOOP:
            break
        if text[end - span + period :] == text[end - span : end - period]:
            return text[end - period :], _times(text, period)
        at = text.rfind(mark, start, at + len(mark) - 1)
    return "", 0


def _times(text: str, period: int) -> int:
    """How often the last `period` characters stand one after the other at the end."""
    piece, times = text[-period:], 1
    while text.endswith(piece, 0, len(text) - times * period):
        times += 1
    return times


def compression_ratio(text: str) -> float:
    """Compressed to plain bytes: the lowest of the whole text and of any window of it; 1 for what is too short to tell."""
    if len(text) < SHORTEST:
        return 1.0
    starts = range(0, len(text) - WINDOW + STEP, STEP) if len(text) > WINDOW else ()
    return min(_ratio(piece) for piece in (text, *(text[start : start + WINDOW] for start in starts)))


def _ratio(text: str) -> float:
    plain = text.encode("utf-8", "surrogatepass")
    return min(1.0, len(zlib.compress(plain)) / len(plain))


def gopher_shares(text: str) -> Iterator[tuple[str, float, float]]:
    """What is repeated, its share, and Gopher's limit, the cheapest first.

    Other than datatrove has it, an n-gram counts as the most frequent only where it stands twice: of five words one 2-gram is
    two fifths, and says nothing.
    """
    for name, pattern in (("lines", r"\n+"), ("paragraphs", r"\n\s*\n")):
        parts = [part.strip() for part in re.split(pattern, text.strip()) if part.strip()]
        again = sum(parts_again := [len(part) for part in _seen_before(parts)])
        yield name, len(parts_again) / max(len(parts), 1), LINES
        yield f"characters of {name}", again / max(len(text), 1), LINE_CHARACTERS
    words = TOKEN.findall(text)
    ends = list(accumulate(map(len, words), initial=0))
    for n, places in repeated_ngrams(words, max(DUPLICATED)):
        if n in TOP:
            yield f"most frequent {n}-gram", _top_characters(places, ends, n) / max(len(text), 1), TOP[n]
        else:
            yield f"duplicate {n}-grams", _duplicated_characters(places, ends, n) / max(len(text), 1), DUPLICATED[n]


def _seen_before(parts: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for part in parts:
        if part in seen:
            yield part
        seen.add(part)


def repeated_ngrams(words: Sequence[str], longest: int) -> Iterator[tuple[int, list[Place]]]:
    """For each n from 2 on, where n-grams begin that stand twice or more, each with a name of the n-gram, in their order.

    Only what stood twice one word shorter can stand twice now, so that most texts are through after the first few n.
    """
    places: list[tuple[int, int | str]] = list(enumerate(words))
    for n in range(2, longest + 1):
        keys = [(start, (name, words[start + n - 1])) for start, name in places if start + n <= len(words)]
        counts = Counter(key for _, key in keys)
        names = {key: number for number, key in enumerate(counts)}
        repeated = [(start, names[key]) for start, key in keys if counts[key] > 1]
        yield n, repeated
        places = list(repeated)


def _top_characters(places: Sequence[Place], ends: Sequence[int], n: int) -> int:
    """Characters in the most frequent n-gram, with a space between words; of several as frequent, the longest."""
    counts = Counter(name for _, name in places)
    most = max(counts.values(), default=0)
    return most * max((ends[start + n] - ends[start] + n - 1 for start, name in places if counts[name] == most), default=0)


def _duplicated_characters(places: Sequence[Place], ends: Sequence[int], n: int) -> int:
    """Characters in n-grams that stood before, each character once."""
    seen: set[int] = set()
    total, free = 0, 0
    for start, name in places:
        if start >= free and name in seen:
            total += ends[start + n] - ends[start]
            free = start + n
        elif start >= free:
            seen.add(name)
    return total

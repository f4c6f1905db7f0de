"""Where two texts differ, word by word, for people to read: what is the same far from any difference is left out.

In: two texts of any length. Out: pieces in their order, each the same in both, gone from the first or new in the second. Time
is bounded: behind so many words that differ, what follows is shown as one difference, and of a long piece only the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice, takewhile
from typing import Literal, NamedTuple

from pipeline.terminal import Line, Part, line

WORD = re.compile(r"\s*(?:\w+|[^\w\s])|\s+$")
"""A word or a sign, with the space before it."""
COMPARED = 400
"""Words of the differing part that are compared one by one; the time grows with their square."""
AROUND = 160
"""Characters of what is the same that are shown beside a difference."""
LONGEST = 1_200
"""Characters of one piece that are shown."""
MARKED = {"same": ("", "", ""), "gone": ("[-", "-]", "red"), "new": ("{+", "+}", "green"), "cut": ("<", ">", "dim")}
"""How a piece is marked, and its colour."""
Mark = Literal["same", "gone", "new", "cut"]


class Piece(NamedTuple):
    """A stretch of text."""

    mark: Mark
    """same in both, gone from the first, new in the second, or cut: the text then says how much is not shown."""
    text: str


def word_diff(first: str, second: str) -> list[Piece]:
    """The pieces of two texts; none where they are the same."""
    if first == second:
        return []
    head = _at_word(first, _common(first, second))
    tail = _common(first[head:][::-1], second[head:][::-1])
    before = [text[: len(text) - tail][-1:] for text in (first, second)]
    if any(letter and not letter.isspace() for letter in before):
        tail -= len(re.split(r"\s", first[len(first) - tail :], maxsplit=1)[0])
    middle = _words_apart(first[head : len(first) - tail], second[head : len(second) - tail])
    pieces = [("same", first[:head]), *middle, ("same", first[len(first) - tail :])]
    joined = list(_joined([Piece(mark, text) for mark, text in pieces if text]))
    return [part for place, piece in enumerate(joined) for part in _shown(piece, place == 0, place == len(joined) - 1)]


def _common(first: str, second: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(first), len(second))
    while low < high:  # halving, since comparing slices is quick and counting characters of a megabyte is not
        middle = (low + high + 1) // 2
        low, high = (middle, high) if first[:middle] == second[:middle] else (low, middle - 1)
    return low


def _at_word(text: str, place: int) -> int:
    """The beginning of the word that a place is in."""
    inside = sum(1 for _ in takewhile(lambda letter: not letter.isspace(), reversed(text[max(0, place - AROUND) : place])))
    return place - inside


def _words_apart(first: str, second: str) -> Iterator[Piece]:
    (ones, rest), (others, more) = (_words(text) for text in (first, second))
    for how, start, end, begin, stop in SequenceMatcher(None, ones, others, autojunk=False).get_opcodes():
        if how == "equal":
            yield Piece("same", "".join(ones[start:end]))
        else:
            yield Piece("gone", "".join(ones[start:end]))
            yield Piece("new", "".join(others[begin:stop]))
    yield Piece("gone", rest)
    yield Piece("new", more)


def _words(text: str) -> tuple[list[str], str]:
    """The first words of a text, and what follows them."""
    words = [found.group() for found in islice(WORD.finditer(text), COMPARED)]
    return words, text[sum(map(len, words)) :]


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Pieces of one mark behind each other as one: between two that are the same, first what is gone, then what is new."""
    gone = new = same = ""
    for mark, text in pieces:
        if mark == "same":
            yield from (piece for piece in (Piece("gone", gone), Piece("new", new)) if piece.text)
            gone, new, same = "", "", same + text
            continue
        if same:
            yield Piece("same", same)
        gone, new, same = gone + text * (mark == "gone"), new + text * (mark == "new"), ""
    yield from (piece for piece in (Piece("same", same), Piece("gone", gone), Piece("new", new)) if piece.text)


def _shown(piece: Piece, is_first: bool, is_last: bool) -> Iterator[Piece]:
    """A piece as far as it is shown: of what is the same its ends, of anything else its beginning."""
    mark, text = piece
    before, after = (0 if is_first else AROUND), (0 if is_last else AROUND)
    if mark != "same":
        before, after = LONGEST, 0
    left = len(text) - before - after
    if left <= AROUND:
        yield piece
        return
    yield from (Piece(mark, text[:before]),) * bool(before)
    yield Piece("cut", f"… {left:,} characters …")
    yield from (Piece(mark, text[len(text) - after :]),) * bool(after)


def diff_lines(pieces: Sequence[Piece], margin: str) -> Iterator[Line]:
    """Pieces as they stand, what is gone as [-…-] and what is new as {+…+}."""
    parts: list[Part] = [(margin, "")]
    for mark, text in pieces:
        before, after, style = MARKED[mark]
        first, *rest = f"{before}{text}{after}".split("\n")
        parts.append((first, style))
        for each in rest:
            yield line(*parts)
            parts = [(margin, ""), (each, style)]
    yield line(*parts)

"""ROUGE-L of two texts: how much of both is their longest common subsequence of words (Lin 2004, aclanthology.org/W04-1013).

Words are `[a-z0-9]+` of the lower-cased text, as in the reference scorer without its stemmer; where these leave out more than a
quarter of the letters, as in any script but Latin, they are runs of letters and digits, or single characters where a script has
no spaces. The subsequence is found with one bit for each word of the one text, so that a word of the other costs three
operations on whole numbers (Hyyrö 2004).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

LATIN_WORD = re.compile("[a-z0-9]+")
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
ANY_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
SIGN = re.compile(r"\w+")


def rouge_words(text: str, most: int) -> list[str]:
    """The first `most` words of a text, of 64 characters each at the longest."""
    text = text[: 64 * most].lower()
    letters = sum(len(found) for found in SIGN.findall(text))
    latin = sum(len(found) for found in LATIN_WORD.findall(text))
    word = LATIN_WORD if 4 * latin >= 3 * letters else ANY_WORD
    return [found.group() for found in islice(word.finditer(text), most)]


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    if len(one) > len(other):
        one, other = other, one
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(one)) - 1
    unmatched = every  # a zero bit is a word of `one` at which the subsequence grows
    for word in other:
        matched = unmatched & places.get(word, 0)
        if matched:
            unmatched = ((unmatched + matched) | (unmatched - matched)) & every
    return len(one) - unmatched.bit_count()


def rouge_l(one: Sequence[str], other: Sequence[str]) -> float:
    """The F measure of two lists of words, from 0 to 1; 0 where both are empty."""
    words = len(one) + len(other)
    return 2 * common_subsequence(one, other) / words if words else 0.0

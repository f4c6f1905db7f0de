"""Why our checks of IFEval's constraints and the harness's differ: each disagreement is put into a class that it is tested for.

In: a pair on which they differ. Out: the name of its class, or `NOT_EXPLAINED`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.answers.word_constraints import SURE
from pipeline.texts.language import MIN_LETTERS, languages
from pipeline.texts.prose import count_sentences

NOT_EXPLAINED = "not explained"
Count = Callable[[str], int]


@dataclass(frozen=True)
class Pair:
    """One constraint on one text, and what the two sides say of it."""

    constraint: dict[str, Any]
    text: str
    loose: bool
    ours: bool | None
    theirs: bool


def why(pair: Pair, punkt: Count) -> str:
    """The class of a disagreement; `punkt` counts sentences as the harness does."""
    kind = pair.constraint["kind"]
    if kind == "length_constraints:number_sentences":
        return _sentences(pair.text, punkt)
    if kind in ("language:response_language", "change_case:english_lowercase", "change_case:english_capital"):
        return _language(pair)
    reason, holds = REASONS.get(kind, ("", None))
    return reason if holds and holds(pair) else NOT_EXPLAINED


def _sentences(text: str, punkt: Count) -> str:
    """Which of Punkt's habits explains it: found by taking its cause out of the text."""
    spelled = text.replace("i.e.", "ie").replace("e.g.", "eg")
    if punkt(spelled) == count_sentences(spelled):
        return "Punkt ends a sentence after e.g. and i.e."
    if not re.search(r"\w", text):
        return "Punkt finds sentences in signs alone"
    bare = re.sub(r"([.!?])[^\w\s]+", r"\1", spelled)
    if punkt(bare) == count_sentences(bare):
        return "Punkt takes signs after the last mark, such as **, for a sentence"
    return "Punkt knows other abbreviations and names"


def _language(pair: Pair) -> str:
    found = languages(pair.text)
    told = "unverifiable" if pair.constraint["kind"] == "language:response_language" else "the case alone decides"
    if found is None:
        return f"fewer than {MIN_LETTERS} letters: {told}, the harness guesses or passes it"
    if max(found.values()) < SURE:
        return f"in no language for sure: {told}, the harness guesses"
    if pair.loose:
        return "the two language identifiers differ on the text without its first or last line"
    return "the two language identifiers differ"


REASONS: dict[str, tuple[str, Callable[[Pair], bool]]] = {
    "keywords:letter_frequency": (
        "the harness counts a random letter in place of a sign",
        lambda pair: not re.fullmatch("[a-zA-Z]", pair.constraint["letter"]),
    ),
    "detectable_format:number_bullet_lists": (
        "the harness takes the divider --- for a bullet",
        lambda pair: re.search(r"^\s*---", pair.text, re.MULTILINE) is not None,
    ),
    "detectable_content:postscript": (
        "the harness finds P.S. within words",
        lambda pair: re.search(r"\w(?:p\.\s?)+s", pair.text, re.IGNORECASE) is not None,
    ),
    "length_constraints:nth_paragraph_first_word": (
        "the harness leaves empty paragraphs out of the count, but not out of the numbering",
        lambda pair: "\n\n\n\n" in pair.text or pair.text.startswith("\n\n"),
    ),
}

"""Checkable constraints on a reply, named and meant as in IFEval (Zhou et al. 2023, arXiv 2311.07911, google-research).

In: the reply's text and a constraint `{"kind": "change_case:english_lowercase", ...arguments}`. Out: True, False, or None where
the kind or its arguments are not known here, or nobody can tell: that is *unverifiable*, never a pass. Nothing is filled in
for a missing argument. An empty reply meets no constraint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import validate_call

from pipeline.answers import form_constraints as forms
from pipeline.answers import word_constraints as words

Check = Callable[..., bool | None]
CHECKS: dict[str, Check] = {
    "keywords:existence": words.keywords_exist,
    "keywords:forbidden_words": words.no_forbidden_words,
    "keywords:frequency": words.keyword_frequency,
    "keywords:letter_frequency": words.letter_frequency,
    "language:response_language": words.response_language,
    "length_constraints:number_words": words.number_words,
    "length_constraints:number_sentences": words.number_sentences,
    "length_constraints:number_paragraphs": words.number_paragraphs,
    "length_constraints:nth_paragraph_first_word": words.nth_paragraph_first_word,
    "change_case:english_lowercase": words.english_lowercase,
    "change_case:english_capital": words.english_capital,
    "change_case:capital_word_frequency": words.capital_word_frequency,
    "punctuation:no_comma": forms.no_comma,
    "startend:quotation": forms.quotation,
    "startend:end_checker": forms.end_checker,
    "detectable_format:number_bullet_lists": forms.number_bullet_lists,
    "detectable_format:number_highlighted_sections": forms.number_highlighted_sections,
    "detectable_format:multiple_sections": forms.multiple_sections,
    "detectable_format:constrained_response": forms.constrained_response,
    "detectable_format:title": forms.title,
    "detectable_format:json_format": forms.json_format,
    "detectable_content:postscript": forms.postscript,
    "detectable_content:number_placeholders": forms.number_placeholders,
    "combination:two_responses": forms.two_responses,
    "combination:repeat_prompt": forms.repeat_prompt,
}
VALIDATED: dict[str, Check] = {kind: validate_call(check) for kind, check in CHECKS.items()}


def constraint_met(text: str, constraint: Mapping[str, Any], loose: bool = False) -> bool | None:
    """Whether `text` fulfils one constraint; None where nobody here can tell.

    Args:
        text: the reply.
        constraint: `kind` and its arguments by IFEval's names; those that are null are left out.
        loose: whether it is enough that one of the `variants` of the text does.
    """
    return constraints_met(text, [constraint], loose)[0]


def constraints_met(text: str, constraints: Iterable[Mapping[str, Any]], loose: bool = False) -> list[bool | None]:
    """The word on each constraint, in their order."""
    texts = variants(text) if loose else [text]
    return [_met_by_any(texts, each) for each in constraints]


def variants(text: str) -> list[str]:
    """IFEval's eight readings of a reply, each but once: without first line, last line or both, and each without stars too."""
    lines = text.split("\n")
    cut = [text, *("\n".join(some).strip() for some in (lines[1:], lines[:-1], lines[1:-1]))]
    return list(dict.fromkeys([*cut, *(each.replace("*", "") for each in cut)]))


def _met_by_any(texts: Iterable[str], constraint: Mapping[str, Any]) -> bool | None:
    """True as soon as one text meets it, else the word on the first: less of it may well be too little to judge."""
    words = (_met(text, constraint) for text in texts)
    first = next(words)
    return first or any(words) or first


def _met(text: str, constraint: Mapping[str, Any]) -> bool | None:
    check = VALIDATED.get(str(constraint.get("kind")))
    if check is None:
        return None
    arguments = {name: value for name, value in constraint.items() if name != "kind" and value is not None}
    try:
        met = check(text, **arguments)
    except ValueError:  # pydantic's for arguments that do not fit is one
        return None
    return met if text.strip() else False

"""Checkable constraints on a reply, named and meant as in IFEval (Zhou et al. 2023, arXiv 2311.07911, google-research).

In: the reply's text and a constraint `{"kind": "change_case:english_lowercase", ...arguments}`. Out: True, False, or None where
the kind or its arguments are not known here: that is *unverifiable*, never a pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Arguments = Mapping[str, Any]


def constraint_met(text: str, constraint: Mapping[str, Any]) -> bool | None:
    """Whether `text` fulfils one constraint; None where nobody here can tell."""
    check = CHECKS.get(str(constraint.get("kind")))
    if check is None:
        return None
    try:
        return check(text, constraint)
    except (KeyError, TypeError, ValueError):
        return None


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9']+", text)


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"[.!?]+(?:\s+|$|[\"'])", text.strip()) if re.search(r"\w", part)]


def _compare(count: int, arguments: Arguments, wanted: str) -> bool:
    """IFEval's two relations; anything else is not known."""
    relation, limit = arguments["relation"], int(arguments[wanted])
    if relation == "at least":
        return count >= limit
    if relation == "less than":
        return count < limit
    raise ValueError(f"unknown relation {relation!r}")


def _occurrences(text: str, word: str) -> int:
    return len(re.findall(rf"\b{re.escape(word)}\b", text, flags=re.IGNORECASE))


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator)]


def _is_json(text: str) -> bool:
    body = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        json.loads(body)
    except (ValueError, RecursionError):  # a reply may be nothing but brackets
        return False
    return True


def _two_different(text: str) -> bool:
    parts = _parts(text, "******")
    return len(parts) == 2 and all(parts) and parts[0] != parts[1]


CHECKS: dict[str, Callable[[str, Arguments], bool]] = {
    "keywords:existence": lambda text, a: all(_occurrences(text, word) for word in a["keywords"]),
    "keywords:forbidden_words": lambda text, a: not any(_occurrences(text, w) for w in a["forbidden_words"]),
    "keywords:frequency": lambda text, a: _compare(_occurrences(text, a["keyword"]), a, "frequency"),
    "length_constraints:number_words": lambda text, a: _compare(len(_words(text)), a, "num_words"),
    "length_constraints:number_sentences": lambda text, a: _compare(len(_sentences(text)), a, "num_sentences"),
    "length_constraints:number_paragraphs": lambda text, a: (
        all(_parts(text, "***")) and len(_parts(text, "***")) == int(a["num_paragraphs"])
    ),
    "change_case:english_lowercase": lambda text, a: text.islower(),
    "change_case:english_capital": lambda text, a: text.isupper(),
    "punctuation:no_comma": lambda text, a: "," not in text,
    "startend:quotation": lambda text, a: len(text.strip()) > 1 and text.strip()[0] == text.strip()[-1] == '"',
    "startend:end_checker": lambda text, a: text.strip().strip('"').lower().endswith(str(a["end_phrase"]).strip().lower()),
    "detectable_format:number_bullet_lists": lambda text, a: (
        len(re.findall(r"^\s*[*-]\s+\S", text, flags=re.MULTILINE)) == int(a["num_bullets"])
    ),
    "detectable_format:title": lambda text, a: any(t.strip() for t in re.findall(r"<<([^\n]+?)>>", text)),
    "detectable_format:json_format": lambda text, a: _is_json(text),
    "detectable_content:postscript": lambda text, a: (
        re.search(rf"^\s*{re.escape(a['postscript_marker'])}", text, flags=re.MULTILINE | re.IGNORECASE) is not None
    ),
    "detectable_content:number_placeholders": lambda text, a: (
        len(re.findall(r"\[[^\[\]]*\]", text)) >= int(a["num_placeholders"])
    ),
    "combination:two_responses": lambda text, a: _two_different(text),
}

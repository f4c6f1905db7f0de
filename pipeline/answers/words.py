"""Answers in words: text compared without its look, yes and no, and lists of strings in any order.

In: the right answer and the text of a reply. Out: whether they agree. `True`, `yes` and `Yes, since …` say the same; a list is
read from JSON, from bullets, or from a line with commas.
"""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from contextlib import suppress

from pipeline.answers.markers import after_marker, all_after_marker

TRUTH = {"yes": True, "true": True, "no": False, "false": False}
EITHER = re.compile(r"\b(?:yes|no|true|false)\s*(?:/|\bor\b|\band\b)\s*(?:yes|no|true|false)\b", flags=re.IGNORECASE)
CLAUSE = re.compile(
    r"(?:^|[.!?:;,\n(*\"]|\b(?:so|is|thus|hence|therefore)\b)[ *_\"']{0,8}"
    r"(?:(yes|true)|(no|false))[*_\"']*+(?=\s*+(?:[,!?;:)\n]|\.(?!\s*+\d++\s*+(?:[.,;:!?)]|$))|$))",
    flags=re.IGNORECASE,
)
"""Yes or no as a clause of its own: there is no doubt that "no doubt" is none, and `No. 5` is a number."""
MARKED = re.compile(
    r"(?:^|[.!?:;,(*\"]|\b(?:so|is|thus|hence|therefore|definitely|certainly|clearly|simply|an?(?:\s+(?:clear|definite))?)\b)"
    r"[ *_\"'(\[{$\\]{0,8}(?:text\{)?(?:(yes|true)|(no|false))\b"
    r"(?=[*_\"'`}$)\]]*+\s*+(?:[,!?;:)\]}\n–—(]|-\s|\.(?!\s*+\d++\b)|$|(?:because|since|as|for|it|he|she|they|we|you|I)\b))",
    flags=re.IGNORECASE,
)
"""The same behind a marker, where a sentence may go on, as in `No because it sinks`."""
BULLET = re.compile(r"^[ \t]*(?:[-*•]|\d+[.)])\s+(.+)$", flags=re.MULTILINE)
BETWEEN_ITEMS = re.compile(r"[,;]|\band\b")
QUOTED = re.compile(r"""\s*+('(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")\s*+(?:,|(?=\]))""", flags=re.DOTALL)
"""An item of a list as Python prints it."""
NONE = {"", "none", "nothing", "n/a"}
LONGEST_LIST = 100_000
"""Characters; longer ones are not parsed."""
LATEX_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox)\s*\{([^{}]*)\}")


def folded(text: str) -> str:
    """Text with case, spacing and outer punctuation made one."""
    text = LATEX_TEXT.sub(r"\1", text) if "\\" in text else text
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(" .,;:!?\"'*`$_")


def same_words(gold: str, text: str) -> bool:
    """Whether the text, or what follows its last marker, is the folded answer `gold`."""
    return gold in (folded(after_marker(text) or ""), folded(text))


def as_truth(text: str) -> bool | None:
    """What a right answer of yes, no, true or false says; None where it is another."""
    return TRUTH.get(folded(text)) if len(text) < 40 else None


def said_truth(text: str) -> bool | None:
    """Yes or no as a reply says it: the first clause of that kind after the last marker, else the last one."""
    marked = after_marker(text)
    if marked is not None:
        found = None if EITHER.search(marked) else MARKED.search(marked)
    else:
        found = None
        for found in CLAUSE.finditer(text):  # noqa: B007
            pass
    return bool(found[1]) if found else None


def as_spans(text: str) -> frozenset[str] | None:
    """The items of a list of strings, in JSON or as Python prints it, folded; None where the text is none."""
    text = text.strip()
    if text[:1] != "[" or text[-1:] != "]" or len(text) > LONGEST_LIST:
        return None
    with suppress(ValueError, RecursionError):
        items = json.loads(text)
        is_list = isinstance(items, list) and all(isinstance(item, str) for item in items)
        return frozenset(map(folded, items)) if is_list else None
    if QUOTED.sub("", text[1:-1] + "]").strip() != "]":
        return None
    with suppress(ValueError, SyntaxError):  # each is one quoted string, so nothing nests
        return frozenset(folded(ast.literal_eval(found[1])) for found in QUOTED.finditer(text, 1))
    return None


def said_spans(text: str) -> frozenset[str] | None:
    """The items a reply lists after its last marker, or in all of it; None where it lists nothing."""
    rest = all_after_marker(text)
    rest = (text if rest is None else rest).strip()
    if not rest:
        return None
    if (spans := as_spans(rest)) is None:
        spans = as_spans(rest.splitlines()[0])
    if spans is not None:
        return spans
    items = BULLET.findall(rest) or BETWEEN_ITEMS.split(rest.splitlines()[0])
    return frozenset(map(folded, items)) - NONE

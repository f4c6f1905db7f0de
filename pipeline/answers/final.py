"""The final answer of a text, and whether two answers are the same.

Where a marker stands (`####`, `The answer is`, `A:`, a box, …) the *last* one counts: a solution of GSM8K speaks of "Job A:
2000 hours" before it ends with "A: 18". Numbers are compared as decimals with commas, currency and units taken off.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, DecimalException

MARKER = re.compile(
    r"####|\\boxed\s*\{|\bfinal answer(?: is)?\s*:?|\banswer is\s*:?|\banswer\s*:|(?:^|(?<=\s))A:",
    flags=re.IGNORECASE,
)
SIGN = "(?:[-−+][$€£]?)?"
NUMBER = re.compile(rf"{SIGN}(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|{SIGN}\.\d+")
LONE_NUMBER = re.compile(
    rf"[\s$€£\\(*\[]*(?P<number>(?:{NUMBER.pattern}))(?:\s*/\s*(?P<below>\d+))?"
    r"[\s%*)}\]]*+(?:\s*+[A-Za-z°²³]++){0,3}+[\s.!*]*"
)
"""Possessive, since a reply may go on in one letter for thousands of characters."""
TOLERANCE = Decimal("1e-6")
"""Absolute for whole numbers, relative for others."""
DIGITS = 1000
"""A number of more is none, since decimals cannot compute with 1e9999999."""


def after_marker(text: str) -> str | None:
    """What follows the last marker on its line (in the box, for `\\boxed{`), or None where there is no marker."""
    found = list(MARKER.finditer(text))
    if not found:
        return None
    last = found[-1]
    rest = text[last.end() :]
    if last.group().startswith("\\boxed"):
        return _up_to_closing_brace(rest)
    lines = [line for line in rest.splitlines() if line.strip()]
    return lines[0].strip() if lines else ""


def final_answer(text: str) -> str | None:
    """The answer a text ends with, or None where it has none.

    After a marker: the first number there, else the words there. Without one: the last number, else the whole text.
    """
    marked = after_marker(text)
    lone = LONE_NUMBER.fullmatch(text if marked is None else marked)
    if lone and lone["below"]:
        return f"{lone['number']}/{lone['below']}"
    if marked is not None:
        number = NUMBER.search(marked)
        return number.group() if number and not _several(marked) else _trimmed(marked)
    if _several(text):
        return _trimmed(text)
    numbers = NUMBER.findall(text)
    return numbers[-1] if numbers else _trimmed(text)


def same_answer(expected: str, text: str) -> bool | None:
    """Whether `text` ends with the expected answer; None where the expected one cannot be read.

    Args:
        expected: the right answer, alone or after the last marker of a worked solution.
        text: the reply.
    """
    wanted = _trimmed(expected) if after_marker(expected) is None else final_answer(expected)
    if not wanted:
        return None
    number = as_number(wanted)
    if number is None and not _words(wanted):
        return None
    if number is None:
        return _words(wanted) in (_words(after_marker(text) or ""), _words(text))
    given = as_number(final_answer(text) or "")
    whole = number == number.to_integral_value()
    return given is not None and abs(given - number) <= TOLERANCE * (1 if whole else max(Decimal(1), abs(number)))


def as_number(text: str) -> Decimal | None:
    """The number a text is, with commas, currency, per cent and a unit taken off; None where it is none."""
    found = LONE_NUMBER.fullmatch(text)
    if not found:
        return None
    try:
        value = Decimal(re.sub("[,$€£]", "", found["number"]).replace("−", "-"))
        value = value / Decimal(found["below"]) if found["below"] else value
        return value if abs(value.adjusted()) < DIGITS else None
    except DecimalException:
        return None


def _several(text: str) -> bool:
    """Whether the text is nothing but a list of numbers, such as `3 7 2`: a list is no number."""
    return re.fullmatch(r"\s*\d+(?:[\s,;]+\d+)+[\s.]*", text) is not None and as_number(text) is None


def _up_to_closing_brace(text: str) -> str:
    depth = 1
    for place, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return text[:place]
    return text


def _trimmed(text: str) -> str | None:
    return text.strip().strip(".").strip() or None


def _words(text: str) -> str:
    """Text with case, spacing and outer punctuation made one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).strip(" .,;:!?\"'*`")

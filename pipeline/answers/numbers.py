"""Numbers as people write them: thousands separators, currency, per cent, a unit behind, a fraction.

In: the text of one answer. Out: its value as a decimal, so that comparison is exact and quick. `\\frac{1}{2}`, `1{,}000` and
`\\$5` of LaTeX are read as `1/2`, `1,000` and `$5`.
"""

from __future__ import annotations

import re
from decimal import Decimal, DecimalException

SIGN = "(?:[-−+][$€£]?)?"
NUMBER = re.compile(rf"{SIGN}(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|{SIGN}\.\d+")
LONE_NUMBER = re.compile(
    rf"[\s$€£\\(*\[]*(?P<number>(?:{NUMBER.pattern}))(?:\s++(?P<above>\d++)(?=\s*+/))?(?:\s*/\s*(?P<below>\d+))?"
    r"(?:\s*+(?P<scale>thousand|million|billion|trillion|k)\b)?(?:[\s%*)}\]$]|\\(?=[%$)\]\s]))*+"
    r"(?!\s*+(?:pi\b|(?![mgshlLCFK]\b)[A-Za-z]\b)|(?<=\d)[A-Za-z]{2}\b"
    r"(?<!km|cm|mm|nm|kg|mg|ml|mL|cl|hr|am|pm|AM|PM|th|st|nd|rd|ft|in|lb|oz))"
    r"(?:\s*+[A-Za-z°²³]++){0,3}+(?:(?<![\d)}\]])!)?[\s.*]*"
)
"""Possessive, since a reply may go on in one letter for thousands of characters. One letter that is no unit makes a formula
of it (`5x`), as a command (`12\\pi`) and a factorial do."""
SCALES = {"thousand": 3, "k": 3, "million": 6, "billion": 9, "trillion": 12}
TO_TWENTY = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
SPELLED = {word: str(number) for number, word in enumerate(TO_TWENTY)}
IN_WORDS = re.compile(
    rf"\b(?:{'|'.join(SPELLED)}|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|dozen|half)\b",
    flags=re.IGNORECASE,
)
CLAUSE_ENDS = re.compile(
    r"\((?!\s?(?:or|maybe|possibly)\b)|(?<!\.)\.\s(?!\s?(?:\d|(?:no|wait|actually|or)\b))"
    r"|(?:[,;]\s|\s)(?:not|since|as|because|which|rather|instead|given|where)\b",
    flags=re.IGNORECASE,
)
"""What only explains the number before it: `18, not 20`. Behind a mere comma the answer may still come."""
HEDGED = re.compile(
    r"\b(?:not|between(?:\s\S{1,12}\sand)?|than|minus|negative)\s++[-$€£]?\d"
    r"|\d\s*+(?:or|-|–)\s*+[$€£]?\d|\d:\d|^\s*+-\s++\d",
    flags=re.IGNORECASE,
)
"""A number that is turned down, one of two, an end of a range or a time: it is not plainly the answer."""
BEFORE = 24
"""Characters before a number that are searched for what hedges it."""
JOINED = re.compile(r"\b(?:or|and)\b", flags=re.IGNORECASE)
SEVERAL = re.compile(r"\s*\d+(?:[\s,;]+\d+)+[\s.]*")
TEXT = re.compile(r"\\(?:text|mathrm|textbf|mbox)\s*\{([A-Za-z\s.]*)\}")
FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{\s*(-?[\d.]+)\s*\}|(\d))\s*(?:\{\s*([\d.]+)\s*\}|(\d))")
SPACING = re.compile(r"\\[,;:! ]|\\(?:q?quad|left|right|displaystyle)(?![A-Za-z])|~")
IGNORED = str.maketrans("−", "-", ",$€£")
DIGITS = 1000
"""A number of more is none, since decimals cannot compute with 1e9999999."""


def as_number(text: str) -> Decimal | None:
    """The number a text is, with commas, currency, per cent and a unit taken off; None where it is none."""
    found = lone_number(text)
    return value_of(found) if found else None


def lone_number(text: str) -> re.Match[str] | None:
    """The match of a text that is one number."""
    found = LONE_NUMBER.fullmatch(text)
    return LONE_NUMBER.fullmatch(plain(text)) if found is None and ("\\" in text or "{,}" in text) else found


def value_of(found: re.Match[str]) -> Decimal | None:
    """The value of such a match."""
    try:
        value = Decimal(found["number"].translate(IGNORED))
        if found["above"]:
            value += (Decimal(found["above"]) / Decimal(found["below"])).copy_sign(value)
        elif found["below"]:
            value /= Decimal(found["below"])
        if found["scale"]:
            value = value.scaleb(SCALES[found["scale"]])
        return value if abs(value.adjusted()) < DIGITS else None
    except DecimalException:
        return None


def written(found: re.Match[str]) -> str:
    """The number of such a match as it stands in the text."""
    end = max(found.end(group) for group in ("number", "below", "scale"))
    return found.string[found.start("number") : end]


def spelled(text: str) -> str | None:
    """The digits of a text that is a number from zero to twenty in words; None where it is none."""
    return SPELLED.get(text.strip(" .!*_").lower()) if len(text) < 40 else None


def leading_number(text: str) -> re.Match[str] | None:
    """The match of the one number before what only explains it, as in `18, not 20` and `18 (two crates)`."""
    end = CLAUSE_ENDS.search(text)
    return lone_number(text[: end.start()]) if end else None


def is_hedged(text: str, number: re.Match[str] | None = None) -> bool:
    """Whether a text says no one number (or not this one in it, plainly); where it computes, the result says it."""
    if number is None:
        return "=" not in text and HEDGED.search(text) is not None
    around = text[max(0, number.start() - BEFORE) : number.end()]
    length = number.end() - number.start()
    return any(found.end() > len(around) - length for found in HEDGED.finditer(around))


def behind_equals(text: str) -> str | None:
    """What stands behind the last equals sign; None where there is none, or where several things are said to be equal."""
    _, *sides = text.split("=")
    if not sides or JOINED.search(text) or any("," in side or ";" in side for side in sides[:-1]):
        return None
    return sides[-1]


def only_number(text: str) -> re.Match[str] | None:
    """The one number in a text, however often it stands there; None where there are others, or none."""
    first = None
    for found in NUMBER.finditer(text):
        first = first or found
        if found.group() != first.group() and as_number(found.group()) != as_number(first.group()):
            return None
    return first


def is_several(text: str) -> bool:
    """Whether the text is nothing but a list of numbers, such as `3 7 2`: a list is no number."""
    return SEVERAL.fullmatch(text) is not None and as_number(text) is None


def plain(text: str) -> str:
    """LaTeX's ways to write a number, written plainly."""
    text = SPACING.sub("", text.replace("{,}", ",")).replace("\\$", "$").replace("\\%", "%")
    return FRACTION.sub(_fraction, TEXT.sub(r" \1", text))


def _fraction(found: re.Match[str]) -> str:
    """`1/2`; behind a digit, where it is a mixed number, ` 1/2`."""
    mixed = found.start() and found.string[found.start() - 1].isdigit()
    return f"{' ' if mixed else ''}{found[1] or found[2]}/{found[3] or found[4]}"

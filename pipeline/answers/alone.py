"""What a reply says where one thing was asked for and nothing else: a new instruction, or whether two are equal.

In: the reply. Out: the text by itself, without the fence, the opening line, the label, the marks or the quotes that models put
around it; or None where nothing is left. Nothing is taken out of the middle.
"""

from __future__ import annotations

import re

FENCES = ("```", "~~~")
ANNOUNCED = re.compile(
    r"(?:(?:sure|certainly|of course|okay|ok|absolutely)\b[^\n:]{0,120}|here(?:'s|\u2019s| is| are)?\b[^\n:]{0,60}"
    r"\b(?:new|rewritten|created|evolved|revised|improved|harder|rarer|reworded|paraphrased|rephrased)\b[^\n:]{0,60})"
    r"[:!.][*_]*\s*\n",
    flags=re.IGNORECASE,
)
"""A first line of its own that says what is coming."""
LABEL = re.compile(
    r"[#*_>\s]*+(?:the\s)?(?:(?:new|rewritten|created|evolved|revised|improved|harder|rarer|reworded|paraphrased|rephrased)\s)?"
    r"(?:instruction|prompt|wording|question)[#*_]{0,3}\s?:[*_]{0,3}\s*+",
    flags=re.IGNORECASE,
)
MARKED = re.compile(r"\A\[[^\[\]\n]{1,60} begins?\]\s*\n(.*)\n\s*\[[^\[\]\n]{1,60} ends?\]\Z", flags=re.DOTALL | re.IGNORECASE)
"""The marks that templates put around what they show, copied."""
PAIRS = ('""', "\u201c\u201d", "''", "``")
EQUAL = re.compile(
    r"(?:(?:yes|no)[,:.] )?(?:(?:they|both|these|(?:the|these)(?: two)? (?:instructions|prompts)) are )?(not )?equal",
    flags=re.IGNORECASE,
)
LABELLED = re.compile(r"(?:answer|verdict|judge?ment)\s?[:=]\s?|the answer is:?\s", flags=re.IGNORECASE)


def unwrapped(text: str) -> str:
    """A reply without its thoughts, and without a fence that stands around all of it."""
    text = text.rpartition("</think>")[2].strip()
    lines = text.split("\n")
    mark = text[:3]
    if mark not in FENCES or len(lines) < 2 or lines[-1].strip() != mark:
        return text
    inside = lines[1:-1]
    return text if any(line.lstrip().startswith(mark) for line in inside) else "\n".join(inside).strip()


def sole_text(text: str) -> str | None:
    """The one text a reply consists of; None where it holds no letter."""
    text = unwrapped(text)
    if announced := ANNOUNCED.match(text):
        text = unwrapped(text[announced.end() :])
    if label := LABEL.match(text):
        text = text[label.end() :].strip()
    if marked := MARKED.match(text):
        text = marked[1].strip()
    text = _unquoted(text)
    return text if any(each.isalpha() for each in text) else None


def _unquoted(text: str) -> str:
    """The text out of the one pair of quotes, or of bold type, around all of it."""
    if len(text) > 4 and text[:2] == text[-2:] == "**" and "**" not in text[2:-2]:
        text = text[2:-2].strip()
    first, last = text[:1], text[-1:]
    is_quoted = len(text) > 2 and first + last in PAIRS and first not in text[1:-1] and last not in text[1:-1]
    return text[1:-1].strip() if is_quoted else text


def said_equal(text: str) -> bool | None:
    """Whether a reply says `Equal` or `Not equal` on its first or its last line; None where it says neither, or both."""
    lines = [line for line in unwrapped(text).split("\n") if line.strip()]
    said = {_equal(line) for line in lines[:1] + lines[-1:]} - {None}
    return said.pop() if len(said) == 1 else None


def _equal(line: str) -> bool | None:
    plain = " ".join(line[:200].replace("*", " ").replace("_", " ").split()).strip(" .!\"'`[]()")
    found = EQUAL.fullmatch(LABELLED.sub("", plain, count=1).strip(" .!\"'`[]()"))
    return found[1] is None if found else None

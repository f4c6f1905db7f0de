"""Bracketed parts of replies: `[New Answer] … [End]`, and a text in [square brackets].

In: the reply and the section's name. Out: what stands there, or None. Of several the last holds, since what a model quotes
comes first. A section that is never ended was cut, or something else is meant: it is none.
"""

from __future__ import annotations

import re

STOP = re.compile(
    r"\[\s?(?:end\b[^\[\]\n]{0,40}|/[^\[\]\n]{1,40}|(?:new|better|improved)\s(?:instruction|answer|response))\s?\]",
    flags=re.IGNORECASE,
)
"""The end of a section: `[End]`, `[/New Answer]`, or the beginning of the next."""


def section(text: str, name: str) -> str | None:
    """What stands between `[name]` and `[End]`, in any case; None where that is nothing."""
    words = r"\s".join(map(re.escape, name.split()))
    opening = re.compile(rf"\[\s?{words}\s?\][*_]*\s*:?", flags=re.IGNORECASE)
    stops = [found.start() for found in STOP.finditer(text)]
    opened = [found.end() for found in opening.finditer(text) if stops and found.end() <= stops[-1]]
    if not opened:
        return None
    inside = text[opened[-1] : min(stop for stop in stops if stop >= opened[-1])].strip()
    if inside.endswith("**") and inside.count("**") % 2:
        inside = inside[:-2].strip()  # those of a bold [End]
    return inside or None


def bracketed(text: str) -> str | None:
    """The last text in square brackets that has a letter and is no link; brackets in it are its own."""
    depth, start, found = 0, 0, None
    for place, letter in enumerate(text):
        if letter == "[":
            depth += 1
            start = place + 1 if depth == 1 else start
        elif letter == "]" and depth:
            depth -= 1
            inside = text[start:place].strip()
            if depth == 0 and any(each.isalpha() for each in inside) and text[place + 1 : place + 2] != "(":
                found = inside
    return found

"""Where a text states its answer: after the last marker, such as `####`, `The answer is`, `A:` or a box.

The *last* one counts: a solution of GSM8K speaks of "Job A: 2000 hours" before it ends with "A: 18". A heading such as
`#### Step 2` is no marker. Texts are searched from their end, since that is where answers stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MARKER = re.compile(
    r"[#\\aA](?:"
    r"(?<=#)###(?!\s*(?i:step|part|case|solution|explanation|verification|check|conclusion)\b)"
    r"|(?<=\\)boxed\s*+\{"
    r"|(?<![^\s*].)(?<=A):"
    r"|(?i:(?<=\ba)nswer[*_]*+(?:\s+is\b(?:\s*+:)?|\s*+:|(?<=final answer)|(?<=final answer[*_])|(?<=final answer\*\*)"
    r"|(?<=<answer)>))"
    r")"
)
"""Begins with a class of characters, not with an alternation, since Python's search skips to the next of them quickly."""
BRACE = re.compile(r"[{}]")
FIRST_LOOK = 64
"""Characters at the end that are searched before the rest: nearly every marker stands there."""
BETWEEN = " \t\r\n*_:`"
"""What may stand between a marker and the answer: `**Answer:** 18`."""


def after_marker(text: str) -> str | None:
    """What follows the last marker on its line (in the box, for `\\boxed{`), or None where there is no marker."""
    rest = all_after_marker(text)
    return rest.splitlines()[0].strip() if rest else rest


def all_after_marker(text: str) -> str | None:
    """As `after_marker`, with the lines that follow."""
    last = last_marker(text)
    if last is None:
        return None
    if last.group().startswith("\\"):
        return _up_to_closing_brace(text, last.end())
    return text[last.end() :].partition("</answer>")[0].lstrip(BETWEEN)


def last_marker(text: str) -> re.Match[str] | None:
    """Where the last marker stands."""
    for start in _starts(len(text)):
        found = None
        for found in MARKER.finditer(text, start):  # noqa: B007
            pass
        if found is not None:
            return found
    return None


def _starts(length: int) -> Iterator[int]:
    """Places to search from, each leaving four times as much to search as the one before, so that all takes linear time."""
    look = FIRST_LOOK
    while look < length:
        yield length - look
        look *= 4
    yield 0


def _up_to_closing_brace(text: str, start: int) -> str:
    depth = 1
    for brace in BRACE.finditer(text, start):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return text[start : brace.start()]
    return text[start:]

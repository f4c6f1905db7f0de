"""What is said of a wrong attempt, and the solution that follows it behind `Corrected solution:` at the start of a line.

In: a reply of a teacher, or of a student that learned to correct. Out: both parts, or None where the label is missing, comes
twice, or one part is empty. Bold letters, headings and code fences around the parts are passed over.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 50_000
"""Characters of a text that is read."""
EDGES = r"[ \t>#*_]{0,12}"
LABEL = re.compile(
    rf"^{EDGES}(?:\d{{1,2}}[.)][ \t]{{1,4}})?{EDGES}corrected[ \t]solution"
    r"(?:[ \t]*[*_]{0,3}[ \t]*:[*_]{0,3}|[*_ \t]{0,6}$)",
    flags=re.IGNORECASE | re.MULTILINE,
)
CRITIQUE_LABEL = re.compile(rf"\A{EDGES}critique[*_]{{0,3}}[ \t]?:[*_]{{0,3}}", flags=re.IGNORECASE)
FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})\w{0,20}[ \t]*$", flags=re.MULTILINE)


class Critique(NamedTuple):
    """What is wrong with an attempt, and how it is done right."""

    said: str
    solution: str


def critique_in(text: str) -> Critique | None:
    """The two parts of a text."""
    if len(text) > LONGEST:
        return None
    parts = LABEL.split(FENCE.sub("", text.replace("\r\n", "\n")))
    if len(parts) != 2:
        return None
    said, solution = CRITIQUE_LABEL.sub("", parts[0].strip()).strip(), parts[1].strip()
    return Critique(said, solution) if said and solution else None

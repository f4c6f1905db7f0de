"""The reasoning of a reply without the answer it states: what Distilling step-by-step calls a rationale.

In: a reply. Out: all that stands before its last marker, without the words that lead up to it: `12 - 5 = 7. So the answer is
7.` becomes `12 - 5 = 7.` A reply that marks no answer is a rationale as it stands; one that is only an answer has none.
"""

from __future__ import annotations

import re

from pipeline.answers.markers import last_marker

LEADING_UP = re.compile(
    r"(?:(?<!\w)(?:(?:so|thus|hence|therefore|then|and|in|conclusion|the|this|that|means|my|our|final|correct|right|best)\b)"
    r"[\s,:]*+|[\s*_#>,:;=$\\<({\[-])++\Z",
    flags=re.IGNORECASE,
)
LOOK = 80
"""Characters before a marker in which such words are looked for."""


def rationale(text: str) -> str:
    """What a reply says before it states its answer."""
    marker = last_marker(text)
    if marker is None:
        return text.strip()
    before = text[: marker.start()]
    start = max(0, len(before) - LOOK)
    return (before[:start] + LEADING_UP.sub("", before[start:])).strip()

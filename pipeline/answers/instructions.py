"""Why a machine-made instruction is not worth keeping, by the rules of Self-Instruct (arXiv 2212.10560) and Alpaca.

In: the instruction. Out: the reason, or None. The rules are about English text, and about models that neither see nor draw.
"""

from __future__ import annotations

import re
from string import punctuation

SHORTEST, LONGEST = 4, 150
"""Words."""
BEYOND_TEXT = re.compile(
    r"\b(?:images?|graphs?|pictures?|files?|maps?|draw|plot|go to|videos?|audio|music|flowcharts?|diagrams?)\b",
    flags=re.IGNORECASE,
)
"""What a model of text has no hand in; the last five are Alpaca's."""
PROGRAM = "write a program"
"""Models put it before instructions that need none."""


def fault(instruction: str) -> str | None:
    """The first rule that an instruction breaks; None for a good one."""
    text = instruction.strip()
    words = len(text.split())
    if words < SHORTEST:
        return "too short"
    if words > LONGEST:
        return "too long"
    if found := BEYOND_TEXT.search(text):
        return f"asks for more than text: {found[0].lower()}"
    if text.lower().startswith(PROGRAM):
        return "asks for a program"
    if text[0] in punctuation:
        return "begins with punctuation"
    return None if text[0].isascii() else "does not begin with a Latin letter or a digit"

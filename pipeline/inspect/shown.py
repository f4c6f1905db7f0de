"""Text of models on a page: whatever it holds is seen as text, and none of it is obeyed.

The templates escape what is HTML; here is written out what would deceive or disturb a reader: control characters, those that
turn the direction of writing or have no width, as in a terminal; and a text of a megabyte is cut.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from pipeline.terminal import harmless

LONGEST = 20_000
"""Characters of a text that is shown alone."""
CELL = 160
"""Characters of a text in a table."""


def clipped(text: str, most: int = LONGEST) -> str:
    """At most so many characters of a text, made harmless, and how many there are more."""
    return harmless(text) if len(text) <= most else f"{harmless(text[:most])}… ({len(text) - most:,} more characters)"


def plain(value: Any, most: int = LONGEST) -> str:
    """Any value of a table as harmless text; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return clipped(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), most)


def cell(value: Any) -> str:
    """A value in one short line; of a conversation its last turn."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "content" in value[0]:
        value = value[-1]["content"]
    if not isinstance(value, str):
        return plain(value, CELL)
    line = " ".join(value[: 4 * CELL].split())
    cut = len(line) > CELL or len(value) > 4 * CELL
    return harmless(line[:CELL]) + ("…" if cut else "")


def expected(value: Any) -> str:
    """What an item expects: its answer as it is, constraints in words.

    >>> expected('[{"kind": "keywords:frequency", "keyword": "young", "frequency": 2}, {"kind": "punctuation:no_comma"}]')
    'keywords:frequency (keyword young, frequency 2); punctuation:no_comma'
    """
    told = value
    if isinstance(value, str) and value.startswith("[{"):
        with suppress(ValueError, RecursionError):
            told = json.loads(value)
    if not isinstance(told, list) or not all(isinstance(each, dict) and isinstance(each.get("kind"), str) for each in told):
        return plain(value)
    return "; ".join(_constraint(**each) for each in told)


def _constraint(kind: str, **words: Any) -> str:
    said = [f"{name.replace('_', ' ')} {_listed(word)}" for name, word in words.items() if word is not None]
    return f"{kind} ({', '.join(said)})" if said else kind


def _listed(word: Any) -> str:
    return " / ".join(plain(each) for each in word) if isinstance(word, list) else plain(word)

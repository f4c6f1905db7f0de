"""Numbered lists in replies: the items a model adds to a list it was shown, by Self-Instruct's rules (arXiv 2212.10560).

In: the reply, the numbers that were asked for, and whether it was cut off. Out: the items, each on one line. The last item of a
reply that was cut is dropped, as the paper does; so is one with text behind a blank line, of which part would be missing.
`9.`, `9)`, `**9.**`, `Task 9:` and a list that starts at 1 again are all read; what stands around the list is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pipeline.answers.alone import unwrapped

ITEM = re.compile(
    r"[ \t>]*+[#*_]{0,4}[ \t]?(?:(?:task|instruction|question|prompt|item)[ \t])?#?(?P<number>\d{1,4})[*_]{0,3}[.):][*_]{0,3}"
    r"(?:[ \t]++(?P<text>.*))?",
    flags=re.IGNORECASE,
)


@dataclass
class _Item:
    number: int
    lines: list[str] = field(default_factory=list)
    ended: bool = False
    """Whether a blank line has followed."""
    torn: bool = False
    """Whether more text has followed that."""

    @property
    def text(self) -> str:
        text = " ".join(" ".join(self.lines).split())
        is_bold = len(text) > 4 and text[:2] == text[-2:] == "**" and "**" not in text[2:-2]
        return text[2:-2].strip() if is_bold else text


def numbered_items(text: str, first: int, last: int, cut: bool = False) -> list[str]:
    """The items numbered from `first` to `last`, in their order; a list that begins at 1 and never reaches `first` counts too.

    Args:
        cut: whether the reply ended for its length.
    """
    items, is_over = _read(unwrapped(text), first, last)
    if items and not is_over:
        items[-1].torn = False  # these are closing words
    if cut and not is_over:
        items = items[:-1]
    if any(item.number >= first for item in items):
        items = [item for item in items if item.number >= first]
    return [item.text for item in items if item.text and not item.torn]


def _read(text: str, first: int, last: int) -> tuple[list[_Item], bool]:
    """All items with rising numbers up to `last`, and whether one beyond it follows; other lines go to the item above."""
    items: list[_Item] = []
    for line in text.split("\n"):
        found = ITEM.fullmatch(line.rstrip())
        number = int(found["number"]) if found else 0
        if found and items and number > last:
            return items, True
        if found and (number > items[-1].number if items else number in (1, first)):
            items.append(_Item(number, [found["text"] or ""]))
        elif items:
            _add(items[-1], line)
    return items, False


def _add(item: _Item, line: str) -> None:
    if not line.strip():
        item.ended = True
    elif item.ended:
        item.torn = True
    else:
        item.lines.append(line)

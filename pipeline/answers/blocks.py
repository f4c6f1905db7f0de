"""Whole tasks in replies: blocks of instruction, input and output (Alpaca), and lists of inputs and outputs (Self-Instruct).

In: the reply, and whether it was cut off. Out: the blocks or instances that are complete; one that lacks a field, has it twice
or in another order is left out, as is the last one of a cut reply. `<noinput>` is no input. Labels may be bold or numbered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.answers.alone import unwrapped

LABEL = re.compile(
    r"[ \t>]*+[#*_]{0,6}[ \t]?(?:(?P<number>\d{1,4})[*_]{0,3}[.)][*_]{0,3}[ \t]?)?[*_]{0,3}"
    r"(?P<name>instruction|input|output)[*_]{0,3}[ \t]?:[*_]{0,3}(?:[ \t]++(?P<text>.*))?",
    flags=re.IGNORECASE,
)
BREAK = re.compile(r"[ \t]*+#{3,}[ \t]*+(?:(?:task|example)?[ \t]*+#?\d{0,4}[.:)]?[ \t]*+)?", flags=re.IGNORECASE)
"""A line between blocks: `###`, `### 4.`"""
HEADING = re.compile(r"[ \t#*_]*+(?:example|instance)[ \t]+#?\d{1,3}[ \t]*+[.:)]?[*_ \t]*+", flags=re.IGNORECASE)
NO_INPUT = re.compile(r"[<\[(]no[ _-]?input[>\])]\.?|noinput", flags=re.IGNORECASE)
MOST_INSTANCES = 5
"""Of one instruction (Self-Instruct)."""


class Block(NamedTuple):
    """A whole task."""

    instruction: str
    input: str
    """Empty where none is needed."""
    output: str


class Instance(NamedTuple):
    """One input of an instruction, and its output."""

    input: str
    """Empty where none is needed."""
    output: str


@dataclass
class _Draft:
    """A block while it is read."""

    order: tuple[str, ...]
    number: int | None = None
    fields: dict[str, list[str]] = field(default_factory=dict)
    is_broken: bool = False
    is_closed: bool = False
    """Whether a line between blocks has ended it."""

    def text(self, name: str) -> str:
        text = "\n".join(self.fields.get(name, [])).strip()
        return "" if name == "input" and NO_INPUT.fullmatch(text) else text

    @property
    def is_whole(self) -> bool:
        needed = (name for name in self.order if name != "input")
        return not self.is_broken and set(self.fields) == set(self.order) and all(map(self.text, needed))

    def takes(self, label: re.Match[str]) -> bool:
        """Whether a label is one of this block's and not a line of its text."""
        return self.number is None or _number(label) is not None or label["name"].lower() == self._due

    @property
    def _due(self) -> str | None:
        return self.order[len(self.fields)] if len(self.fields) < len(self.order) else None

    def put(self, label: re.Match[str]) -> None:
        """Begins the field a label names; out of turn, twice or under another number, the block is broken."""
        name, number = label["name"].lower(), _number(label)
        if name != self._due or (number is not None and self.fields and number != self.number):
            self.is_broken = True
        self.fields[name] = [label["text"] or ""]

    def add(self, line: str) -> None:
        if self.fields and not self.is_closed:
            next(reversed(self.fields.values())).append(line)


def task_blocks(text: str, first: int = 1, last: int = 9999, cut: bool = False) -> list[Block]:
    """The complete blocks numbered from `first` to `last`; those of a list that never reaches `first`, or has no numbers, too.

    Args:
        cut: whether the reply ended for its length; the last block then is none, unless a `###` follows it.
    """
    drafts = _drafts(unwrapped(text), ("instruction", "input", "output"))
    if cut and drafts and not drafts[-1].is_closed:
        drafts.pop()
    if any(first <= (draft.number or 0) <= last for draft in drafts):
        drafts = [draft for draft in drafts if draft.number is None or first <= draft.number <= last]
    whole = [draft for draft in drafts if draft.is_whole]
    return [Block(draft.text("instruction"), draft.text("input"), draft.text("output")) for draft in whole]


def instances(text: str, cut: bool = False, most: int = MOST_INSTANCES) -> list[Instance]:
    """The instances a reply lists, input first or output first, by Self-Instruct's rules.

    There are none where one input has two outputs. Left out are those that repeat one, whose output is their input, or that end
    with a colon on either side; of the others the first `most` are kept. An output alone is an instance without input.
    """
    lines = [line for line in unwrapped(text).split("\n") if not HEADING.fullmatch(line)]
    names = [found["name"].lower() for line in lines if (found := LABEL.fullmatch(line.rstrip()))]
    if "input" not in names and names.count("output") == 1:
        lines.insert(0, "Input: <noinput>")
        names.insert(0, "input")
    order = ("output", "input") if names[:1] == ["output"] else ("input", "output")
    drafts = _drafts("\n".join(lines), order)
    if cut and drafts and not drafts[-1].is_closed:
        drafts.pop()
    return _kept([Instance(draft.text("input"), draft.text("output")) for draft in drafts if draft.is_whole])[:most]


def _kept(found: Sequence[Instance]) -> list[Instance]:
    """Those that Self-Instruct's filters leave."""
    outputs: dict[str, str] = {}
    if any(each.input and outputs.setdefault(each.input, each.output) != each.output for each in found):
        return []
    good = dict.fromkeys(each for each in found if each.input != each.output)
    return [each for each in good if not each.input.endswith(":") and not each.output.endswith(":")]


def _drafts(text: str, order: tuple[str, ...]) -> list[_Draft]:
    """The blocks that are begun in a text, in their order."""
    drafts: list[_Draft] = []
    for line in text.split("\n"):
        label = LABEL.fullmatch(line.rstrip())
        if BREAK.fullmatch(line):
            _close(drafts)
        elif label and _begins(label, drafts, order):
            drafts.append(_Draft(order, _number(label)))
            drafts[-1].put(label)
        elif drafts and label and label["name"].lower() in order and not drafts[-1].is_closed and drafts[-1].takes(label):
            drafts[-1].put(label)
        elif drafts:
            drafts[-1].add(line)
    return drafts


def _close(drafts: list[_Draft]) -> None:
    if drafts:
        drafts[-1].is_closed = True


def _begins(label: re.Match[str], drafts: Sequence[_Draft], order: Sequence[str]) -> bool:
    """Whether a label begins another block: the first field's, numbered where the block before it is."""
    if label["name"].lower() != order[0]:
        return False
    return not drafts or drafts[-1].is_closed or drafts[-1].number is None or _number(label) is not None


def _number(label: re.Match[str]) -> int | None:
    return int(label["number"]) if label["number"] else None

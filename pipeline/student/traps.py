"""What a chat template can do to an example, told apart: pure text, no tokenizer and no template.

In: a conversation as a template renders it, in three ways, and the assistant's message. Out: where that message stands in it,
or an error that names the trap. Templates in use do all of this: an empty think block around real reasoning (TRL #6361), the
reasoning cut off the last answer (DeepSeek-R1's distilled models), a think block for an answer that has none (Qwen3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile

from pipeline.errors import UserError

OPEN, CLOSE = "<think>", "</think>"
TAG = re.compile(r"</?think>")
EMPTY = re.compile(r"<think>\s*</think>")
CODE = re.compile(r"`[^`]*`")
"""Code in a line, and fences, too: of three backticks two make an empty pair."""
OWN = (
    "Name a file with a template of your own: `student.chat_template: FILE`. It writes each message as the mark of its role, "
    "its content as it is and the end token; where add_generation_prompt is set, the mark of the assistant's turn follows."
)
DROP = "Keep such samples out with a filter, or mend the teacher's prompt."
EXCERPT = 60
"""Characters of the two texts that an error shows."""


@dataclass(frozen=True)
class Rendered:
    """A conversation in the words of a chat template."""

    bare: str
    """What the student reads, without the generation prompt."""
    asked: str
    """What the student reads, generation prompt included."""
    whole: str
    """All of it."""
    answer: str
    """The assistant's message, as the corpus has it."""

    @property
    def turn(self) -> str:
        """What the answer adds to the conversation."""
        return self.whole[_common(self.bare, self.whole) :]

    @property
    def opened(self) -> str:
        """The opening tag of the answer's reasoning, where the generation prompt has written it already."""
        tags = (tag for tag in (f"{OPEN}\n", OPEN) if self.asked.endswith(tag) and self.answer.lstrip().startswith(tag))
        return next(tags, "")


@dataclass(frozen=True)
class Place:
    """Where things stand in `Rendered.whole`, in characters."""

    answer: int
    """First character of the assistant's message, were it not trimmed; in the prompt where that opens the reasoning."""
    start: int
    """Where the prompt ends and what is trained begins."""
    stop: int
    """One past the end token."""


def find_answer(text: Rendered, end: str, special: re.Pattern[str]) -> Place:
    """Where the answer stands in the rendering.

    White space around the answer is the template's affair: many trim it, some write a blank before it.

    Args:
        end: the end token.
        special: matches the special tokens.

    Raises:
        UserError: what the student would learn is not the answer with the end token behind it.
    """
    core = text.answer.strip()
    start = len(text.asked)
    first = start - len(text.opened)
    first += len(text.whole[first:]) - len(text.whole[first:].lstrip())
    if not text.whole.startswith(text.asked) or not text.whole.startswith(core, first):
        raise trap(text)
    rest = text.whole[first + len(core) :]
    between, found, _ = rest.partition(end)
    if not found:
        raise UserError(
            f"the chat template does not end the answer with the end token {end!r}: it ends {text.whole[-EXCERPT:]!r}",
            f"Without it the student would never stop. Mend the template, or the tokenizer's eos_token. {OWN}",
        )
    if special.sub("", between).strip():
        raise UserError(f"the chat template adds {between[:EXCERPT]!r} after the answer", OWN)
    margin = len(text.answer) - len(text.answer.lstrip())
    return Place(first - margin, start, first + len(core) + len(between) + len(end))


def trap(text: Rendered) -> UserError:
    """Which trap it is that the template sprang."""
    complaint = _about_reasoning(text) or _about_the_prompt(text) or _about_the_answer(text)
    return UserError(f"the chat template {complaint}", OWN)


def _about_reasoning(text: Rendered) -> str:
    inner = reasoning_of(text.answer)
    if EMPTY.search(text.turn):
        what = "wraps the answer in an empty think block" if inner else "adds an empty think block to an answer that has none"
        return f"{what}: {text.turn[:EXCERPT]!r}"
    if inner and inner not in text.turn:
        return f"strips the reasoning of the answer, {inner[:EXCERPT]!r}"
    if inner and (text.turn.count(OPEN) > 1 or text.turn.count(inner) > text.answer.count(inner)):
        return f"doubles the reasoning of the answer: {text.turn[:EXCERPT]!r}"
    return ""


def _about_the_prompt(text: Rendered) -> str:
    core, start = text.answer.strip(), len(text.asked)
    before, found, _ = text.turn.partition(core)
    if found and text.asked == text.bare and before.strip():
        return f"has no generation prompt: the student would have to write {before[:EXCERPT]!r} itself"
    if not text.whole.startswith(text.asked):
        place = _common(text.asked, text.whole)
        return (
            f"renders the prompt differently once the answer follows: {_around(text.asked, place)!r} becomes "
            f"{_around(text.whole, place)!r}"
        )
    before, found, _ = text.whole[start:].partition(core)
    return f"puts {before[:EXCERPT]!r} before the answer, which the prompt does not have" if found else ""


def _about_the_answer(text: Rendered) -> str:
    core, written = text.answer.strip(), text.whole[len(text.asked) - len(text.opened) :].lstrip()
    place = _common(core, written)
    return f"changes the answer: {_around(core, place)!r} becomes {_around(written, place)!r}"


def check_reasoning(answer: str) -> None:
    """Makes sure that an answer's reasoning, where it has some, stands before it once and whole; tags in code are words.

    Raises:
        UserError: it is empty, doubled, or lacks a tag.
    """
    core = answer.strip()
    if core.startswith(OPEN) and CLOSE not in core:
        raise UserError(f"the reasoning has no closing tag {CLOSE}: {core[-EXCERPT:]!r}", DROP)
    if EMPTY.match(core):
        raise UserError(f"the reasoning is empty: {core[:EXCERPT]!r}", DROP)
    block, closed, after = core.partition(CLOSE) if core.startswith(OPEN) else ("", "", core)
    again = TAG.search(CODE.sub("", block[len(OPEN) :])) or TAG.search(CODE.sub("", after))
    if again and closed:
        raise UserError(
            f"the reasoning is doubled: a second {again.group()} in {_around(core, core.rfind(again.group()))!r}", DROP
        )
    if again and again.group() == CLOSE:
        raise UserError(f"the reasoning has no opening tag {OPEN}: {core[:EXCERPT]!r}", DROP)
    if again:
        raise UserError(f"the reasoning does not stand before the answer: {core[:EXCERPT]!r}", DROP)


def reasoning_of(answer: str) -> str:
    """What stands in the think block that an answer begins with; nothing where there is none."""
    core = answer.strip()
    return core[len(OPEN) :].partition(CLOSE)[0].strip() if core.startswith(OPEN) and CLOSE in core else ""


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _around(text: str, place: int) -> str:
    return text[max(0, place - EXCERPT // 3) : place + 2 * EXCERPT // 3]

"""Takes a model's thoughts out of its reply: whatever tags it wrote them in, they become `reasoning`, and the rest `text`.

Tags cut the text into pieces. A piece is a thought if an opening tag stands before it or a closing tag after it: this one rule
holds for several blocks, tags within tags, a missing opening tag (the templates of DeepSeek-R1 and Qwen open it in the prompt)
and a missing closing one (cut off). In doubt it is a thought, since an answer lost is dropped by a filter, and a thought taken
for an answer is learned. Tags quoted in backticks or a code fence are text. A text without tags is not touched.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from pipeline.llm.request import Reply

NAMES = ("think", "thinking", "reasoning", "thought", "seed:think")
"""DeepSeek, Qwen and most others; Anthropic's prompts; GRPO recipes; Gemini; Seed-OSS. Not `reflection`: models write it among
their thoughts, which hold it anyway, and prompts ask for it as a part of the answer."""
OPENING = {
    *(f"<{name}>" for name in NAMES),
    "[think]",  # Magistral
    "◁think▷",  # Kimi
    "<|begin_of_thought|>",  # OpenThinker, Sky-T1
    "<|start_thinking|>",  # Command A
    "<|channel>thought",  # Gemma 4
    "<|channel|>analysis",  # gpt-oss
    "<|channel|>commentary",
}
CLOSING = {
    *(f"</{name}>" for name in NAMES),
    "[/think]",
    "◁/think▷",
    "<|end_of_thought|>",
    "<|begin_of_solution|>",
    "<|end_thinking|>",
    "<|start_response|>",
    "<channel|>",
    "<|channel|>final",
}
FRAME = {
    *("<|end_of_solution|>", "<|end_response|>"),
    *("<|start|>assistant", "<|constrain|>json", "<|message|>", "<|end|>", "<|return|>", "<|call|>"),
}
"""Part of these notations, and neither the beginning nor the end of a thought."""
ANGLED = "|".join(re.escape(tag[1:]) for tag in sorted(OPENING | CLOSING | FRAME) if tag[0] == "<")
TAG = re.compile(rf"<(?i:{ANGLED})|\[/?THINK\]|◁/?think▷")
"""In upper or lower case, but for Magistral's, since `[think]` is a stage direction. No tag holds white space, so that joining
two pieces makes none."""
SIGNS = ("<", "THINK]", "think▷")
"""One of these is in every tag: found seven times faster than that there is no tag."""

FENCED = (
    r"{mark}(?:{line_start}){mark}{mark}(?P<{more}>{mark}{{0,5}}+)[^`\n]*\n"
    r"(?:(?![ \t]*{mark}{mark}{mark}(?P={more}))[^\n]*\n)*+"
    r"[ \t]*{mark}{mark}{mark}(?P={more}){mark}*[ \t]*$"
)
"""A fence of three to eight marks, the lines in it, and its end: as many marks or more, and nothing else on the line. Where
another block begins before that (```` ```py ````), the fence was never closed and quotes nothing."""
INLINE = r"`(?<!``)(?P<more>`*+)[^\n]{1,200}?(?<!`)`(?P=more)(?!`)"
"""As many backticks at the end as at the beginning. Bounded, as marks and margins of fences are: linear time on any text."""


def _fenced(mark: str, more: str) -> str:
    line_start = "|".join(rf"(?<=^[ \t]{{{margin}}}{mark})" for margin in range(9))
    return FENCED.format(mark=mark, line_start=line_start, more=more)


QUOTED = re.compile(f"{_fenced('`', 'ticks')}|{_fenced('~', 'tildes')}|{INLINE}", flags=re.MULTILINE)


def split(reply: Reply) -> Reply:
    """The reply with its thoughts in `reasoning` alone, and their tokens in `tokens_reasoning`.

    Where the provider does not count these, or says 0 beside thoughts in plain sight, they are `tokens_out` by their share of
    the characters.
    """
    text, inline = reply.text, ""
    if text and (tags := _unquoted(text)):
        text, inline = _apart(text, tags)
        if _unquoted(text):  # without the thoughts a stray fence quotes something else: then no quote counts
            text, inline = _apart(reply.text or "", list(TAG.finditer(reply.text or "")))
    elif reply.reasoning is None:
        return reply
    reasoning = _together((reply.reasoning or "").strip(), inline)
    found = {"text": text, "reasoning": reasoning or None, "tokens_reasoning": _tokens(reply, reasoning, text or "")}
    return reply.model_copy(update=found)


def _unquoted(text: str) -> list[re.Match[str]]:
    """The tags that are not quoted."""
    if not any(sign in text for sign in SIGNS):
        return []
    tags = list(TAG.finditer(text))
    if not tags or ("`" not in text and "~~~" not in text):
        return tags
    quotes = [quote.span() for quote in QUOTED.finditer(text)]
    before = [(tag, bisect_right(quotes, (tag.start(), 0)) - 1) for tag in tags]
    return [tag for tag, place in before if place < 0 or quotes[place][1] <= tag.start()]


def _apart(text: str, tags: list[re.Match[str]]) -> tuple[str, str]:
    """The text without its thoughts, and the thoughts; pieces of either are joined by a blank line."""
    said: list[str] = []
    thought: list[str] = []
    undecided: list[str] = []
    thinking, end = False, 0
    for tag in tags:
        undecided.append(text[end : tag.start()])
        end, name = tag.end(), tag.group().lower()
        if name not in FRAME:
            (thought if thinking or name in CLOSING else said).extend(undecided)
            undecided, thinking = [], name in OPENING
    (thought if thinking else said).extend([*undecided, text[end:]])
    return _joined(_trimmed(piece) for piece in said), _joined(piece.strip() for piece in thought)


def _joined(pieces: Iterable[str]) -> str:
    return "\n\n".join(piece for piece in pieces if piece)


def _trimmed(piece: str) -> str:
    """Without the white space around, but for the margin of the first line, which may be code."""
    inner = piece.strip()
    _, line_break, margin = piece[: piece.find(inner)].rpartition("\n")
    return margin + inner if line_break and inner else inner


def _together(given: str, inline: str) -> str:
    """What came apart and what stood in the text; once, where it is the same."""
    return given if given.split() == inline.split() else _joined((given, inline))


def _tokens(reply: Reply, reasoning: str, text: str) -> int | None:
    if reply.tokens_reasoning or reply.tokens_out is None or not reasoning:
        return reply.tokens_reasoning
    return round(reply.tokens_out * len(reasoning) / (len(reasoning) + len(text)))

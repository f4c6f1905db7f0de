"""Keeps replies that are more answer than boilerplate: "Certainly! Here is", "I hope this helps", "As an AI language model".

An opener or a closer around a good answer costs a few tokens, and many teachers write one each time: dropping for it would lose
most of what they know. So these drop a reply only where they leave no letter and no digit, unless a recipe sets a lower
share; `Sure.` alone is an answer. What a model says of itself or of the end of its knowledge is dropped wherever it stands,
since the student would learn to say it of another model. `outright` sets which of the four kinds drop for their mere presence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task

Kind = Literal["opener", "closer", "self_reference", "dated_knowledge"]

START, END = 400, 600
"""Characters from either end in which openers and each closer are looked for."""
CLOSERS = 5
"""Closing sentences that are taken off at most."""
OPENER = re.compile(
    r"[\s*_#>]*(?:"
    r"(?:certainly|sure(?: thing)?|of course|absolutely|definitely|no problem|gladly|okay|ok|understood|got it|happy to help"
    r"|(?:i'd|i would) be (?:happy|glad|delighted) to (?:help|assist)[^.!?:\n]{0,60}"
    r"|(?:that's |what )?an? (?:great|good|excellent|interesting|wonderful|fantastic) (?:question|request|topic)"
    r"|(?:great|good|excellent) question|thank(?:s| you) for (?:asking|your (?:question|request|message))[^.!?:\n]{0,40})"
    r"(?:\s*[!.,:]+|\s+[-–—])[\s*_]*"
    r"|(?:here(?:'s| is| are)|below (?:is|are)|the following (?:is|are)) [^.!?:\n]{1,120}:[\s*_]*"
    r"|let(?:'s| us| me) (?:dive|break (?:it|this) down|get started|start|begin|take a look)[^.!?:\n]{0,60}[.!:]+[\s*_]*"
    r")"
)
YES = re.compile(r"\W*(?:certainly|sure|of course|absolutely|definitely|no problem|okay|ok|understood)\W*")
CLOSER = re.compile(
    r"(?:i hope (?:this|that|it|these|you)\b[^.!?\n]{0,120}"
    r"|hope (?:this|that|it) helps[^.!?\n]{0,60}"
    r"|(?:please )?(?:feel free|don't hesitate|do not hesitate) to [^.!?\n]{0,160}"
    r"|(?:please )?let me know (?:if|how|what|whether|should)\b[^!?\n.]{0,160}"
    r"|if you (?:have|need|want|would like|'d like)\b[^.!?\n]{0,120}"
    r"\b(?:let me know|feel free|ask|i'm here|reach out|happy to help)\b[^.!?\n]{0,120}"
    r"|is there anything else[^.!?\n]{0,80}"
    r"|would you like (?:me to|more|to know|any)\b[^.!?\n]{0,160}"
    r"|(?:have a (?:great|nice|good|wonderful) (?:day|one|time)|happy (?:coding|learning|cooking|writing|reading)"
    r"|good luck|best of luck)[^.!?\n]{0,60}"
    r"|i'm (?:always )?(?:here|happy|glad) to (?:help|assist)[^.!?\n]{0,80})"
    r"[.!?]*\W*"
)
SENTENCE_START = re.compile(r"(?:(?<=[.!?:*_\n)])\s+|\n\s*)(?:[*_>-]{1,3}\s?)?")
ANYWHERE: dict[Kind, re.Pattern[str]] = {
    "self_reference": re.compile(
        r"\b(?:as an? (?:(?:ai|artificial intelligence)(?: (?:(?:language|text|chat)[ -]?)?(?:model|assistant|bot|chatbot))?"
        r"|(?:large )?language model)(?: (?:created|developed|trained|made) by \w{1,20})?"
        r"(?: (?:i|my)\b|,[^.\n]{0,80}?\b(?:i|me|my)\b)"
        r"|i(?:'m| am) (?:chatgpt|gpt-\d|(?:claude|gemini|bard|llama|qwen|deepseek|mistral|grok), "
        r"(?:an? ai|made|created|developed|trained))\b"
        r"|i(?:'m| am) (?:just |only |merely |actually )?an? (?:ai|artificial intelligence|(?:large )?language model)\b"
        r"|i (?:do not|don't) have (?:any )?(?:personal (?:opinions?|experiences?|beliefs?|feelings?|preferences?)"
        r"|a physical body|(?:access to )?real[- ]time (?:data|information|access)|the ability to (?:browse|access the web))"
        r"|i(?: was|'m| am) (?:created|developed|trained|made) by (?:openai|anthropic|google|meta|mistral|deepseek|alibaba)\b"
        r")"
    ),
    "dated_knowledge": re.compile(
        r"\b(?:as of my (?:last|latest|most recent|current|training)\b[^.\n]{0,40}?\b(?:update|cut-?off|data|knowledge)\b"
        r"|as of my knowledge\b|my (?:knowledge|training|training data) (?:cut-?off|only goes|ends|was last updated)\b"
        r"|my (?:training data|knowledge base) (?:goes|extends|ends|is (?:limited|current|only)|was last"
        r"|(?:does not|doesn't) (?:go|extend|include))\b"
        r"|(?:as of|up to|until|since) my (?:(?:last|latest|most recent) )?"
        r"(?:knowledge|training)(?: data)? (?:cut-?off|update)\b"
        r"|(?:as of|up to|until) my (?:last|latest|most recent) update\b)"
    ),
}


class NotBoilerplate(RowFilter):
    """Openers and closers are a small share, which is the score, and nothing of the kinds named in `outright` is there."""

    source: ClassVar[str] = "clean-ups of the Alpaca and ShareGPT data"
    filter: Literal["not_boilerplate"]
    """Is more answer than boilerplate."""
    max_share: float = Field(1.0, gt=0, le=1)
    """Greatest share of the characters that openers and closers may have; at 1 they may have all but one letter or digit."""
    outright: tuple[Kind, ...] = ("self_reference", "dated_knowledge")
    """Kinds that drop a reply wherever they stand in it: opener, closer, self_reference, dated_knowledge."""

    def judge(self, task: Task, sample: Sample) -> Word:
        text = sample.target.replace("’", "'").strip()
        found = list(boilerplate(text))
        around = sum(len(phrase) for kind, phrase in found if kind in ("opener", "closer"))
        share = around / max(len(text), 1)
        detail = "; ".join(f"{kind}: {' '.join(phrase.split())[:60]!r}" for kind, phrase in found)[:200]
        for kind in self.outright:
            if any(kind == other for other, _ in found):
                return drop(f"boilerplate: {kind}", share, detail)
        if share > self.max_share or (around and not _says_something(text, found)):
            return drop("more boilerplate than answer", share, detail)
        return keep("boilerplate beside an answer" if found else "no boilerplate", share, detail)


def _says_something(text: str, found: list[tuple[Kind, str]]) -> bool:
    """Whether a letter or digit is left between openers and closers, or the whole reply is a yes or an OK."""
    before = sum(len(phrase) for kind, phrase in found if kind == "opener")
    behind = sum(len(phrase) for kind, phrase in found if kind == "closer")
    return any(map(str.isalnum, text[before : len(text) - behind])) or YES.fullmatch(text.lower()) is not None


def boilerplate(text: str) -> Iterator[tuple[Kind, str]]:
    """The boilerplate in a text by kind: openers at its start, closers at its end, the rest anywhere."""
    lower = text.lower()
    if len(lower) != len(text):  # İ grows when it is lowered, and places would move
        text = lower
    begin = 0
    while found := OPENER.match(lower[:START], begin):
        yield "opener", text[begin : found.end()]
        begin = found.end()
    end = len(text)
    for _ in range(CLOSERS):
        if (start := _closer_start(lower, begin, end)) == end:
            break
        yield "closer", text[start:end]
        end = start
    for kind, pattern in ANYWHERE.items():
        if phrase := pattern.search(lower):
            yield kind, text[phrase.start() : phrase.end()]


def _closer_start(lower: str, begin: int, end: int) -> int:
    """Where the closer begins that ends at `end`; `end` where there is none."""
    if end - begin <= END and CLOSER.fullmatch(lower, begin, end):
        return begin
    for sentence in SENTENCE_START.finditer(lower, max(begin, end - END), end):
        if CLOSER.fullmatch(lower, sentence.end(), end):
            return sentence.start()
    return end

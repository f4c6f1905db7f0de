"""Keeps replies that do more than say the question again: the same words, all of it at the start, or most of it in pieces.

An answer may quote the question, restate it in one sentence, or rewrite a text that stands in it. So an echo is a reply of
which most word 3-grams stand in the question *and* which has most of the question's. A question of several sentences copied
whole before the answer is one as well, as completion models do. Where the constraints ask for it, nothing is an echo. A
function to be completed is repeated by right: leave such tasks out with `kinds`. Nobody can tell
an echo where the question is one word, nor where the reply says again only the text behind a request: it may be rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from pipeline.filters.verdicts import RowFilter, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task

WORD = re.compile(r"\w+")
SENTENCE_END = re.compile(r"[.!?؟।۔](?=\s+\S)|[。！？]\s*\S|\n\s*\S")
MORE = "more than the question"
Ngram = tuple[str, ...]


class NotEcho(RowFilter):
    """The reply is no copy of the question; the score is the share of its n-grams that stand there."""

    source: ClassVar[str] = "Self-Instruct (Wang et al. 2022, arXiv 2212.10560): an output equal to its input is dropped"
    filter: Literal["not_echo"]
    """Does more than repeat the question."""
    max_share: float = Field(0.6, gt=0, le=1)
    """Greatest share of n-grams, the reply's in the question and the question's in the reply: an echo is above it in both."""
    words: PositiveInt = 3
    """Words of an n-gram."""
    min_words: PositiveInt = 6
    """Words of the shortest question that can be echoed in pieces or before an answer; a shorter one only whole."""

    def judge(self, task: Task, sample: Sample) -> Word:
        if any("repeat_prompt" in str(each.get("kind")) for each in task.constraints or ()):
            return keep("asked to repeat the question")
        questions = [question for question in _questions(task, sample) if WORD.search(question)]
        if not questions:
            return unverifiable("the question has no words")
        words = [self._word_on(question, sample.target) for question in questions]
        dropped = [word for word in words if word.decision == "drop"]
        return dropped[0] if dropped else max(words, key=lambda word: word.score or 0.0)

    def _word_on(self, question: str, reply: str) -> Word:
        asked, said = WORD.findall(question.lower()), WORD.findall(reply.lower())
        if asked == said:
            return drop("the same words as the question", 1.0) if len(asked) > 1 else unverifiable("one word, said again")
        ours, theirs = _ngrams(said, self.words), _ngrams(asked, self.words)
        share, covered = _share(ours, theirs), _share(theirs, ours)
        detail = f"{share:.2f} of the reply in the question, {covered:.2f} of the question in the reply"
        if len(asked) >= self.min_words:
            if said[: len(asked)] == asked:
                several = SENTENCE_END.search(question.strip())
                return drop("starts with the whole question", share, detail) if several else keep(MORE, share, detail)
            if share > self.max_share and covered > self.max_share:
                if self._leaves_out_the_request(question, ours):
                    return unverifiable("only the text behind the request again", detail)
                return drop("mostly the question again", share, detail)
        return keep(MORE, share, detail)

    def _leaves_out_the_request(self, question: str, said: Sequence[Ngram]) -> bool:
        """Whether a request stands before a text, and nothing of it in the reply: that may be the text with its commas set."""
        request, sign, _ = question.partition(":" if ":" in question.partition("\n")[0] else "\n")
        words = WORD.findall(request.lower())
        return bool(sign) and len(words) >= self.words and not set(_ngrams(words, self.words)).intersection(said)


def _questions(task: Task, sample: Sample) -> Iterator[str]:
    """What may be echoed: the task's prompt, and what the student reads last where that is something else."""
    yield task.prompt
    last = next((message.content for message in reversed(sample.messages) if message.role == "user"), "")
    if last != task.prompt:
        yield last


def _ngrams(words: Sequence[str], n: int) -> Sequence[Ngram]:
    n = min(n, len(words))
    return list(zip(*(words[start:] for start in range(n)), strict=False))


def _share(some: Sequence[Ngram], others: Sequence[Ngram]) -> float:
    """The share of n-grams that are among the others, 0 of none."""
    known = set(others)
    return sum(each in known for each in some) / max(len(some), 1)

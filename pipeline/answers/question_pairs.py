"""Small questions and their answers, as Socratic distillation asks for them: lines `Q: …` and `A: …` in turn.

In: a teacher's reply, or a student's list of questions. Out: the pairs, or the questions, in their order; None where the text
is anything else, since half a decomposition teaches a wrong one. Numbers, bold letters, quote signs, code fences, blank lines
and a lead-in that ends with a colon are passed over; lines behind an answer belong to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST = 20_000
"""Characters of a text; what a teacher writes has some hundreds."""
MOST = 30
"""Questions; a text with more has lost its way."""
NUMBERED = r"[ \t>#]{0,8}(?:[-*+•][ \t]+|\(?\d{1,3}[.)][ \t]+)?"
"""What lists begin with."""
LABELLED = re.compile(
    rf"{NUMBERED}(?P<mark>[*_]{{0,3}})(?P<name>Q|A|(?:sub[- ]?)?(?:question|answer))[ \t]?#?(?:\d{{1,3}}(?:\.\d{{1,3}})?)?"
    r"(?P<closed>[*_]{0,3})[ \t]*:(?P<late>[*_]{0,3})(?P<text>.*)",
    flags=re.IGNORECASE,
)
LISTED = re.compile(rf"^{NUMBERED}")
FENCE = re.compile(r"[ \t]*(?:`{3,}|~{3,})[\w ]{0,20}")


class Pair(NamedTuple):
    """A small question and its answer."""

    question: str
    answer: str


class _Line(NamedTuple):
    """What a line is: the first letter of its label, or nothing, and its text."""

    label: str
    text: str


def question_pairs(text: str) -> list[Pair] | None:
    """The questions and answers of a text, at least one of each; None where they do not take turns or one is empty."""
    pairs, question, answer = list[Pair](), "", ""
    for label, said in _lines(text) or ():
        if label == "q" and said and bool(question) == bool(answer):
            pairs += [Pair(question, answer)] if question else []
            question, answer = said, ""
        elif label == "a" and said and question and not answer:
            answer = said
        elif not label and answer:
            answer += f"\n{said}"
        else:
            return None
    return [*pairs, Pair(question, answer)] if answer and len(pairs) < MOST else None


def listed_questions(text: str) -> list[str] | None:
    """The questions of a list, one a line; None where a line is an answer or empty behind its label, or there are too many."""
    lines = _lines(text) or []
    if not 0 < len(lines) <= MOST or any(each.label == "a" for each in lines):
        return None
    questions = [said if label else LISTED.sub("", said).strip("*_ \t") for label, said in lines]
    return questions if all(questions) else None


def _lines(text: str) -> list[_Line] | None:
    """The lines that say something, without the lead-in; None for a text that is too long."""
    if len(text) > LONGEST:
        return None
    lines = list(_read(text))
    lead = len(lines) > 1 and not lines[0].label and lines[0].text.rstrip("*_").endswith(":")
    return lines[1:] if lead else lines


def _read(text: str) -> Iterator[_Line]:
    for line in text.splitlines():
        if not line.strip() or FENCE.fullmatch(line.rstrip()):
            continue
        found = LABELLED.fullmatch(line.rstrip())
        if found is None:
            yield _Line("", line.strip())
        else:
            yield _Line("a" if found["name"].lower().endswith(("a", "answer")) else "q", _unmarked(found))


def _unmarked(found: re.Match[str]) -> str:
    """The text behind a label, without the marks of bold that were opened before the label and close behind the text."""
    said, mark = found["text"].strip(), found["mark"]
    opened = mark and not found["closed"] and not found["late"]
    return said[: -len(mark)].rstrip() if opened and said.endswith(mark) else said

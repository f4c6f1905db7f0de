"""Where the final answer of a text stands: the characters that, read alone, say what the whole text says.

In: a reply. Out: a span, or None where the answer has no place of its own, as where it is not written as it is read.
`The answer is $18.` -> the characters `18`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.answers.final import final_answer, said_answer
from pipeline.answers.markers import BETWEEN, after_marker, last_marker
from pipeline.records import Span

AROUND = f"{BETWEEN}\"'$.!"
"""What may stand around an answer without being of it."""
THOUGHT = "</think>"


def answer_span(text: str) -> Span | None:
    """Where the final answer stands in `text`, in characters; what stands there alone has the same `final_answer`."""
    answer = final_answer(text)
    if answer is None:
        return None
    spans = (Span(start=start, end=end) for start, end in _candidates(text, answer))
    return next((span for span in spans if final_answer(text[span.start : span.end]) == answer), None)


def answer_place(text: str) -> int | None:
    """Where the part begins that states the answer: behind the last marker, or in the field `answer` of a JSON object at the
    end; None where the text only ends with it."""
    thought = text.rfind(THOUGHT) + len(THOUGHT) if THOUGHT in text else 0
    body = text[thought:]
    if said_answer(body) != body:
        return thought + body.rfind('"answer"') + len('"answer"')
    marker = last_marker(body)
    return thought + marker.end() if marker and after_marker(body) else None


def _candidates(text: str, answer: str) -> Iterator[tuple[int, int]]:
    """Places where the answer may stand: the first time behind the marker (behind an equals sign, if there is one), the last
    time where there is no marker; else, as where it is in words, the line behind the marker."""
    place = answer_place(text)
    whole = re.compile(rf"(?<![\w.,]){re.escape(answer)}(?!\w|[.,]\d)")
    found = [each.span() for each in whole.finditer(text, place or 0)]
    if place is None:
        yield from found[-1:]
        return
    line = (text[place:].lstrip(BETWEEN).splitlines() or [""])[0]
    start = text.find(line, place)
    here = [span for span in found if span[0] < start + len(line)]
    yield from here[-1:] if "=" in line else here[:1]
    stated = after_marker(text) or line
    start = text.find(stated, place) + len(stated) - len(stated.lstrip(AROUND))
    yield start, start + len(stated.strip(AROUND))

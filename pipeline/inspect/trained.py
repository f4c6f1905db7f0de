"""What of a training example is learned, as pieces to colour: by tokens where the student's tokenizer lies at hand.

In: a row of a corpus. Out: its last message in pieces, each trained or not, each part of the final answer or not. The tokens
that the chat template adds stand in `training.html`, which `make preview TRAINING=1` proves and writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from pipeline.errors import UserError
from pipeline.inspect.shown import LONGEST
from pipeline.recipe import read_yaml
from pipeline.settings import project_path


@dataclass(frozen=True)
class Piece:
    """Some characters that are treated alike."""

    text: str
    trained: bool
    answer: bool
    token: bool
    """Whether it is one token, rather than a stretch of text."""


def pieces(example: dict[str, Any], tokenizer: Tokenizer | None = None) -> list[Piece]:
    """The text that the student learns to write, in order; a token that lies in a span only partly counts, as in training.

    Args:
        example: a row of a corpus, its last message the assistant's.
        tokenizer: the student's; without it the pieces are as long as they can be.
    """
    text = example["messages"][-1]["content"][:LONGEST]
    spans = [(each["start"], each["end"]) for each in example["loss_spans"] or [{"start": 0, "end": len(text)}]]
    answer = example["answer_span"]
    marked = [(answer["start"], answer["end"])] if answer else []
    if tokenizer is None:
        return list(_stretches(text, spans, marked))
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    return [
        Piece(text[start:end], _meets(start, end, spans), _meets(start, end, marked), True)
        for start, end in _without_gaps(offsets, len(text))
    ]


def tokenizer_of(folder: Path) -> Tokenizer | None:
    """The tokenizer of the run's student: of a trained one in its folder, else the recipe's where it is on this machine."""
    with suppress(UserError, OSError, AttributeError, TypeError):
        model = str((read_yaml(folder / "recipe.yaml").get("student") or {}).get("model") or "")
        for path in (folder / "student/distilled/tokenizer.json", project_path(model) / "tokenizer.json"):
            if model and path.is_file():
                return _loaded(path, path.stat().st_mtime_ns)
    return None


@lru_cache(maxsize=4)
def _loaded(path: Path, _changed: int) -> Tokenizer | None:
    try:
        return Tokenizer.from_file(str(path))
    except Exception:  # tokenizers raises bare Exception; the page is about the text
        return None


def _stretches(text: str, spans: list[tuple[int, int]], marked: list[tuple[int, int]]) -> Iterator[Piece]:
    borders = sorted({0, len(text), *(min(max(edge, 0), len(text)) for span in (*spans, *marked) for edge in span)})
    for start, end in pairwise(borders):
        yield Piece(text[start:end], _meets(start, end, spans), _meets(start, end, marked), False)


def _without_gaps(offsets: list[tuple[int, int]], length: int) -> Iterator[tuple[int, int]]:
    """Where each token stands, what lies between two with the later one; several of one character are one."""
    at = 0
    for _, end in offsets:
        if end > at:
            yield at, end
            at = end
    if at < length:
        yield at, length


def _meets(start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    return any(start < stop and begin < end for begin, stop in spans)

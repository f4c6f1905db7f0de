"""What the proof of a corpus says of it: figures of the whole, and some examples token by token.

`pipeline.student.prove` prints them as JSON lines, and the page `training.html` is made of them.
"""

from __future__ import annotations

from pipeline.records import Frozen


class Token(Frozen):
    """A token as the student meets it; several that make up one character are one."""

    text: str
    """What it stands for."""
    trained: bool
    """Whether it is learned."""
    answer: bool
    """Whether it is part of the final answer."""
    special: bool
    """Whether it is one of the tokenizer's special tokens."""


class Shown(Frozen):
    """A proven example to look at."""

    id: str
    """Its id in the corpus."""
    task_id: str
    """The task it answers."""
    method: str
    """The method that made it."""
    view: str
    """Which of the method's forms it is."""
    split: str
    """train or dev."""
    weight: float
    """Weight of its loss."""
    negative: bool
    """Whether it shows what is wrong."""
    pair: str | None
    """What it shares with the other rationale of its answer."""
    length: int
    """Its tokens."""
    trained: int
    """Those that are trained."""
    tokens: tuple[Token, ...]
    """All of them, in order."""


class Proven(Frozen):
    """The figures of a corpus that passed."""

    examples: dict[str, int]
    """How many there are, by split."""
    tokens: int
    """Tokens of all of them, with the template's own."""
    trained: int
    """Tokens that are trained."""
    longest: int
    """Tokens of the longest."""
    limit: int
    """Tokens an example may have."""

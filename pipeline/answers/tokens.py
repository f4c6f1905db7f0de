"""The numbers, signs and words of one line of prose, as `expressions` reads calculations from them.

In: a line such as `9 eggs * $2 = $18`. Out: its tokens, currency left out, LaTeX's signs and an `x` between numbers as `*`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.answers.numbers import FRACTION

TOKEN = re.compile(
    r"(?P<comma_decimal>\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d))"  # 1.234,50: read as a number here, it would be another
    r"|(?P<number>(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3}(?!\w))?)"
    r"|(?P<equals>(?<![<>!=:])=(?!=)|≈)"
    r"|(?P<operator>\*\*|//|[-+*/^×÷−·–])|(?P<bracket>[()])|(?P<per_cent>%)|(?P<word>[^\W\d_]+)|(?P<other>[^\s$€£₹¥])"
)
SIGNS = {"**": "^", "//": "/", "×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"}
LATEX_SIGNS = re.compile(r"\\(times|cdot|div|approx|\$|%|text\s*\{[^{}]*\}|[\[\]()\\,;:! ])|&(?=\s?=)")
BOXED = re.compile(r"\\boxed\s*\{([^{}\n]*)\}")
MARKED_RESULT = re.compile(
    r"(?P<equals>[=≈]\s?)(?P<mark>\*{1,3}|_{1,2}|`)(?P<result>[-−$€£₹¥]{0,2}[\d.][^*_`\n]{0,60})(?P=mark)"
)
"""`= **18**`, or the result in backticks: the marks are no signs of a calculation."""
BOLD_END = re.compile(r"(?<=\d)\*\*(?=[\s.,;:!?]|$)(?!\s\d)")
LATEX_MEANING = {"times": "*", "cdot": "*", "div": "/", "approx": "=", "$": " ", "%": "%"}
PER_UNIT = re.compile(r"(?<=[A-Za-z\d])(?:\s*/\s*|\s+per\s+|\s+each\s+)[A-Za-z]{2,}")
"""`$5/hour`, `60 miles per hour`: the unit is no operand."""


@dataclass(frozen=True)
class Token:
    """A number, `=`, an operator, a bracket, `%`, a word, or any other sign."""

    kind: str
    text: str
    start: int
    end: int


def line_tokens(line: str) -> list[Token]:
    """The tokens of a line; an `x` between two numbers is a sign."""
    line = PER_UNIT.sub(lambda found: " " * len(found[0]), _without_latex(line) if "\\" in line else line)
    line = BOLD_END.sub("  ", MARKED_RESULT.sub(r"\g<equals> \g<result> ", line))
    found = [_token(match) for match in TOKEN.finditer(line)]
    for number in range(1, len(found) - 1):
        token, last, following = found[number], found[number - 1], found[number + 1]
        if token.text in ("x", "X") and last.kind in ("number", ")", "%", "word") and following.kind in ("number", "("):
            found[number] = Token("operator", "*", token.start, token.end)
    return found


def _without_latex(line: str) -> str:
    line = FRACTION.sub(lambda found: f"({found[1] or found[2]}/{found[3] or found[4]})", line)
    return LATEX_SIGNS.sub(lambda found: LATEX_MEANING.get(found[1], " "), BOXED.sub(r" \1 ", line))


def _token(match: re.Match[str]) -> Token:
    kind, text = match.lastgroup or "other", match.group()
    if kind in ("bracket", "per_cent"):
        kind = text
    if kind == "equals":
        kind = "="
    return Token(kind, SIGNS.get(text, text), match.start(), match.end())

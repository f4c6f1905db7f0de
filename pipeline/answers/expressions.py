"""Expressions within prose: the numbers and signs before and behind an equals sign, with units, currency and words taken off.

In: the tokens of one line. Out: the longest expression that ends before a place, or the number that begins at one; with what
makes it doubtful, such as a variable, so that nobody takes `2x + 5 = 12` for a calculation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.answers.tokens import Token

MOST_TOKENS = 120
"""Of one expression."""
MOST_WORDS = 2
"""Between a number and the next sign; more is prose."""
SCALES = {"hundred", "thousand", "million", "billion", "dozen", "dozens", "pair", "cent", "half", "k", "remainder", "r"}
"""What makes a number another one: `2 million`."""
LABELS = {
    "step",
    "day",
    "week",
    "month",
    "year",
    "part",
    "case",
    "question",
    "problem",
    "item",
    "option",
    "method",
    "round",
    "task",
}
"""Words whose number is a name where a dash is behind it: `Step 2 - 3 + 4 = 7`."""
COMPOUND = {"hour", "hr", "day", "week", "month", "year", "minute", "feet", "foot", "pound", "dollar", "kg", "meter", "metre"}
"""Units behind which a smaller one may follow: `2 hours and 30 minutes`."""
ARTICLES = {"a", "an", "the", "more", "total"}
PROSE = {"of", "because", "so", "and", "then", "is", "are", "was", "that", "which", "if", "since", "or", "than", "but"}
"""Words that are no unit: what stands before them is another clause."""


@dataclass
class Expression:
    """What can be computed, and how it is written."""

    pieces: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    """For each number the word behind it, or nothing."""
    start: int = 0
    operators: int = 0
    unsure: bool = False
    """Whether it may be meant in another way."""
    tight: bool = False
    """Whether no space is around its sign, as in a range: `1-5`."""
    exclaimed: bool = False
    """Whether an exclamation mark is behind it, which is a factorial's or the sentence's."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def adds(self) -> bool:
        return "+" in self.pieces or "-" in self.pieces

    def begins_at(self, other: Expression) -> bool:
        return self.start == other.start


def number_after(tokens: Sequence[Token], start: int, end: int) -> Expression | None:
    """The number, or the fraction of two, that begins at `start`."""
    place, pieces = start, []
    if place < end and tokens[place].text == "-":
        pieces, place = ["-"], place + 1
    if place >= end or tokens[place].kind != "number":
        return None
    found = Expression([*pieces, tokens[place].text.replace(",", "")], start=start)
    place += 1
    if place + 1 < end and tokens[place].text == "/" and tokens[place + 1].kind == "number":
        found.pieces += ["/", tokens[place + 1].text]
        place, found.operators = place + 2, 1
    if place < end and tokens[place].kind == "%":
        found.pieces.append("%")
        place += 1
    follows = tokens[place] if place < end else None
    found.units = [_unit([follows.text]) if follows is not None and follows.kind == "word" else ""]
    behind = tokens[place + 1] if place + 1 < end else None
    found.exclaimed = follows is not None and follows.text == "!"
    found.unsure = follows is not None and (_goes_on(follows, tokens[place - 1], behind) or _is_compound(tokens[place:end]))
    return found


def _goes_on(follows: Token, number: Token, behind: Token | None) -> bool:
    """Whether what follows a number may be a part of it; not the bracket of `11 (in all)`."""
    remark = follows.kind == "(" and behind is not None and behind.kind == "word" and len(behind.text) > 1
    goes_on = follows.kind in ("number", "operator", "(") and not remark
    return goes_on or follows.text in ":\\_'" or follows.kind == "comma_decimal" or _is_variable(follows, number)


def _is_compound(tokens: Sequence[Token]) -> bool:
    """Whether a smaller unit follows the number's own: `2 hours and 30 minutes`."""
    if len(tokens) < 2 or _unit([tokens[0].text]) not in COMPOUND:
        return False
    joined = tokens[1].text in ("and", ",", "&") and len(tokens) > 2
    return tokens[2 if joined else 1].kind == "number"


def before(tokens: Sequence[Token], start: int, end: int) -> Expression | None:
    """The longest expression that ends before the token `end`, and begins at `start` or later; None where there is none."""
    return Walk(tokens, start, max(start, end - MOST_TOKENS), end).expression()


class Walk:
    """Goes back from an equals sign, as long as numbers and signs alternate."""

    def __init__(self, tokens: Sequence[Token], start: int, limit: int, end: int) -> None:
        self._tokens, self._limit, self._place = tokens, limit, end - 1
        self._is_cut = limit > start
        self._found = Expression()
        self._open = 0

    def expression(self) -> Expression | None:
        """What was found when nothing more belongs to it."""
        while True:
            if not self._operand():
                return None
            while self._sees("(") and self._open:
                self._put()
                self._open -= 1
            if not self._operator():
                break
        found = self._found
        found.pieces.reverse()
        found.units.reverse()
        found.start = self._place + 1
        found.unsure |= (self._is_cut and self._place <= self._limit) or self._is_labelled()
        return None if self._open or self._is_function() else found

    def _at(self, back: int = 0) -> Token | None:
        place = self._place - back
        return self._tokens[place] if place >= self._limit else None

    def _sees(self, *kinds: str, back: int = 0) -> bool:
        token = self._at(back)
        return token is not None and token.kind in kinds

    def _put(self) -> None:
        self._found.pieces.append(self._tokens[self._place].text.replace(",", ""))
        self._place -= 1

    def _operand(self) -> bool:
        """Takes a number with the words behind it, and the brackets that close behind it."""
        words: list[Token] = []
        while self._sees("word") and len(words) < MOST_WORDS:
            words.append(self._tokens[self._place])
            self._place -= 1
        while self._sees(")", "%"):
            self._open += self._sees(")")
            self._put()
        if not self._sees("number"):
            return False
        number = self._tokens[self._place]
        self._found.unsure |= number.text[0] == "0" and number.text[1:2].isdigit()  # a time of day
        self._found.unsure |= any(_is_variable(word, number) or word.text.lower() in PROSE for word in words)
        self._found.units.append(_unit([word.text for word in words]))
        self._put()
        return True

    def _operator(self) -> bool:
        """Takes the sign before an operand; False where the expression begins there."""
        token = self._at()
        if token is None:
            return False
        if token.kind != "operator":
            self._found.unsure |= self._belongs(token)
            return False
        binary = self._sees("number", ")", "%", "word", back=1)
        if binary and not (token.text in "*^" and self._sees("word", back=1) and self._is_bold(token)):
            self._found.tight = self._touches(token)
            self._put()
            self._found.operators += 1
            return True
        return self._sign(token)

    def _belongs(self, token: Token) -> bool:
        """Whether what stands before an expression may be a part of it: `1 1/2`, `1 and 1/4`, `4:30`, `8 packs of 5`."""
        joins = token.kind == "(" or token.text in ("and", "&") or (token.text == "," and self._thousands())
        return (
            token.kind in ("number", "%", ")")
            or token.text in ":\\_}]^/'"
            or (joins and self._sees("number", "operator", back=1))
            or (token.text == "." and self._sees("operator", back=1))
            or (token.text == "of" and (self._sees("number", back=1) or self._sees("number", back=2)))
        )

    def _thousands(self) -> bool:
        return len(self._tokens[self._place + 1].text) >= 3

    def _sign(self, token: Token) -> bool:
        """Takes a minus that belongs to the number, not one that is a dash or a bullet."""
        spaced = self._tokens[self._place + 1].start > token.end
        if token.text == "-" and not spaced:
            self._put()
            return self._operator() if self._sees("operator") else False
        self._found.unsure |= self._sees("operator", back=1)
        return False

    def _touches(self, token: Token) -> bool:
        """Whether a sign touches what is on both sides of it."""
        return self._tokens[self._place - 1].end == token.start and token.end == self._tokens[self._place + 1].start

    def _is_labelled(self) -> bool:
        """Whether the first number is the name of a step, and the minus behind it a dash."""
        token, signs = self._at(), self._tokens[self._place + 1 : self._place + 4]
        if token is None or len(signs) < 3 or (signs[0].kind, signs[1].text) != ("number", "-"):
            return False
        spaced = signs[0].end < signs[1].start and signs[1].end < signs[2].start
        return spaced and (token.text == "#" or token.text.lower() in LABELS)

    def _is_bold(self, token: Token) -> bool:
        """Whether an asterisk is Markdown's: it touches the number behind it, and not the word before it."""
        return self._tokens[self._place + 1].start == token.end > self._tokens[self._place - 1].end + 1

    def _is_function(self) -> bool:
        """Whether a word touches the bracket the expression begins with, as in `sqrt(16)`."""
        token = self._at()
        first = self._tokens[self._place + 1]
        return token is not None and token.kind == "word" and first.kind == "(" and token.end == first.start


def _unit(words: Sequence[str]) -> str:
    """The unit that words behind a number say: the first of them, in the singular; they come last word first."""
    nouns = [word for word in words if word.lower() not in ARTICLES]
    return nouns[-1].lower().rstrip("s") if nouns else ""


def _is_variable(word: Token, number: Token) -> bool:
    """Whether a word behind a number is none: `2x`, `2 x`, `2a`, but not the article of `2 a day`."""
    return word.kind == "word" and len(word.text) == 1 and (word.text != "a" or word.start == number.end)

"""The value of an expression such as `(3+4)*2` or `20% * 50`, computed by rules of our own: nothing of it is run as a program.

In: an expression of numbers, `+ - * / ^ ( )` and `%`. Out: its value as a decimal, or None where it cannot be read or is out of
bounds (a division by zero, a tower of powers, a thousand brackets).
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow

from pipeline.answers.numbers import DIGITS, IGNORED

TOKEN = re.compile(r"\s*(?:((?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:[eE][-+]?\d{1,3}(?!\w))?|\.\d+)|([-+*/^()%]))")
SIGNS = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "{": "(", "}": ")"} | dict.fromkeys("$€£₹¥"))
LATEX = re.compile(r"\\(?:times|cdot)(?![A-Za-z])|\*\*|//")
PYTHON = {"**": "^", "//": "/"}
LONGEST = 400
"""Characters of an expression."""
DEEPEST = 30
"""Brackets, signs and powers within each other."""
HIGHEST_POWER = 64
PRECISION = Context(prec=40, traps=[InvalidOperation, DivisionByZero, Overflow])
WHOLE = Decimal(1)
PER_CENT = Decimal("0.01")


def value(expression: str, per_cent: Decimal = PER_CENT) -> Decimal | None:
    """The value of an expression.

    Args:
        per_cent: what `%` multiplies by; 1 reads `20% + 30%` as `20 + 30`.
    """
    try:
        tokens = _tokens(expression)
        return Parser(tokens, per_cent).whole() if tokens else None
    except (DecimalException, ValueError):
        return None


def _tokens(expression: str) -> list[str]:
    if len(expression) > LONGEST:
        raise ValueError("too long")
    text = LATEX.sub(lambda found: PYTHON.get(found[0], "*"), expression).translate(SIGNS).strip()
    tokens, place = [], 0
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise ValueError(f"not arithmetic: {text[place : place + 20]!r}")
        tokens.append(found[1].translate(IGNORED) if found[1] else found[2])
        place = found.end()
    return tokens


class Parser:
    """Reads tokens from left to right, by precedence."""

    def __init__(self, tokens: list[str], per_cent: Decimal) -> None:
        self._tokens, self._per_cent = [*tokens, ""], per_cent
        self._place = self._depth = 0

    def whole(self) -> Decimal:
        """The value of all tokens.

        Raises:
            ValueError, DecimalException: it has none.
        """
        result = self._sum()
        if self._next():
            raise ValueError("something is left over")
        return self._bounded(result)

    def _next(self) -> str:
        return self._tokens[self._place]

    def _take(self) -> str:
        self._place += 1
        return self._tokens[self._place - 1]

    def _bounded(self, result: Decimal) -> Decimal:
        if not result.is_finite() or abs(result.adjusted()) >= DIGITS:
            raise ValueError("out of bounds")
        return result

    def _sum(self) -> Decimal:
        result = self._product()
        while self._next() in ("+", "-"):
            combine = PRECISION.add if self._take() == "+" else PRECISION.subtract
            result = combine(result, self._product())
        return result

    def _product(self) -> Decimal:
        result = self._power()
        while self._next() in ("*", "/", "("):
            sign = self._take() if self._next() != "(" else "*"  # 2(3+4)
            combine = PRECISION.divide if sign == "/" else PRECISION.multiply
            result = self._bounded(combine(result, self._power()))
        return result

    def _power(self) -> Decimal:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("too deep")
        if self._next() in ("+", "-"):
            result = self._power() if self._take() == "+" else -self._power()
        else:
            result = self._raised(self._atom())
        self._depth -= 1
        return result

    def _raised(self, base: Decimal) -> Decimal:
        if self._next() != "^":
            return base
        self._take()
        exponent = self._power()
        if abs(exponent) > HIGHEST_POWER:
            raise ValueError("too high a power")
        return self._bounded(PRECISION.power(base, exponent))

    def _atom(self) -> Decimal:
        token = self._take()
        if token == "(":
            result = self._sum()
            if self._take() != ")":
                raise ValueError("a bracket is not closed")
        elif token[:1].isdigit() or token[:1] == ".":
            result = PRECISION.create_decimal(token)
        else:
            raise ValueError("a number is wanted")
        while self._next() == "%":
            self._take()
            result = PRECISION.multiply(result, self._per_cent)
        return result

"""The calculations in a text: marks such as `<<9*2=18>>`, and what is written out as `9 eggs * $2 = $18`; each computed again.

In: a worked solution. Out: its steps in order, each right, off, or not to be read. A step is off only where that is certain:
with a variable (`2x + 5 = 12`), a mixed number, a word for a size (`2 million`) or other units behind it is no step. Results
may be rounded or cut as people do: `10/3 = 3.33`, `2/3 = 0.66`, `19.5/4 = 5`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import factorial

from pipeline.answers.arithmetic import PER_CENT, WHOLE, value
from pipeline.answers.expressions import SCALES, Expression, before, number_after
from pipeline.answers.tokens import Token, line_tokens

MARK = re.compile(r"<<([^<>\n]{1,400})>>")
LONGEST = 100_000
"""Characters of a text that is read; a worked solution has some hundreds."""
MOST_EQUALS = 4000
"""Equals signs in it; 0.2 ms each."""
STACKED = re.compile(r"/[\d.]+/")
"""`25/1/3`: some mean a third below the line."""
LONE_DIVISION = re.compile(r"\s*[$€£]?[\d.,]+\s*(?:/|÷|\\div)\s*[$€£]?[\d.,]+\s*")
"""Its whole result may be rounded up, too: 100/3 = 34 buses."""
HIGHEST_FACTORIAL = 30
NOISE = Decimal("1e-9")
"""Relative: what a third has lost at 40 digits, and what floats print."""
HALF = Decimal("0.5")
"""Nothing rounds a whole number so far: off by one is off, among billions, too."""


@dataclass(frozen=True)
class Step:
    """One calculation."""

    text: str
    """As it is written, without currency and units."""
    result: Decimal | None
    """What it says comes out."""
    right: bool | None
    """Whether that is so; None where it cannot be computed."""
    place: int
    """Where its result begins in the text."""


def is_too_long(text: str) -> bool:
    """Whether nobody should try: a reply that runs on in equals signs would take many seconds."""
    return len(text) > LONGEST or text.count("=") + text.count("≈") > MOST_EQUALS


def steps(text: str) -> list[Step]:
    """The calculations of a text, in their order; of a longer one than `LONGEST`, those of its end."""
    text = text[-LONGEST:]
    marks = [_mark_step(found) for found in MARK.finditer(text)]
    visible = MARK.sub(lambda found: " " * len(found[0]), text)
    return sorted([*marks, *_written_steps(visible)], key=lambda step: step.place)


def _mark_step(mark: re.Match[str]) -> Step:
    """What a mark says; of `2+3=5=5` all sides must agree."""
    sides = mark[1].split("=")
    results = [value(side) for side in sides[1:]]
    if value(sides[0]) is None or None in results or not results:
        return Step(mark[1], results[-1] if results else None, None, mark.end())
    right = all(is_right(side, other) for side, other in pairwise(sides))
    return Step(mark[1], results[-1], right, mark.end())


def is_right(expression: str, result: str) -> bool:
    """Whether the result of an expression is that which is written, as exactly as it is written."""
    for per_cent in (PER_CENT, WHOLE):
        computed = value(expression, per_cent)
        if computed is None:
            continue
        for also in (PER_CENT, WHOLE):
            if (stated := value(result, also)) is not None and _close(computed, stated, result):
                return True
            if stated is not None and _rounded_up(expression, computed, stated):
                return True
        if "%" not in expression:
            break
    return False


def _rounded_up(expression: str, computed: Decimal, stated: Decimal) -> bool:
    """Whether a lone division came out as the next whole number."""
    whole = stated == stated.to_integral_value()
    return whole and 0 < stated - computed < 1 and LONE_DIVISION.fullmatch(expression) is not None


def _close(computed: Decimal, stated: Decimal, written: str) -> bool:
    apart = abs(computed - stated)
    if apart <= NOISE * max(Decimal(1), abs(computed)) and apart < HALF:
        return True
    if "/" in written:
        return False
    digits, _, exponent = written.lower().rstrip("%").partition("e")
    last = Decimal(1).scaleb(int(exponent or 0) - len(digits.partition(".")[2]))  # of its digits
    if written.endswith("%") and stated * 2 < Decimal(written[:-1]):
        last *= PER_CENT
    if last == 1 and computed == computed.to_integral_value():
        return False
    return apart * 2 <= last or (apart < last and abs(stated) < abs(computed))


def _written_steps(text: str) -> Iterator[Step]:
    place = 0
    for line in text.splitlines(keepends=True):
        if "=" in line or "≈" in line:
            yield from _line_steps(line_tokens(line), place)
        place += len(line)


def _line_steps(tokens: Sequence[Token], place: int) -> Iterator[Step]:
    """The steps of one line: what stands before each equals sign, and the number behind it."""
    start = 0
    equals = [number for number, token in enumerate(tokens) if token.kind == "="]
    for here, following in pairwise([*equals, len(tokens)]):
        left, right = before(tokens, start, here), number_after(tokens, here + 1, following)
        if left and right and (left.operators or right.operators):
            step = _step(left, right, before(tokens, here + 1, following), place + tokens[right.start].start)
            if step is not None:
                yield step
        start = here + 1


def _step(left: Expression, right: Expression, all_right: Expression | None, place: int) -> Step | None:
    """A step, or None where what looks wrong may be meant in another way.

    Args:
        right: the number behind the equals sign.
        all_right: everything up to the next one, where it is an expression: `2*3 = 5+1 = 6`.
    """
    sides = [right] if all_right is None or not all_right.begins_at(right) else [right, all_right]
    good = any(is_right(left.text, side.text) for side in sides)
    if value(left.text) is None or value(right.text) is None or (not left.operators and not (good and right.operators)):
        return None
    if not good and _doubtful(left, right, sides[-1]):
        return None
    return Step(f"{left.text}={right.text}", value(right.text), good, place)


def _doubtful(left: Expression, right: Expression, longest: Expression) -> bool:
    units = [unit for unit in left.units if unit]
    mixed = left.adds and len(set(units)) > 1
    other = bool(units and right.units[0] and right.units[0] not in units)
    per_cents = "%" in left.text and left.adds
    sizes = bool(SCALES & {*units, *right.units})
    stacked = STACKED.search(left.text) is not None
    if _names_something(left, right) or _is_factorial(left, right):
        return True
    return left.unsure or longest.unsure or mixed or other or per_cents or sizes or stacked


def _names_something(left: Expression, right: Expression) -> bool:
    """Whether one sign makes no calculation: a share, `3/5 = 12 students`, or a range, `Days 1-5 = 25 minutes`."""
    if left.operators != 1 or len(left.pieces) != 3:
        return False
    share, stated = value(left.text), value(right.text)
    below_one = "/" in left.pieces and share is not None and stated is not None and 0 < share < 1 < stated
    return below_one or (left.tight and left.pieces[1] == "-" and bool(right.units[0]))


def _is_factorial(left: Expression, right: Expression) -> bool:
    """Whether the sign behind the result is no exclamation: `2*12 = 4!`."""
    number = right.text
    return (
        right.exclaimed and number.isdigit() and int(number) <= HIGHEST_FACTORIAL and value(left.text) == factorial(int(number))
    )

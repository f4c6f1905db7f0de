"""The equation in a reply: one line `x = ((12 + 5) * 3) - 4`, whose right side has the answer as its value.

In: a teacher's or a student's reply. Out: the right side, or None where the text is anything else: several equations, a bare
number, a variable on the right. Code fences, bold letters, dollars, a lead-in that ends with a colon and a right result behind
the expression (`= 47`) are passed over.
"""

from __future__ import annotations

import re

from pipeline.answers.arithmetic import LONGEST as LONGEST_EXPRESSION
from pipeline.answers.arithmetic import value
from pipeline.answers.steps import is_right

LONGEST = 2000
"""Characters of a text that is read."""
AROUND = "`*_$. \t"
"""What may stand around an equation."""
BRACKETS = re.compile(r"\\[()\[\]]")
UNKNOWN = re.compile(r"(?:equation[*_]{0,3}:[*_` \t$]{0,6})?x[ \t]{0,4}=", flags=re.IGNORECASE)
NUMBER = re.compile(r"\d[\d.,]*")
FENCE = re.compile(r"(?:`{3,}|~{3,})\w{0,20}")


def equation_in(text: str) -> str | None:
    """The expression that x is said to be; `arithmetic.value` has its value."""
    line = _one_line(text)
    found = UNKNOWN.match(line) if line else None
    if line is None or found is None:
        return None
    expression, *results = (side.strip() for side in line[found.end() :].split("="))
    computes = len(NUMBER.findall(expression)) > 1 and value(expression) is not None
    return expression if computes and len(results) < 2 and all(is_right(expression, each) for each in results) else None


def _one_line(text: str) -> str | None:
    """The only line that says something, beside a lead-in; None where there are more, or it is too long."""
    if len(text) > LONGEST:
        return None
    stripped = (line.strip() for line in BRACKETS.sub("", text).splitlines())
    lines = [line.strip(AROUND) for line in stripped if line.strip(AROUND) and not FENCE.fullmatch(line)]
    if len(lines) == 2 and lines[0].endswith(":"):
        lines = lines[1:]
    return lines[0] if len(lines) == 1 and len(lines[0]) <= LONGEST_EXPRESSION else None

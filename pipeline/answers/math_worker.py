"""The process that compares formulas with math-verify: a line of JSON with gold and prediction in, a line with the word out.

A program of its own, run by its path, so that sympy is never loaded where tables are filtered, and so that a formula which
takes for ever can be ended: the system ends the process at `CPU_SECONDS` of one comparison, whether its parent still lives
or not. It ends by itself when its input does. Words: true, false, or null where one side cannot be read.
"""

from __future__ import annotations

import json
import logging
import resource
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

CPU_SECONDS = 2.0
"""For one comparison; the median takes 0.02. Of the processor, not of the clock, so that a busy machine judges the same."""
MEMORY_BYTES = 2 << 30
RELATIVE = 1e-6
"""How far two numbers may lie apart: math-verify rounds at six places, so that to it 1/2004! and 1/2006! are the same."""


def main() -> None:
    """Answers line by line until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for the parent to handle
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    logging.disable(logging.CRITICAL)
    replies, sys.stdout = sys.stdout, sys.stderr  # antlr prints a warning where its versions differ
    library = import_module("math_verify")
    print(json.dumps("ready"), file=replies, flush=True)
    for line in sys.stdin:
        gold, prediction = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        word = _compared(library, gold, prediction)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        print(json.dumps(word), file=replies, flush=True)


def _compared(library: Any, gold: str, prediction: str) -> bool | None:
    try:
        wanted, given = _parsed(library, gold), _parsed(library, prediction)
        if wanted is None or given is None or _is_empty(wanted) or _is_empty(given):
            return None
        equal = library.verify(wanted, given, timeout_seconds=None, raise_on_error=True)
        return bool(equal) and _brackets(gold, prediction) and _close(wanted, given)
    except Exception:
        return None


def _parsed(library: Any, formula: str) -> Any:
    """The one expression a formula is, or None where it cannot be read."""
    config = [library.LatexExtractionConfig()]
    found = library.parse(
        f"${formula}$", extraction_config=config, fallback_mode="no_fallback", parsing_timeout=None, raise_on_error=True
    )
    return found[0] if len(found) == 1 and not isinstance(found[0], str) else None


def _is_empty(expression: Any) -> bool:
    """Whether it says nothing, as `1=2` and `x=x` do: two such would be the same to a solver, whatever they say."""
    if not getattr(expression, "is_Relational", False):
        return expression.__class__.__name__ in ("BooleanTrue", "BooleanFalse")
    return not expression.free_symbols or expression.lhs == expression.rhs


def _brackets(gold: str, prediction: str) -> bool:
    """Whether both are not bracketed in different ways: `(1,2)` is no `{1,2}`, while `1,2` may be either."""
    first, second = (each.lstrip("\\ ")[:1] for each in (gold, prediction))
    return first == second or first not in "([{" or second not in "([{" or not _is_list(gold, prediction)


def _is_list(*formulas: str) -> bool:
    return all("," in each and each.rstrip()[-1:] in ")]}" for each in formulas)


def _close(wanted: Any, given: Any) -> bool:
    """Whether two numbers are close in proportion, too; others are left to math-verify."""
    if not (getattr(wanted, "is_number", False) and getattr(given, "is_number", False)):
        return True
    first, second = wanted.doit().evalf(30), given.doit().evalf(30)
    apart = abs((wanted.doit() - given.doit()).evalf(30))
    return bool(apart <= RELATIVE * max(abs(first), abs(second)))


if __name__ == "__main__":
    main()

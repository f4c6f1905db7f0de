"""The final answer of a text, and whether two answers are the same.

Where a marker stands (`####`, `The answer is`, `A:`, a box, …) the *last* one counts; without one the last number does. The
right answer decides how they are compared: as decimals with commas, currency and units taken off, as yes and no, as lists in
any order, as typed spans, as mathematics, or as words. What a verifier cannot decide is None: unverifiable.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache, partial
from typing import NamedTuple

from pipeline.answers import math
from pipeline.answers.arithmetic import value
from pipeline.answers.entities import said_entities
from pipeline.answers.formula import DATE, as_formula, as_latex, formula_in, one_look
from pipeline.answers.markers import after_marker
from pipeline.answers.numbers import (
    IN_WORDS,
    NUMBER,
    as_number,
    behind_equals,
    is_hedged,
    is_several,
    leading_number,
    lone_number,
    only_number,
    spelled,
    value_of,
    written,
)
from pipeline.answers.words import as_spans, as_truth, folded, said_spans, said_truth, same_words

TOLERANCE = Decimal("1e-6")
"""Absolute for whole numbers, relative for others."""
AROUND_JSON = " \t\r\n`"
KEPT = 4096
"""Right answers that stay read: the samples of one task follow each other."""
Comparison = Callable[[str], bool | None]


class Found(NamedTuple):
    """What a text states."""

    text: str | None = None
    """The answer as it is written; None where there is none, or no one answer."""
    number: Decimal | None = None
    """Its value, where it is a number."""
    formula: str | None = None
    """Its formula, where it is only that."""
    undecided: bool = False
    """Whether it says a number, and nobody can tell which."""


def said_answer(text: str) -> str:
    """The `answer` of a reply that ends with a JSON object, else the whole text; what is thought before it is left out."""
    text = text.rpartition("</think>")[2] if "</think>" in text else text
    answer = _answer_field(text) if '"answer"' in text else None
    if isinstance(answer, list) and all(isinstance(each, str) for each in answer):
        return json.dumps(answer)
    return str(answer) if isinstance(answer, str | int | float) else text


def _answer_field(text: str) -> object:
    """The field `answer` of the JSON object a text ends with, in a fence or not; None where there is none."""
    end = text.rstrip(AROUND_JSON)
    for start in (end.find("{"), end.rfind("{", 0, end.rfind('"answer"'))):
        with suppress(ValueError, RecursionError):
            found = json.loads(end[start:]) if start >= 0 else None
            if isinstance(found, dict):
                return found.get("answer")
    return None


def final_answer(text: str) -> str | None:
    """The answer a text ends with, or None where it has none; of a JSON object, the answer its field `answer` ends with.

    After a marker: the formula or the number there, else the words; none where several numbers stand there and nothing says
    which it is (`4 or 5`). Without one: the last number, else the whole text.
    """
    return _found(said_answer(text)).text


def stated_number(text: str) -> Decimal | None:
    """The number a text states as its answer, after a marker or in JSON; None where it states none, or no one."""
    said = said_answer(text)
    if said == text and after_marker(text) is None:
        return None
    found = _found(said)
    return value(found.formula) if found.formula is not None else found.number


def same_answer(expected: str, text: str) -> bool | None:
    """Whether `text` ends with the expected answer; None where the expected one cannot be read, or nobody can tell.

    Args:
        expected: the right answer, alone or after the last marker of a worked solution.
        text: the reply.
    """
    compare = _comparison(expected)
    return None if compare is None else compare(said_answer(text))


def why_undecided(expected: str, text: str | None = None) -> str:
    """Why `same_answer` is None for a reply to this: a short phrase, more exact where the reply is given."""
    if _comparison(expected) is None:
        return "the expected answer cannot be read"
    if _number(wanted_answer(expected) or "") is not None and (text is None or _found(said_answer(text)).formula is None):
        return "the answer is not one number"
    return "the formulas cannot be compared" if math.is_installed() else "math-verify is not installed"


@lru_cache(maxsize=KEPT)
def _comparison(expected: str) -> Comparison | None:
    """How replies are compared with this right answer."""
    wanted = wanted_answer(expected)
    if not wanted:
        return None
    if (number := _number(wanted)) is not None:
        return partial(_same_number, number, _tolerance(number))
    if (truth := as_truth(wanted)) is not None:
        return lambda text: said_truth(text) is truth
    if (spans := as_spans(wanted)) is not None:
        return lambda text: said_spans(text) == spans
    if (entities := _entities(wanted)) is not None:
        return lambda text: _entities(text) == entities
    if formula := as_formula(wanted):
        return partial(_same_formula, formula)
    words = folded(wanted)
    return partial(same_words, words) if words else None


def _entities(text: str) -> frozenset[tuple[str, str]] | None:
    """The typed spans a text lists, in any order."""
    found = said_entities(text) if text.rstrip(AROUND_JSON)[-1:] == "]" else None
    return None if found is None else frozenset(found)


def wanted_answer(expected: str) -> str | None:
    """The right answer as it is written: one that is a time or a range is no number, and is taken whole."""
    marked = after_marker(expected)
    return _trimmed(expected) if marked is None else final_answer(expected) or _trimmed(marked)


def _number(wanted: str) -> Decimal | None:
    """The number a right answer is, in digits or in words."""
    return as_number(spelled(wanted) or wanted)


def _tolerance(number: Decimal) -> Decimal:
    return TOLERANCE if number == number.to_integral_value() else TOLERANCE * max(Decimal(1), abs(number))


def _same_number(number: Decimal, tolerance: Decimal, text: str) -> bool | None:
    _, given, formula, undecided = _found(text)
    if undecided:
        return None
    if given is None and formula is not None and (given := value(formula)) is None:
        return math.same_formula(f"{number:f}", formula)
    return given is not None and (given == number or abs(given - number) <= tolerance)


def _same_formula(formula: str, text: str) -> bool | None:
    stated = _stated(text, after_marker(text))
    given = as_latex(stated) or formula_in(stated)
    if given is None:
        return False
    look, wanted = one_look(given), one_look(formula)
    if look.lower() == wanted.lower():
        return look == wanted  # to math-verify a capital Delta is a small one
    return math.same_formula(formula, given)


def _found(text: str) -> Found:
    """What a text states, after its marker where it has one."""
    marked = after_marker(text)
    stated = _stated(text, marked)
    if lone := lone_number(stated):
        return Found(written(lone), value_of(lone))
    if digits := spelled(stated):
        return Found(digits, Decimal(digits))
    if marked is not None and is_hedged(stated) and leading_number(stated) is None:
        return _undecided(stated)
    if formula := formula_in(stated):
        return _found_formula(stated, formula)
    if is_several(stated):
        return Found(_trimmed(stated))
    return _found_last(stated) if marked is None else _found_after_marker(stated)


def _found_formula(stated: str, formula: str) -> Found:
    right = behind_equals(formula)
    if right is not None and (lone := lone_number(right)):
        return Found(written(lone), value_of(lone))
    return Found(_trimmed(stated), formula=formula, undecided=right is None and "=" in formula)


def _found_after_marker(stated: str) -> Found:
    """The number a sentence begins with, else the result it computes, else the only number it has."""
    right = behind_equals(stated)
    for part in (stated, right or stated):
        if lone := leading_number(part) or lone_number(part):
            return Found(written(lone), value_of(lone))
    if number := only_number(stated if right is None else right):
        return Found(number.group(), as_number(number.group()))
    return _undecided(stated) if NUMBER.search(stated) else Found(_trimmed(stated), undecided=bool(IN_WORDS.search(stated)))


def _found_last(text: str) -> Found:
    number = None
    for number in NUMBER.finditer(text):  # noqa: B007
        pass
    if number is None:
        return Found(_trimmed(text))
    return Found(undecided=True) if is_hedged(text, number) else Found(number.group(), as_number(number.group()))


def _undecided(stated: str) -> Found:
    """No number; a time or a date is still what it is."""
    date = DATE.match(stated)
    return Found(_trimmed(stated) if date and not NUMBER.search(stated, date.end()) else None, undecided=True)


def _stated(text: str, marked: str | None) -> str:
    """What a text states; at the end of a sentence `18!` is no factorial, in a box or between dollars it is one."""
    boxed = marked is not None and text.endswith((f"{marked}}}", f"{marked}}}$", f"{marked}}}."))
    return (text if marked is None else marked) if boxed else (text if marked is None else marked).rstrip("! ")


def _trimmed(text: str) -> str | None:
    return text.strip().strip(".").strip() or None

"""How an answer follows from the numbers of a prompt, by the calculations its source gives, so that others can be put in.

In: a task with GSM8K's marks (`<<9*2=18>>`), SVAMP's `Equation`, or written steps (`9+2=11`). Out: a `Derivation`, or None
where it is not certain: each calculation must come out exactly, the last be the answer, and each operand be one thing alone: a
number of the prompt, an earlier result, or a constant that a word of the prompt says (`half`, `week`). Equal numbers of a
prompt change together, since nobody can tell which of them an operand is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.answers.arithmetic import value
from pipeline.answers.final import final_answer
from pipeline.answers.numbers import SPELLED, as_number
from pipeline.answers.steps import MARK, steps
from pipeline.records import Task

IN_PROMPT = re.compile(r"(?<!\d[.,])(?<![\w.])(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?")
OPERAND = re.compile(r"\d+(?:\.\d+)?|\.\d+")
NOT_PLAIN = re.compile(r"\s*(?:[%:/]|percent)|[A-Za-z]|-\d|\.\d")
"""Behind a number: it is a share, a time, a fraction, a range or an ordinal, and stays as it is."""
YEARS = range(1900, 2101)
LARGEST = 10**12
"""From here on it is no number of things."""
CONSTANTS = {
    "half": "2 0.5", "halves": "2 0.5", "twice": "2", "double": "2", "doubled": "2", "doubles": "2", "pair": "2", "pairs": "2",
    "both": "2", "couple": "2", "triple": "3", "tripled": "3", "triples": "3", "thrice": "3",
    "quarter": "4 0.25", "quarters": "4 0.25", "thirds": "3", "fourths": "4", "fifths": "5",
    "dozen": "12", "dozens": "12", "hundred": "100", "thousand": "1000", "million": "1000000", "thirty": "30", "forty": "40",
    "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90", "week": "7", "weeks": "7", "weekly": "7",
    "day": "24", "days": "24", "hour": "60", "hours": "60", "hourly": "60", "minute": "60", "minutes": "60",
    "year": "12 52 365", "years": "12 52 365", "yearly": "12", "annual": "12", "dollar": "100", "dollars": "100",
    "cents": "100", "percent": "100", "foot": "12", "feet": "12", "inches": "12", "yard": "3", "yards": "3", **SPELLED,
}  # fmt: skip
"""What words of a prompt say, beside its digits: they stay, and so do the operands they are."""
LEAST = 4
"""Smaller numbers stay, unless they are those of a running amount: a 2 in a calculation may be a 2 of the prompt by chance."""


@dataclass(frozen=True)
class Derivation:
    """The calculations with places for numbers."""

    prompt: str
    groups: tuple[tuple[tuple[int, int], ...], ...]
    """Numbers that can be changed: for each where it stands in the prompt, more than once where it stands there so."""
    values: tuple[int, ...]
    """What each is."""
    fixed: tuple[Decimal, ...]
    """The prompt's other numbers."""
    calculations: tuple[str, ...]
    """Expressions in which `{g0}` is the first number and `{s0}` the first result."""
    signs: tuple[str, ...] = ()
    """Of a running amount, that goes on in each calculation with the prompt's next number: what is done with it."""

    def results(self, values: Sequence[int]) -> list[Decimal] | None:
        """What each calculation comes to with these numbers; None where one has no value."""
        known = {f"g{number}": f"({each})" for number, each in enumerate(values)}
        found: list[Decimal] = []
        for number, calculation in enumerate(self.calculations):
            result = value(calculation.format_map(known))
            if result is None:
                return None
            found.append(result)
            known[f"s{number}"] = f"({result:f})"
        return found

    def prompt_with(self, values: Sequence[int]) -> str:
        """The prompt with these numbers, with commas where it had some."""
        places = [(place, values[number]) for number, group in enumerate(self.groups) for place in group]
        text = self.prompt
        for (start, end), each in sorted(places, reverse=True):
            text = text[:start] + (f"{each:,}" if "," in text[start:end] else str(each)) + text[end:]
        return text


def derivation(task: Task) -> Derivation | None:
    """How the task's answer follows from its prompt; None where that is not certain."""
    calculations = _calculations(task)
    wanted = as_number(final_answer(task.answer or "") or "")
    if not calculations or wanted is None or calculations[-1][1] != wanted:
        return None
    if any(value(left) != result or "{" in left for left, result in calculations):  # braces are for places
        return None
    places = list(IN_PROMPT.finditer(task.prompt))
    found = _running(task.prompt, places, calculations) or _traced(task.prompt, places, calculations)
    unused = found is not None and "Equation" not in task.extra and _leaves_some(found)
    return None if unused else found


def _calculations(task: Task) -> list[tuple[str, Decimal | None]]:
    """What is computed, as expressions and results."""
    if isinstance(equation := task.extra.get("Equation"), str):
        return [(equation, as_number(task.answer or ""))]
    solution = str(task.extra.get("solution") or task.answer or "")
    texts = MARK.findall(solution) or [step.text for step in steps(solution)]
    sides = [text.replace(",", "").split("=") for text in texts]
    return [(each[0], value(each[1])) for each in sides] if all(len(each) == 2 for each in sides) else []


def _number(found: re.Match[str]) -> Decimal:
    return Decimal(found.group().replace(",", ""))


def _is_plain(found: re.Match[str]) -> bool:
    """Whether it is a whole number of things, of two or more, that can be another one."""
    text, number = found.string, _number(found)
    apart = "." not in found.group() and not NOT_PLAIN.match(text, found.end())
    behind_sign = text[: found.start()].endswith(("/", ":", "-", "–", "#"))
    return apart and not behind_sign and 2 <= number < LARGEST and int(number) not in YEARS


def _running(
    prompt: str, places: Sequence[re.Match[str]], calculations: Sequence[tuple[str, Decimal | None]]
) -> Derivation | None:
    """The derivation of a story whose amount changes number by number; None where it is no such story."""
    sides = [re.fullmatch(r"\s*(\d+)\s*([-+*/])\s*(\d+)\s*", left) for left, _ in calculations]
    if not all(sides) or not all(map(_is_plain, places)) or len(places) != len(sides) + 1:
        return None
    matches = [each for each in sides if each]
    goes_on = all(Decimal(each[1]) == result for each, (_, result) in zip(matches[1:], calculations, strict=False))
    told = [Decimal(matches[0][1]), *(Decimal(each[3]) for each in matches)]
    if not goes_on or told != [_number(each) for each in places]:
        return None
    signs = tuple(each[2] for each in matches)
    texts = tuple(f"{f'{{s{place - 1}}}' if place else '{g0}'}{sign}{{g{place + 1}}}" for place, sign in enumerate(signs))
    return Derivation(prompt, tuple((each.span(),) for each in places), tuple(int(each) for each in told), (), texts, signs)


def _traced(
    prompt: str, places: Sequence[re.Match[str]], calculations: Sequence[tuple[str, Decimal | None]]
) -> Derivation | None:
    """The derivation whose operands can each be traced to one thing; None where one cannot."""
    said = {Decimal(each) for word in re.findall(r"[a-z]+", prompt.lower()) for each in CONSTANTS.get(word, "").split()}
    odd = {_number(each) for each in places if not _is_plain(each) or _number(each) < LEAST}
    constants = said | odd | {each / 100 for each in odd} | ({Decimal(100)} if "%" in prompt or "$" in prompt else set())
    groups = {number: [each.span() for each in places if _number(each) == number] for number in map(_number, places)}
    names = {number: f"{{g{place}}}" for place, number in enumerate(each for each in groups if each not in constants)}
    texts, results = [], list[Decimal | None]()
    for left, result in calculations:
        traced = _with_places(left, names, constants, results)
        if traced is None:
            return None
        texts.append(traced)
        results.append(result)
    plain = [number for number in groups if number in names]
    fixed = tuple(number for number in groups if number not in names)
    spans = tuple(tuple(groups[number]) for number in plain)
    return Derivation(prompt, spans, tuple(int(each) for each in plain), fixed, tuple(texts))


def _with_places(
    left: str, names: Mapping[Decimal, str], constants: set[Decimal], results: Sequence[Decimal | None]
) -> str | None:
    """An expression with a place for each operand; None where one may be two things, or none."""
    certain = True

    def place(found: re.Match[str]) -> str:
        nonlocal certain
        operand = Decimal(found.group())
        meanings = [f"{{s{number}}}" for number, result in enumerate(results) if result == operand]
        if operand in names:
            meanings.append(names[operand])
        if operand in constants:
            meanings.append(found.group())
        certain &= len(meanings) == 1
        return meanings[0] if meanings else ""

    text = OPERAND.sub(place, left.replace(",", ""))
    return text if certain else None


def _leaves_some(found: Derivation) -> bool:
    """Whether a number of the prompt is in no calculation: it may have been reckoned with in the head."""
    used = " ".join(found.calculations)
    return any(f"{{g{number}}}" not in used for number in range(len(found.groups)))

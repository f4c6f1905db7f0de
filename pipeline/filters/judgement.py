"""Reads what a judge says: the number it gives, or the letter of the reply it prefers; and what became of a call otherwise.

A number counts where it is labelled: `Score: 4`, `[[4]]`, `[RESULT] 4`, `"score": 4`; the last one of a judgement holds, since
judges weigh before they decide. A label that says whose score it is, such as `maximum score` or `clarity score`, is another's.
Without any label, the last `4/5` on the asked scale does, or a last line that is a number and nothing else. Whatever else a
judge says is unreadable, which is no score: `3 or 4`, `4%`, two grades in one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.errors import UserError
from pipeline.records import Response

FAILED = {
    "owed": "a call is owed",
    "error": "the model refused",
    "content_filter": "the reply was held back",
    "missing": "no reply is recorded",
    "length": "the reply was cut off",
}
"""What a finish says of a reply that nothing can be read from."""
DETAIL = 200
"""Characters of what a model said that a verdict tells."""
UNREADABLE, OFF_THE_SCALE = "the judgement is unreadable", "the score is off the scale"

NUMBER = r"[-+−]?[0-9]{1,9}(?:\.[0-9]{1,9})?(?![0-9]|[.,][0-9])"
MORE = r"[ \t]{0,2}(?:[-–—,;&][ \t]{0,2}[0-9]|[ \t(]{1,2}(?:to|or|and)[ \t]{1,2}[0-9]|[%½⅓⅔¼¾])"
"""What makes a number one of two, or no grade at all."""
OVER = r"\s{0,2}(?:/|out\s{1,2}of)\s{0,2}"
OF = r"[ \t]{0,2}\(?(?:/|(?:out[ \t]{1,2})?of)[ \t]{0,2}"
MARKS = r"[\"'*_`)\]]{0,4}"
NAME = r"(?<![a-z])(?:score|rating|grade|level)|(?<!最高)(?:评分|得分)"
LABELLED = re.compile(
    rf"(?:(?P<name>{NAME}){MARKS}(?:\s{{0,2}}\([^()\n]{{0,40}}\))?{MARKS}(?:\s{{0,4}}[:：=]|\s{{1,2}}is\s)[\"'*_`\s\[(<]{{0,8}}"
    rf"|\[result\][\"'*_`\s:]{{0,8}}|(?P<open>\[\[)\s{{0,4}})(?P<number>{NUMBER})(?:{OF}(?P<of>[0-9]{{1,9}}))?"
    rf"(?P<more>{MORE})?(?(open)\s{{0,4}}\]\])",
    flags=re.IGNORECASE,
)
BEFORE = re.compile(r"([a-z]{1,20})(?:['’]s|(?<=max)\.)?[*_`\"']{0,3}[ \t_-]{1,2}[*_`\"']{0,3}$", flags=re.IGNORECASE)
"""The word before a label, by which it may be the label of something else."""
OWN = {"overall", "final", "total", "my", "the", "a", "this", "its", "judge", "so", "thus", "therefore", "hence", "reply"}
"""Words before a label that leave it the reply's own."""
FRACTION = re.compile(
    rf"(?<![0-9./])(?P<number>{NUMBER}){OVER}(?P<of>[0-9]{{1,9}})(?![0-9/%]|\.[0-9]|\s{{1,2}}of\s)", flags=re.IGNORECASE
)
ALONE = re.compile(rf"(?:[*_`]{{0,3}}|\$?\\boxed\{{)(?P<number>{NUMBER})(?:[*_`]{{0,3}}|\}}\$?)\.?")
LETTER = re.compile(r"\[\[\s{0,4}([ABC])\s{0,4}\]\]")
DENIED = re.compile(r"(?:\b(?:not|never|neither|cannot|nor)|n['’]t)\b[^,.;:!?]*$", flags=re.IGNORECASE)
"""A clause that says what the verdict is not."""
CLAUSE = 100
"""Characters before a letter in which a denial of it is looked for."""


def failure(response: Response) -> str:
    """Why nothing can be read from a response, empty where something may be.

    Raises:
        UserError: it is a recorded answer, which is found by the task's question whatever a judge is asked.
    """
    if response.provider == "recorded":
        raise UserError(
            f"{response.template}: the teacher's recorded answers cannot judge",
            "Give the filter a model of its own, like model: {backend: openai, model: gpt-5-mini}.",
        )
    return FAILED.get(response.finish, "" if response.text is not None else "there is no reply")


def number_said(text: str, lowest: float, highest: float) -> float | str:
    """The number a judge gives, or why there is none on the scale from `lowest` to `highest`."""
    labelled = [each for each in LABELLED.finditer(text) if _is_own(each)]
    fractions = [] if labelled else [each for each in FRACTION.finditer(text) if float(each["of"]) == highest]
    said = _last_said(labelled or fractions, text)
    alone = ALONE.fullmatch(_last_line(text)) if not (labelled or fractions) else None
    if said is None and alone is None:
        return UNREADABLE
    number, of = (said["number"], said["of"]) if said else (alone["number"] if alone else "", None)
    value = float(number.replace("−", "-"))
    if not lowest <= value <= highest or (of is not None and float(of) != highest):
        return OFF_THE_SCALE
    return value


def _is_own(label: re.Match[str]) -> bool:
    """Whether a label is that of the reply's grade, not of the scale's end, of one aspect or of another measure."""
    if label["name"] is None:
        return not (label["open"] and label["more"])  # a list in a list
    word = BEFORE.search(label.string[max(0, label.start() - 30) : label.start()])
    return word is None or word[1].lower() in OWN


def _last_said(said: Sequence[re.Match[str]], text: str) -> re.Match[str] | None:
    """The last of several numbers; None where it is one of two, or where its line holds another."""
    if not said:
        return None
    line = text.rfind("\n", 0, said[-1].start()) + 1
    numbers = {float(each["number"].replace("−", "-")) for each in said if each.start() >= line}
    return said[-1] if len(numbers) == 1 and not said[-1].groupdict().get("more") else None


def _last_line(text: str) -> str:
    return text.rstrip()[-80:].rpartition("\n")[2].strip()


def letter_said(text: str) -> str | None:
    """A, B, or C for neither, as the last line with a verdict has it; None where there is none, or two."""
    found = list(LETTER.finditer(text))
    line = text.rfind("\n", 0, found[-1].start()) + 1 if found else 0
    ends = [line, *(each.end() for each in found)]
    meant = {
        each[1] for end, each in zip(ends, found, strict=False) if each.start() >= line and not _is_denied(each, max(line, end))
    }
    return meant.pop() if len(meant) == 1 else None


def _is_denied(letter: re.Match[str], start: int) -> bool:
    """Whether the clause before a letter, which begins at `start` or later, says that it is not the verdict."""
    denial = DENIED.search(letter.string[max(start, letter.start() - CLAUSE) : letter.start()])
    return denial is not None and not (letter[1] == "C" and denial[0].lower().startswith("neither"))


def too_few(read: Sequence[object], of: int) -> bool:
    """Whether so few of the judgements were readable that they decide nothing: half of them or less."""
    return 2 * len(read) <= of

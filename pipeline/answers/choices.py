"""Multiple choice: which option is right, and which one a reply picks, by its letter or by its text.

In: the options of the task, and a text. Out: the number of an option from 0, or None where no one option is picked. The last
marker counts (`The answer is (B).`); after it, an option's whole text wins, then the first letter that is not turned down
(`B, not A`). Without one a plain statement counts (`Option B is correct.`), then the last line. What contradicts itself picks
nothing: `A or B`, or the letter of one option before the text of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from string import ascii_uppercase

from pipeline.answers.markers import MARKER
from pipeline.answers.words import folded

LABEL = re.compile(r"\s*\(?([A-Za-z])[).:]\s+")
CUE = re.compile(
    rf"{MARKER.pattern}"
    r"|\b(?i:answer(?:\s+to\s+(?:the|this|your)\s+question\s+is\b|\s+(?:would|should|must|has\s+to)\s+be\b"
    r"|[*_]*\s*+=|[*_]*\s+[-–—]\s|>|[\"']\s*+:)"
    r"|(?:correct|right|best)\s+(?:option|choice|one)\s+is\b|(?:option|choice)\s*+:"
    r"|(?:antwort|respuesta|réponse|risposta|resposta|ответ)[*_]*(?:\s+(?:ist|es|est|è|é)\b|\s*+:))"
    r"|答案\s*+(?:是|为|[:：])\s*+(?:选项|选)?+"
)
"""The markers of every answer, and those that only options have."""
NO_ANSWER = " \t\r\n*_:.!\"'`}$"
"""Characters that answer nothing where only they stand behind a marker, as in `B is my final answer.`"""
LETTER = re.compile(r"(?:\b(?i:option|choice)\s+)?(?<![\w'’])(\(?)([A-Z])(\)?)(?![\w'’]|-\w)")
SMALL = re.compile(r"\(([a-z])\)|^\W*([a-z])\W*$")
AS_A_WORD = re.compile(r"\s+(?!is\b|because\b|since\b|and\b|or\b|as\b|which\b|with\b)[a-z]")
"""After `A` or `I`: they are words there, not letters of options."""
ITEM = r"(?:(?i:option|choice)s?\s+)?\(?[A-Z]\)?(?![\w'’])"
TURNS_DOWN = (
    r"not|neither|nor|never|than|of|if|unless|unlike|unlikely\s+to\s+be|cannot\s+be|no\s+longer|except(?:\s+for)?"
    r"|(?:any|every)thing\s+but|all\s+but"
)
TURNED_DOWN = re.compile(
    rf"~~[^~\n]{{0,200}}~~"
    rf"|(?:\b(?i:{TURNS_DOWN})|n['’]t(?:\s+be)?)\s+(?:(?i:either)\s+)?{ITEM}"
    rf"(?:\s*+(?:,\s*+(?:(?:and|or|nor)\s+)?|(?:and|or|nor)\s+){ITEM})*+"
    rf"|(?<![\w'’]){ITEM}\s+(?:is|are)(?:n['’]t|\s+(?:not|wrong|incorrect|false))\b"
)
"""Letters that are ruled out: struck through, in a list after `not` or `neither`, or called wrong."""
JOINED = re.compile(
    rf"[\s*_).\"']*(?:,\s*+(?:and\s|or\s)?|\band\b|\bor\b|/|&)[\s*_(\"']*(?:also\s+|maybe\s+)?(?!I\s+[a-z]){ITEM}"
)
"""Behind a letter: another one."""
STATEMENT = re.compile(
    r"(?:^|[.!;:\n]|\b(?i:so|thus|hence|therefore|clearly|actually),?(?=\s))[\s*_]{0,9}"
    r"(?:I\s+(?:think|believe)\s+(?:that\s+)?)?(?:"
    r"(?i:only\s+)?(?i:the\s+)?(?i:(?:correct\s+)?(?:option|choice|answer)\s+)?[*_(]{0,3}([A-Z])[*_)]{0,3}"
    r"\s+is\s+(?:the\s+|my\s+)?(?:correct|right|best|final|answer)(?:\s+(?:answer|option|choice|one))?"
    r"|(?:(?:I|[Ww]e)(?:['’](?:d|ll)|\s+(?:would|will))?\s+(?:choose|pick|select|say|go\s+with)"
    r"|[Ii]t(?:['’]s|\s+is|\s+must\s+be))"
    r"\s+(?:(?i:option|choice|answer)\s+)?[*_(]{0,3}([A-Z])"
    r"|(?i:so|thus|hence|therefore)[,:]?\s+(?:(?i:option|choice|answer)\s+)?[*_(]{0,3}([A-Z])"
    r")[*_)]*+(?=\s*+(?:[.!;\n]|$)|,?\s+(?:because|since|as)\b)"
)
"""A clause of its own that picks a letter: `if B is correct` and `B is correct, but` pick nothing."""
UNSURE = re.compile(
    r"\b(?:not|no|never|nor|neither|nobody|none|unlike|than|doubt|if|whether|may|might|maybe|perhaps|could|some|many|wrong"
    r"|false|cannot)\b|n['’]t\b"
)
"""Before an option's text: it may be the one that is ruled out."""
LAST_LINE = 400
"""Characters of the end that are read where there is no marker."""


def right_choice(answer: str, choices: Sequence[str]) -> int | None:
    """The number of the option that a task's answer names, by its text or its letter; None where it names none."""
    texts = [_text(each) for each in choices]
    if texts.count(folded(answer)) == 1:
        return texts.index(folded(answer))
    letter = folded(answer).strip("()").upper()
    if len(letter) == 1 and letter in ascii_uppercase[: len(choices)]:
        return ascii_uppercase.index(letter)
    labelled = LABEL.match(answer)
    return texts.index(_text(answer)) if labelled and texts.count(_text(answer)) == 1 else None


def said_choice(text: str, choices: Sequence[str]) -> int | None:
    """The number of the option a reply picks; None where it picks none, or more than one."""
    start = _last_cue(text)
    if start is None:
        said = set(_statements(text, choices))
        return _last_line(text, choices) if not said else said.pop() if len(said) == 1 else None
    lines = text[start:].strip(" \t\r\n*_:").splitlines()
    picked = _picked(lines[0], choices) if lines else None
    said = set(_statements(text[start:], choices)) | ({picked} if picked is not None else set())
    return said.pop() if len(said) == 1 else None


def _last_cue(text: str) -> int | None:
    """Where the last marker with something behind it ends; `A:` is none where options are listed so."""
    end, listed, last = len(text.rstrip(NO_ANSWER)), "B:" in text, None
    for found in CUE.finditer(text):
        if found.end() < end and not (listed and found.group() == "A:"):
            last = found.end()
    return last


def _statements(text: str, choices: Sequence[str]) -> Iterator[int]:
    """The options that are picked in clauses of their own."""
    for found in STATEMENT.finditer(text):
        if (number := _number(found[found.lastindex or 1], choices)) is not None:
            yield number


def _picked(line: str, choices: Sequence[str]) -> int | None:
    """The option named after a marker."""
    exact = _by_text(line, choices, whole=True)
    if exact is not None:
        return exact
    line = TURNED_DOWN.sub("", line)
    for found in LETTER.finditer(line):
        bare_word = found[2] in "AI" and not found[3] and AS_A_WORD.match(line, found.end())
        if not bare_word and (number := _number(found[2], choices)) is not None:
            named = _by_text(line[: found.start()], choices, whole=False)
            return number if named in (None, number) and not _contradicted(number, line[found.end() :], choices) else None
    if small := SMALL.search(line):
        return _number((small[1] or small[2]).upper(), choices)
    return _by_text(line, choices, whole=False)


def _contradicted(number: int, rest: str, choices: Sequence[str]) -> bool:
    """Whether what follows an option's letter is another letter, or the text of another option."""
    other = _by_text(rest.lstrip(" ).:-*_"), choices, whole=True)
    own = re.match(rf"[\s).:*_(-]*{re.escape(_text(choices[number]))}(?!\w)", rest, flags=re.IGNORECASE)
    return other not in (None, number) or JOINED.match(rest, own.end() if own else 0) is not None


def _last_line(text: str, choices: Sequence[str]) -> int | None:
    """The option that a last line is: its letter, its text, one behind the other, or `… is` and its text."""
    lines = text[-LAST_LINE:].strip().splitlines()
    if not lines or len({label[1] for line in lines if (label := LABEL.match(line.strip(" *_-")))}) > 1:
        return None  # a list of the options
    line = lines[-1]
    bare = line.strip(" *_.()")
    if len(bare) == 1:
        return _number(bare.upper(), choices)
    exact = _by_text(line, choices, whole=True)
    label = LABEL.match(line.strip(" *_"))
    if exact is not None or label is None:
        return exact if exact is not None else _in_a_sentence(line, choices)
    number = _number(label[1].upper(), choices)
    return None if number is None or _contradicted(number, line.strip(" *_")[label.end() :], choices) else number


def _in_a_sentence(line: str, choices: Sequence[str]) -> int | None:
    """The option whose text ends the last sentence, behind `is`, as in `The capital of Germany is Berlin.`"""
    sentence = re.split(r"(?<=[.!?])\s+", line.strip())[-1]
    number = None if sentence.endswith("?") else _by_text(sentence, choices, whole=False)
    if number is None:
        return None
    ends = re.search(rf"\b(?:is|are|was|were|be)\s+(?:the\s+)?{re.escape(_text(choices[number]))}$", folded(sentence))
    return number if ends else None


def _by_text(line: str, choices: Sequence[str], whole: bool) -> int | None:
    """The one option whose text the line is, or names for sure."""
    said, texts = folded(line), [_text(each) for each in choices]
    if whole:
        return texts.index(said) if texts.count(said) == 1 else None
    forms = (rf"(?<![\w.,/−-]){re.escape(each)}(?!\w|[.,/:^]\d)" if each else r"(?!)" for each in texts)
    named = [(number, found.start()) for number, form in enumerate(forms) if (found := re.search(form, said))]
    return named[0][0] if len(named) == 1 and not UNSURE.search(said, 0, named[0][1]) else None


def _number(letter: str, choices: Sequence[str]) -> int | None:
    return ascii_uppercase.index(letter) if letter in ascii_uppercase[: len(choices)] else None


def _text(choice: str) -> str:
    """An option's text without the letter some sources put before it."""
    return folded(LABEL.sub("", choice, count=1))

"""Short replies: the one phrase that was asked for, and the one option of some that a reply names.

In: the reply. Out: a phrase on one line without what models put around it, or an option; None where there is more than one, or
none, since a reply that wavers says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from pipeline.answers.alone import unwrapped
from pipeline.answers.words import folded

MOST_WORDS = 20
LONGEST = 2_000
"""Characters of a reply that names an option; more is a talk about them."""
BEFORE = re.compile(r"[ \t]*+(?:[-*•>]++[ \t]++|\d{1,3}[.)][ \t]++)?", flags=re.MULTILINE)
LABEL = re.compile(
    r"[*_]{0,3}(?:blank|answer|phrase|label|choice|premise|event|x(?:Intent|Need|Attr|Effect|React|Want)|HinderedBy)[*_]{0,3}\s?"
    r"[:=][*_]{0,3}[ \t]*+",
    flags=re.IGNORECASE,
)
QUOTES = "\"'`*_“”‘’"
CHOOSING = re.compile(
    r"\b(?:choose|choosing|choice(?:\s+is)?|select|pick|answer(?:\s+is)?|label(?:\s+is)?)\b[:*_\"'`\s]*", flags=re.I
)
SENTENCE = re.compile(r"[.!?\n]\s*")
NOT = re.compile(r"\b(?:not|cannot|never|neither|nor|no longer|rather than|instead of|except)\b|n['’]t\b", flags=re.IGNORECASE)


def sole_phrase(text: str, most_words: int = MOST_WORDS) -> str | None:
    """The phrase that is the whole reply, without number, label, quotes and full stop; None where there is more or nothing."""
    lines = [line for line in unwrapped(text).splitlines() if line.strip()]
    if len(lines) != 1 or len(lines[0]) > LONGEST:
        return None
    line = lines[0][_end(BEFORE, lines[0]) :]
    line = line[_end(LABEL, line) :].strip().removesuffix(".").strip()
    phrase = " ".join(line.strip(QUOTES).removesuffix(".").split())
    is_phrase = any(map(str.isalnum, phrase)) and len(phrase.split()) <= most_words
    return phrase if is_phrase else None


def _end(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0


def filling(text: str, blanked: str, blank: str = "[blank]", most_words: int = MOST_WORDS) -> str | None:
    """What a reply puts into a text's blank, whether it writes that alone or the whole text with it; None where it does not.

    Args:
        blanked: the text, with `blank` in it once.
    """
    phrase = sole_phrase(text, most_words + len(blanked.split()))
    before, found, after = (" ".join(part.split()) for part in blanked.partition(blank))
    if phrase is None or not found or blank in phrase:
        return None
    after = after.removesuffix(".").strip()
    is_whole = bool(before or after) and phrase.startswith(before) and phrase.endswith(after)
    if is_whole and len(phrase) > len(before) + len(after):
        phrase = phrase[len(before) : len(phrase) - len(after)].strip()
    return phrase if phrase and len(phrase.split()) <= most_words else None


def named_option(text: str, options: Sequence[str]) -> str | None:
    """The one option that a reply names: `I choose red hat.`, `Label: neutral`, or the option by itself.

    Behind the last word of choosing only what follows it counts. A longer option hides a shorter one in it, as `red hat` does
    `hat`. Two different ones, a denied one and a reply of many words name none.
    """
    text = unwrapped(text)
    if not text or len(text) > LONGEST:
        return None
    forms = {folded(each): each for each in options}
    if (alone := forms.get(folded(text))) is not None:
        return alone
    before, said = _split(text, forms)
    named = re.findall("|".join(_form(each) for each in sorted(forms, key=len, reverse=True)), folded(said))
    return forms[named[0]] if len(set(named)) == 1 and not NOT.search(before + said) else None


def _split(text: str, options: Collection[str]) -> tuple[str, str]:
    """The last sentence up to its word of choosing, and what follows that; nothing and the whole text where it has none.

    Args:
        options: folded; one that is a word of choosing itself, such as `answer`, is none here.
    """
    last = None
    for found in CHOOSING.finditer(text):
        last = last if folded(found.group()) in options else found
    if last is None or not folded(text[last.end() :]):
        return "", text
    return SENTENCE.split(text[: last.end()])[-1], text[last.end() :]


def _form(option: str) -> str:
    return rf"(?<!\w){re.escape(option)}(?!\w)" if option else r"(?!)"

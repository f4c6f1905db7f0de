"""Counting words, capital words and sentences, as near as rules come to the tokenizers that IFEval uses (NLTK's).

A sentence ends at `.`, `?` or `!` before a space, unless the dot belongs to an abbreviation, an initial, a number that goes on
in lower case, or dots that leave something out. Line ends end nothing, as in Punkt (Kiss and Strunk 2006), so a list without
dots is one sentence. Of what Punkt has learnt there is here only a short list of abbreviations and of first words.
"""

from __future__ import annotations

import re
import unicodedata

CLOSING = "\"')\\]}’”»*_"
END = re.compile(rf"(?<![.!?])[.!?]++(?:[{CLOSING}]*+(?=\s)|(?=[\[({{\"“«*]))")
"""A mark at the end of a word, or one that an opening sign follows at once. A run of marks is looked at once."""
SHORTENED = (
    "adm approx apr aug ave bros calif capt cf cie co col colo conn corp cos ct dec dr e.g etc feb fla fri ft ga gen gov i.e "
    "ill inc jan jr kan ky lt ltd maj mass mich minn mr mrs ms nev nov oct ok okla ore pa ph.d prof rep reps sen sens sep sept "
    "sgt sr st tenn tex tues va vs vt wash wed wis yr a.m p.m b.a m.a u.s u.k u.n u.s.a d.c n.y"
)
ABBREVIATIONS = frozenset(SHORTENED.split())
BEGINNING = (
    "a although an and at but despite each even every for he her here his how however i if in instead it its meanwhile "
    "moreover most my nevertheless no on our she since so some such that the their then there these they this those though "
    "thus to under we what when where while who why with yes yet you your"
)
FIRST_WORDS = frozenset(BEGINNING.split())
"""Words that begin a sentence when they follow an abbreviation with a capital."""
INITIAL = re.compile(r"[^\W\d_]")
NUMBER = re.compile(r"[-+]?\d[\d.,-]*")
WORD = re.compile(r"[^\W_]")
LONGEST_ABBREVIATION = 12
JOINERS = "\u200c\u200d"


def count_words(text: str) -> int:
    """Runs of letters, digits and low lines; the vowel signs of Hindi and others, and what joins letters, part no word."""
    if not text.isascii():
        text = "".join(sign for sign in text if sign not in JOINERS and not unicodedata.category(sign).startswith("M"))
    return len(re.findall(r"\w+", text))


def count_sentences(text: str) -> int:
    """How many sentences there are; what has neither letter nor digit is none."""
    count, said, seen = 0, False, 0
    for found in END.finditer(text):
        said = said or WORD.search(text, seen, found.start()) is not None
        seen = found.end()
        if said and _is_end(text, found):
            count, said = count + 1, False
    return count + (said or WORD.search(text, seen) is not None)


def _is_end(text: str, found: re.Match[str]) -> bool:
    """Whether a mark ends a sentence, by the words on either side of it."""
    marks = found.group().rstrip("\"')]}’”»*_")
    if "!" in marks or "?" in marks:
        return True
    after = text[found.end() : found.end() + LONGEST_ABBREVIATION * 2].split(maxsplit=1)
    following = after[0].lstrip("\"'([{“‘«*_-") if after else ""
    if marks.endswith(".."):
        return following[:1].isupper()
    before = text[max(0, found.start() - LONGEST_ABBREVIATION - 1) : found.start()].split()
    word = re.split(r"[\"'(\[{“‘«*_/]", before[-1])[-1] if before else ""
    return _ends_after(word, following)


def _ends_after(word: str, following: str) -> bool:
    """Whether `word.` ends a sentence before `following`."""
    begins = following[:1].isupper() and following[1:2] != "." and re.split(r"\W", following)[0].lower() in FIRST_WORDS
    if word.lower() in ABBREVIATIONS:
        return begins
    if INITIAL.fullmatch(word):
        return begins or word == "I"
    if NUMBER.fullmatch(word):
        return not following[:1].islower()
    return True


APART = re.compile(r"\s+|--|[\"‘’“”«»`;@#$%&?!*()\[\]{}<>‒–—―…]+|\.{2,}|[:,](?!\d)|(?<!\w)'|'(?!\w)")
CLITIC = re.compile(r"(?<=N)(?='T$)|(?='(?:S|M|D|LL|RE|VE)$)", flags=re.IGNORECASE)


def count_capital_words(text: str) -> int:
    """How many words are all in capitals: `I` and `COVID-19` are one each, `DON'T` and `IT'S` two, as in the Treebank."""
    return sum(part.isupper() for piece in APART.split(text) if piece for part in CLITIC.split(piece))

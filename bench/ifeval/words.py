"""Texts that meet IFEval's constraints on words and letters, nearly meet them, or spell them oddly; all our own, seeded."""

from __future__ import annotations

import random
from collections.abc import Callable

from bench.ifeval.prose import ENGLISH, Arguments, near, other_languages, plain, prose
from tests.answers.languages import SENTENCES


def _keywords(words: list[str], rng: random.Random) -> list[str]:
    body = prose(rng, 3)
    return [
        f"{body} {' '.join(words)}",
        f"{body} {' '.join(words).upper()}.",
        f"{body} {' '.join(words[1:])}",
        body,
        f"{body} {' '.join(f'un{word}ly' for word in words)}",
        f"{'-'.join(words)}! {body}",
        f"{body} {'_'.join(words)}",
    ]


def _frequency(a: Arguments, rng: random.Random) -> list[str]:
    word = a["keyword"]
    spelled = (word, word.title(), f"{word}s", f"un{word}", word.upper())
    return [f"{prose(rng, 2)} {' '.join(rng.choice(spelled) for _ in range(n))}" for n in near(a["frequency"])]


def _letters(a: Arguments, rng: random.Random) -> list[str]:
    sign, limit = a["letter"], a["let_frequency"]
    fitting = [f"{sign * n} {sign.upper()}" for n in near(limit - 1)]
    return [*fitting, prose(rng, 1), prose(rng, 8), "".join(each for each in prose(rng, 3) if each.lower() != sign)]


def _words(a: Arguments, rng: random.Random) -> list[str]:
    words = ["it's", "a", "well-known", "under_score", "fact", "that", "3.5", "litres", "don't", "weigh", "4", "kilos", "naïve"]
    return [" ".join(rng.choice(words) for _ in range(n)) for n in (*near(a["num_words"]), a["num_words"] * 2 // 3)]


def _sentences(a: Arguments, rng: random.Random) -> list[str]:
    limit = a["num_sentences"]
    listed = "\n".join(f"{n}. {rng.choice(ENGLISH)}" for n in range(1, limit + 1))
    lower = "\n".join(f"* {rng.choice(ENGLISH).lower()}" for _ in range(limit))
    return [*(prose(rng, n) for n in near(limit)), plain(rng, limit), listed, lower, "**The end.**", "No mark at the end"]


def _paragraphs(a: Arguments, rng: random.Random) -> list[str]:
    texts = ["\n***\n".join(prose(rng, 2) for _ in range(n)) for n in near(a["num_paragraphs"]) if n]
    full = texts[-2] if len(texts) > 1 else texts[0]
    return [
        *texts,
        f"***\n{full}\n***",
        full.replace("***", "* * *"),
        full.replace("***", "***\n\n***"),
        full.replace("\n***\n", "***"),
    ]


def _nth_paragraph(a: Arguments, rng: random.Random) -> list[str]:
    count, nth, word = a["num_paragraphs"], a["nth_paragraph"], a["first_word"]

    def text(paragraphs: int, start: str, between: str = "\n\n") -> str:
        return between.join(f"{start} {prose(rng, 1)}" if n == nth else plain(rng, 1) for n in range(1, paragraphs + 1))

    starts = (word, word.title(), f'"{word},', f"'{word}'", f"**{word}**", f"{word}s", f"({word})", word.upper() + "!")
    return [
        *(text(count, start) for start in starts),
        *(text(n, word) for n in near(count)),
        text(count, word, "\n\n\n\n"),
        text(count, word, "\n"),
        f"\n\n{text(count, word)}\n\n",
        f"# Title\n{text(count, word)}",
        f"Sure!\n\n{text(count, word)}",
    ]


def _case(change: Callable[[str], str], rng: random.Random) -> list[str]:
    words = [change(prose(rng, n)) for n in (1, 3, 6)]
    spoiled = [f"{words[1]} Xy", f"Sure!\n{words[1]}", f"{words[1]}\n\nAbC"]
    foreign = [change(SENTENCES[code]) for code in ("de", "fr", "ru", "hi")]
    return [*words, *spoiled, *foreign, change("yes"), "123 456", change("call me at 555-0100")]


def _capital_words(a: Arguments, rng: random.Random) -> list[str]:
    spelled = (
        "NASA",
        "I",
        "A",
        "DON'T",
        "IT'S",
        "COVID-19",
        "U.S.",
        "(FBI)",
        "*LOUD*",
        "WHO/UN",
        "AT&T",
        "O'BRIEN",
        "END.",
        "“YES”",
        "3D",
        "CO-OP,",
    )
    limit = a["capital_frequency"]
    fitting = [" and ".join(rng.choice(spelled) for _ in range(n)) for n in near(limit)]
    return [*fitting, *(prose(rng, n) for n in (2, 5, 9)), prose(rng, 3).upper(), prose(rng, 3).lower(), plain(rng).title()]


def _languages(a: Arguments, rng: random.Random) -> list[str]:
    wanted = SENTENCES[a["language"]]
    return [
        wanted,
        f"{wanted} {wanted}",
        *rng.sample(other_languages(), 3),
        f"{wanted}\n{prose(rng, 1)}",
        f"Sure!\n{wanted}",
        "12345",
    ]


WORDS: dict[str, Callable[[Arguments, random.Random], list[str]]] = {
    "keywords:existence": lambda a, rng: _keywords(a["keywords"], rng),
    "keywords:forbidden_words": lambda a, rng: _keywords(a["forbidden_words"], rng),
    "keywords:frequency": _frequency,
    "keywords:letter_frequency": _letters,
    "language:response_language": _languages,
    "length_constraints:number_words": _words,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:nth_paragraph_first_word": _nth_paragraph,
    "change_case:english_lowercase": lambda a, rng: _case(str.lower, rng),
    "change_case:english_capital": lambda a, rng: _case(str.upper, rng),
    "change_case:capital_word_frequency": _capital_words,
}

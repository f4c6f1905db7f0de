"""IFEval's constraints on words and letters: keywords, lengths, case, language.

Each check takes the text, which says something, and the arguments by IFEval's names; arguments of another type are refused
before it runs. The checks agree with lm-evaluation-harness 0.4.13 where that is not plainly wrong: a keyword is met inside a
longer word, a forbidden word is not, and `it's` is two words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import NonNegativeInt, PositiveInt

from pipeline.answers.arguments import Code, Letter, Phrase, Phrases, Relation, Text
from pipeline.texts.language import languages
from pipeline.texts.prose import count_capital_words, count_sentences, count_words

SURE = 0.5
"""Probability below which a text is in no language for sure."""


def compare(count: int, relation: Relation, limit: int) -> bool:
    return count >= limit if relation == "at least" else count < limit


def keywords_exist(text: Text, *, keywords: Phrases) -> bool:
    return all(re.search(re.escape(word), text, re.IGNORECASE) for word in keywords)


def no_forbidden_words(text: Text, *, forbidden_words: Phrases) -> bool:
    return not any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in forbidden_words)


def keyword_frequency(text: Text, *, keyword: Phrase, frequency: NonNegativeInt, relation: Relation) -> bool:
    return compare(len(re.findall(re.escape(keyword), text, re.IGNORECASE)), relation, frequency)


def letter_frequency(text: Text, *, letter: Letter, let_frequency: NonNegativeInt, let_relation: Relation) -> bool:
    """Signs such as `#` are counted too: the harness counts a random letter in their place."""
    return compare(text.lower().count(letter.lower()), let_relation, let_frequency)


def number_words(text: Text, *, num_words: NonNegativeInt, relation: Relation) -> bool:
    return compare(count_words(text), relation, num_words)


def number_sentences(text: Text, *, num_sentences: NonNegativeInt, relation: Relation) -> bool:
    return compare(count_sentences(text), relation, num_sentences)


def number_paragraphs(text: Text, *, num_paragraphs: PositiveInt) -> bool:
    """Paragraphs stand between `***`; the divider may also stand before the first and after the last."""
    parts = [part.strip() for part in text.split("***")]
    inner = parts[not parts[0] : len(parts) - (not parts[-1])]
    return all(inner) and len(inner) == num_paragraphs


def nth_paragraph_first_word(
    text: Text, *, num_paragraphs: PositiveInt, nth_paragraph: PositiveInt, first_word: Phrase
) -> bool:
    """Paragraphs stand between empty lines; however many lines are empty there, they are no paragraphs."""
    if nth_paragraph > num_paragraphs:
        raise ValueError(f"paragraph {nth_paragraph} of {num_paragraphs}")
    paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
    if len(paragraphs) != num_paragraphs:
        return False
    word = paragraphs[nth_paragraph - 1].split(maxsplit=1)[0].lstrip("'").lstrip('"')
    return re.split("[.,?!'\"]", word.lower(), maxsplit=1)[0] == first_word.lower()


def english_capital(text: Text) -> bool:
    return text.isupper() and _may_be_english(text)


def english_lowercase(text: Text) -> bool:
    return text.islower() and _may_be_english(text)


def _may_be_english(text: str) -> bool:
    """Where the language cannot be told the case alone decides: it is the greater part of the demand."""
    code, probability = next(_likeliest(text), ("en", 1.0))
    return code == "en" or probability < SURE


def _likeliest(text: str) -> Iterator[tuple[str, float]]:
    return iter((languages(text) or {}).items())


def capital_word_frequency(text: Text, *, capital_frequency: NonNegativeInt, capital_relation: Relation) -> bool:
    return compare(count_capital_words(text), capital_relation, capital_frequency)


def response_language(text: Text, *, language: Code) -> bool | None:
    """None where the text is too short for a language, or in none for sure."""
    code, probability = next(_likeliest(text), ("", 0.0))
    return True if code == language else None if probability < SURE else False

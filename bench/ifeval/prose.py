"""What the texts for IFEval's constraints are made of: sentences that tokenizers stumble over, junk, other languages."""

from __future__ import annotations

import random
from typing import Any

from tests.answers.languages import SENTENCES

Arguments = dict[str, Any]
ENGLISH = (
    "The old ship left the harbour at dawn.", "Dr. Smith met Mrs. Jones at 5 p.m. in the U.S. capital.",
    "It wasn't what we'd hoped for!", "Why did nobody ask?", '"Really?" he said.', "She paid $3.50 for it, e.g. in coins.",
    "Well... perhaps not.", "Look at https://example.com/a.b for more.", "NASA and the FBI don't talk about COVID-19.",
    "I can't say; it's HIGH time, DON'T you think?", "He wrote **three** books and *one* play.", "Plan B. Then we left.",
    "The U.S. has many towns. They are small.", "Prices rose by 4.5 per cent (see below).", "- not a list. But a dash.",
    "Mr. J. R. Hall, Jr. came.", "They said: wait!", "He asked me, 'Where is it?' I did not know.", "Vol. 2 is out.",
    "(This stands in brackets.) It goes on.", "THE END IS NEAR.", "A cat, a dog, and a bird sat there.", "No. 5 is alive.",
    "We met on Oct. 3. It rained.", "Version 2.0. of the thing", "“Curly quotes.” They happen.", "So it ends…", "OK?! Yes!!",
)  # fmt: skip
JUNK = (
    "....", "!!!???", "* * *", "---", "******", "```\n```", "[]", "[[a] b]", "<<>>", "<< >>", '"', '""', "{}", "null", "42",
    "\n\n\n", " \t ", "*", "**", "-", "- \n- ", "P.S.", "p. s.", "a", "A", "I", ",", "😀 😀", "日本語のテキスト", "Section 1",
    "SECTION1SECTION2", "x" * 500, "My answer is", "The U.P.S. truck is here.", '{"a": [1, 2,]}', "[1, 2", "NaN",
    "a\n\nb\n\n\n\nc", "*a*b*c*", "***a***",
)  # fmt: skip


def prose(rng: random.Random, sentences: int) -> str:
    """Sentences drawn from `ENGLISH`, parted by spaces and now and then by lines."""
    chosen = [rng.choice(ENGLISH) for _ in range(sentences)]
    return "".join(f"{each}{rng.choice((' ', ' ', ' ', chr(10), chr(10) * 2))}" for each in chosen).strip()


def plain(rng: random.Random, sentences: int = 3) -> str:
    chosen = [rng.choice(ENGLISH[:2] + ENGLISH[3:4]) for _ in range(sentences)]
    return " ".join(chosen)


def other_languages() -> list[str]:
    return list(SENTENCES.values())


def near(count: int) -> tuple[int, ...]:
    """The numbers about a limit."""
    return tuple(sorted({max(0, count - 1), count, count + 1}))


OWN: tuple[Arguments, ...] = (
    {"kind": "keywords:existence", "keywords": ["river", "stone"]},
    {"kind": "keywords:forbidden_words", "forbidden_words": ["river", "stone"]},
    {"kind": "keywords:frequency", "keyword": "river", "relation": "at least", "frequency": 3},
    {"kind": "keywords:frequency", "keyword": "stone", "relation": "less than", "frequency": 2},
    {"kind": "keywords:letter_frequency", "letter": "Q", "let_relation": "at least", "let_frequency": 3},
    {"kind": "keywords:letter_frequency", "letter": "e", "let_relation": "less than", "let_frequency": 12},
    {"kind": "language:response_language", "language": "de"},
    {"kind": "language:response_language", "language": "ur"},
    {"kind": "length_constraints:number_words", "relation": "at least", "num_words": 12},
    {"kind": "length_constraints:number_words", "relation": "less than", "num_words": 17},
    {"kind": "length_constraints:number_sentences", "relation": "at least", "num_sentences": 4},
    {"kind": "length_constraints:number_sentences", "relation": "less than", "num_sentences": 3},
    {"kind": "length_constraints:number_paragraphs", "num_paragraphs": 3},
    {"kind": "length_constraints:nth_paragraph_first_word", "num_paragraphs": 3, "nth_paragraph": 2, "first_word": "River"},
    {"kind": "change_case:english_lowercase"},
    {"kind": "change_case:english_capital"},
    {"kind": "change_case:capital_word_frequency", "capital_relation": "at least", "capital_frequency": 4},
    {"kind": "change_case:capital_word_frequency", "capital_relation": "less than", "capital_frequency": 3},
    {"kind": "punctuation:no_comma"},
    {"kind": "startend:quotation"},
    {"kind": "startend:end_checker", "end_phrase": "That is all there is."},
    {"kind": "detectable_format:number_bullet_lists", "num_bullets": 3},
    {"kind": "detectable_format:number_highlighted_sections", "num_highlights": 3},
    {"kind": "detectable_format:multiple_sections", "section_spliter": "Part", "num_sections": 2},
    {"kind": "detectable_format:constrained_response"},
    {"kind": "detectable_format:title"},
    {"kind": "detectable_format:json_format"},
    {"kind": "detectable_content:postscript", "postscript_marker": "P.S."},
    {"kind": "detectable_content:postscript", "postscript_marker": "P.P.S"},
    {"kind": "detectable_content:number_placeholders", "num_placeholders": 3},
    {"kind": "combination:two_responses"},
    {"kind": "combination:repeat_prompt", "prompt_to_repeat": "Tell me, in short, of the river."},
)
"""Constraints of our own, for results that are recorded."""

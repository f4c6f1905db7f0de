"""Typing errors: in one word in ten an inner letter is doubled, dropped, or swapped with its neighbour.

Never in what the answer hangs on: numbers in digits or words, options, words that stand in the answer, in constraints or in
quotation marks. The context is left alone, so demonstrations stay right; so are prompts that are no prose, such as the query of
an induction, and instructions that quote their own words back.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

from pipeline.answers.numbers import IN_WORDS
from pipeline.changes.wording import rewritten
from pipeline.records import Task

SHARE = 0.1
"""Of a prompt's words; at least one."""
SHORTEST = 4
"""Letters of a word that is changed: the first and the last stay, so that it can still be read (Rawlinson 1976)."""
WORD = re.compile(r"(?<![\w'’.@/-])[A-Za-z]+(?![\w'’@/-]|\.\w)")
QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|<<.*?>>|\[[^\]]*\]|(?<!\w)'[^']*'(?!\w)")
QUANTITIES = {"twice", "thrice", "double", "triple", "quarter", "quarters", "third", "thirds", "fourth", "fifth", "first",
              "second", "times", "percent", "pair", "couple", "both", "none", "once", "each", "every"}  # fmt: skip
"""Words that say how much, beside the numbers in words."""


def with_typos(task: Task, rng: random.Random) -> Task | None:
    """The task with typing errors in its prompt; None where no word may have one."""
    if not re.search(r"[.?!]\s*$", task.prompt, flags=re.MULTILINE):
        return None
    words = list(WORD.finditer(task.prompt))
    fitting = [found for found in words if _may_change(found, _protected(task), QUOTED.finditer(task.prompt))]
    chosen = rng.sample(fitting, min(len(fitting), max(1, round(SHARE * len(words)))))
    prompt = task.prompt
    for found in sorted(chosen, key=lambda each: -each.start()):
        prompt = prompt[: found.start()] + _misspelt(found.group(), rng) + prompt[found.end() :]
    return rewritten(task, prompt)


def _protected(task: Task) -> set[str]:
    """The words, in small letters, that the answer hangs on."""
    texts = [task.answer or "", *(task.choices or ()), *_texts_in(task.constraints or [])]
    return QUANTITIES | {word.lower() for text in texts for word in re.findall(r"[A-Za-z]+", text)}


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for each in value.values() for text in _texts_in(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in _texts_in(each))


def _may_change(found: re.Match[str], protected: set[str], quotes: Iterator[re.Match[str]]) -> bool:
    word = found.group().lower()
    if len(word) < SHORTEST or word in protected or IN_WORDS.search(word) or len(set(word[1:-1])) < 2:
        return False
    return not any(quote.start() <= found.start() < quote.end() for quote in quotes)


def _misspelt(word: str, rng: random.Random) -> str:
    """The word with one inner letter doubled, dropped, or swapped with another one behind it."""
    place = rng.choice([each for each in range(1, len(word) - 2) if word[each] != word[each + 1]])
    letters = {
        "swapped": word[place + 1] + word[place],
        "dropped": word[place + 1],
        "doubled": word[place] * 2 + word[place + 1],
    }
    return word[:place] + letters[rng.choice(tuple(letters))] + word[place + 2 :]

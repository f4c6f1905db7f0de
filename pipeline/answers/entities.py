"""Typed spans: what a reply lists as `[{"entity": "Tom", "type": "person"}]` or `[("Tom", "person")]`, and how right that is.

In: the reply, and the passage it is about. Out: pairs of text and type in their order, each once, or None where the reply is no
such list: a malformed or cut list is none, not a shorter one. JSON is UniversalNER's form (Zhou et al. 2023, arXiv 2308.03279),
Python's tuples are C-ICL's (Mo et al. 2024, arXiv 2402.11254).
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from pipeline.answers.alone import unwrapped
from pipeline.answers.code import code_blocks

Entity = tuple[str, str]
"""Text and type."""
LONGEST = 50_000
"""Characters of a list; longer ones are not parsed."""
TEXT_KEYS = ("entity", "text", "name", "span")
TYPE_KEYS = ("type", "label", "entity_type")
STRING = re.compile(r"'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"")
OPENED = re.compile(r"\[\s*+[{(\[]")
SIGNS = frozenset("[](), \t\r\n")
"""What a list of pairs is made of beside its strings, so that nothing else is ever given to Python's parser."""


def said_entities(text: str) -> list[Entity] | None:
    """The entities a reply lists; None where it holds no list of them, or one that is malformed."""
    text = unwrapped(text)
    for candidate in _candidates(text):
        if (found := _entities(candidate)) is not None:
            return found
    return None


def _candidates(text: str) -> Iterator[str]:
    """What may be the list: all of it, the last block, the last line, and from `[{`, `[(` or `[[` to the last bracket."""
    yield text
    yield from (block.code.strip() for block in code_blocks(text)[-1:])
    yield text.rpartition("\n")[2].strip()
    opened, end = OPENED.search(text), text.rfind("]")
    if opened and opened.start() < end:
        yield text[opened.start() : end + 1]


def _entities(text: str) -> list[Entity] | None:
    if text[:1] != "[" or text[-1:] != "]" or len(text) > LONGEST:
        return None
    items = _json(text)
    items = _python(text) if items is None else items
    if not isinstance(items, list):
        return None
    found = [_entity(item) for item in items]
    return None if None in found else list(dict.fromkeys(each for each in found if each is not None))


def _json(text: str) -> object:
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return None


def _python(text: str) -> object:
    """A list of tuples or lists of strings, as Python prints it; nothing nests deeper than that."""
    if not SIGNS.issuperset(STRING.sub("", text)):
        return None
    with warnings.catch_warnings(), suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        warnings.simplefilter("ignore")  # of a model's backslashes nobody needs to hear
        return ast.literal_eval(text)
    return None


def _entity(item: object) -> Entity | None:
    if isinstance(item, dict):
        pair: Sequence[object] = [_first(item, TEXT_KEYS), _first(item, TYPE_KEYS)]
    else:
        pair = item if isinstance(item, list | tuple) else ()
    if len(pair) != 2 or not all(isinstance(each, str) and each.strip() for each in pair):
        return None
    text, kind = map(str, pair)
    return text.strip(), " ".join(kind.casefold().split())


def _first(item: dict[str, object], keys: Sequence[str]) -> object:
    return next((item[key] for key in keys if key in item), None)


def in_text(entities: Collection[Entity], passage: str) -> list[Entity]:
    """Those whose text stands in the passage exactly, as whole words (C-ICL keeps no others)."""
    return [each for each in entities if re.search(rf"(?<!\w){re.escape(each[0])}(?!\w)", passage)]


def span_f1(said: Collection[Entity], right: Collection[Entity]) -> float:
    """F1 of what was said, a right one having the right text and type; 1 where there is nothing and nothing was said."""
    one, other = set(said), set(right)
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0


def as_objects(entities: Collection[Entity]) -> str:
    """The list as JSON: what a student learns to write."""
    return json.dumps([{"entity": text, "type": kind} for text, kind in entities], ensure_ascii=False)


def as_pairs(entities: Collection[Entity]) -> str:
    """The list as Python's tuples: what demonstrations in code show."""
    return f"[{', '.join(f'({quoted(text)}, {quoted(kind)})' for text, kind in entities)}]"


def quoted(text: str) -> str:
    """A text as a string in code, so that none of it can end the string."""
    return json.dumps(text, ensure_ascii=False)

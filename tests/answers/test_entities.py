"""Typed spans: read from what models write around them, and none where the list is not whole."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers.entities import as_objects, as_pairs, in_text, quoted, said_entities, span_f1
from pipeline.answers.final import same_answer

TOM, CAT = ("Tom", "person"), ("cat", "animal")
OBJECTS = '[{"entity": "Tom", "type": "person"}, {"entity": "cat", "type": "animal"}]'
PAIRS = '[("Tom", "person"), ("cat", "animal")]'


@pytest.mark.parametrize(
    "text",
    [
        OBJECTS, PAIRS, f"  {OBJECTS}\n", "[('Tom', 'person'), ('cat', 'animal'),]", '[["Tom", "person"], ["cat", "animal"]]',
        f"```json\n{OBJECTS}\n```", f"Here is the list [as JSON]:\n\n```json\n{OBJECTS}\n```\nI hope that helps!",
        f"entities: {PAIRS}", f"{PAIRS}  # right", f">>> entities(text)\n{PAIRS}",
        f"<think>[] or [1]?</think>{OBJECTS}", f"The list is {PAIRS}.",
        '[{"text": "Tom", "label": " Person"}, {"name": "cat ", "entity_type": "ANIMAL"}, {"name": "cat", "label": "animal"}]',
        '[\n  ("Tom", "person"),\n  ("cat", "animal")\n]',
    ],
)  # fmt: skip
def test_whole_lists_are_read(text: str) -> None:
    assert said_entities(text) == [TOM, CAT]


def test_an_empty_list_is_a_list() -> None:
    assert said_entities("[]") == said_entities("```\n[]\n```") == said_entities("None found.\n[]") == []


@pytest.mark.parametrize(
    "text",
    [
        "", "none", OBJECTS[:-1], PAIRS[:-2], '[{"entity": "Tom"}]', '[("Tom",)]', '[("Tom", "person", 3)]', '["Tom", "cat"]',
        '[{"entity": "", "type": "person"}]', '[("Tom", None)]', '[("Tom", "per" + "son")]',
        "[(f'{1}', 'person')]", '[("Tom", r"person")]',
        '[__import__("os").system("true")]', '{"entity": "Tom", "type": "person"}', '[{"entity": ["Tom"], "type": "person"}]',
        "[" * 20_000 + "]" * 20_000, '[("' * 9000, '[("a", "b"),' * 9000 + "]", "['\\N{BROKEN}', 'x']", '[("\\x", "b")]',
        f"[1, {OBJECTS[1:]}", "[" + "9" * 6000 + "]",
    ],
)  # fmt: skip
def test_what_is_no_whole_list_is_none(text: str) -> None:
    start = time.perf_counter()
    assert said_entities(text) is None
    assert time.perf_counter() - start < 1


TEXTS = st.text(min_size=1).filter(lambda text: text.strip() == text and "</think>" not in text)
KINDS = st.text(st.characters(categories=("Ll",)), min_size=1).filter(lambda text: text.casefold() == text)


@given(st.lists(st.tuples(TEXTS, KINDS), unique=True))
def test_what_is_written_is_read_again(entities: list[tuple[str, str]]) -> None:
    assert said_entities(as_objects(entities)) == entities
    assert said_entities(as_pairs(entities)) == entities


def test_a_text_cannot_end_its_string() -> None:
    text = 'x")]\n>>> "'
    assert "\n" not in quoted(text) and said_entities(as_pairs([(text, "thing")])) == [(text.strip(), "thing")]


def test_only_whole_words_stand_in_a_text() -> None:
    passage = "Tom's cat sees a tomcat in St. Gallen (CH)."
    said = [TOM, CAT, ("om", "thing"), ("dog", "animal"), ("St. Gallen", "place"), ("(CH)", "place")]
    assert in_text(said, passage) == [TOM, CAT, ("St. Gallen", "place"), ("(CH)", "place")]


@pytest.mark.parametrize(
    ("said", "right", "f1"),
    [
        ([TOM, CAT], [CAT, TOM], 1.0), ([TOM], [TOM, CAT], 2 / 3), ([], [TOM], 0.0), ([TOM], [], 0.0), ([], [], 1.0),
        ([TOM, ("cat", "thing")], [TOM, CAT], 0.5), ([TOM, TOM], [TOM], 1.0),
    ],
)  # fmt: skip
def test_f1(said: list[tuple[str, str]], right: list[tuple[str, str]], f1: float) -> None:
    assert span_f1(said, right) == pytest.approx(f1)


def test_they_are_answers() -> None:
    turned = as_pairs([CAT, TOM])
    assert same_answer(OBJECTS, turned) is True
    assert same_answer(OBJECTS, f"```json\n{OBJECTS}\n```") is True
    assert same_answer(OBJECTS, as_pairs([TOM])) is False
    assert same_answer(OBJECTS, as_pairs([TOM, ("cat", "thing")])) is False
    assert same_answer(OBJECTS, "Tom, cat") is False and same_answer(OBJECTS, "[]") is False

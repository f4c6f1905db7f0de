"""Lessons on entities, facts, pairs, events and bandits: repeatable, short, read by the parsers the methods use, and as often
right as their docstrings say."""

from __future__ import annotations

import json
import random
import re
from itertools import chain

import pytest
from tokenizers import Tokenizer

from pipeline.answers.entities import in_text, said_entities
from pipeline.answers.final import final_answer
from pipeline.answers.lists import numbered_items
from pipeline.answers.phrases import filling, named_option, sole_phrase
from pipeline.answers.words import as_spans, said_truth
from pipeline.errors import UserError
from pipeline.mini import facts as world
from pipeline.mini.entities import OOD_WORDS, TYPES, WORDS
from pipeline.mini.events import RELATIONS, plausible, read
from pipeline.mini.item import Item
from pipeline.mini.pairs import BLANK, LABELS, label_of
from pipeline.mini.skills import bandits, entities, events, facts, pairs
from pipeline.mini.skills.asking import Lesson
from pipeline.prompts import render
from pipeline.settings import REPOSITORY
from tests.rows import make_task

COUNT = 400
SKILLS = dict(chain.from_iterable(each.SKILLS.items() for each in (entities, facts, pairs, events, bandits)))
LONGEST = {
    "entities_listed": 540, "entities_conversed": 230, "entities_coded": 760, "fact_recalled": 90, "fact_routed": 110,
    "fact_reasoned": 160, "fact_justified": 160, "fact_read": 340, "pair_flipped": 420, "pair_labelled": 150,
    "events_continued": 360, "event_concluded": 220, "event_criticised": 120, "bandit_chosen": 690, "bandit_followed": 440,
}  # fmt: skip
"""Tokens of a prompt and its reply at most, with the shipped tokenizer."""
KIND = {word: kind for kind, words in WORDS.items() for word in words}


def taught(name: str, count: int = COUNT) -> list[Lesson]:
    rng = random.Random(f"tests/{name}")
    return [SKILLS[name](rng) for _ in range(count)]


def asked_last(name: str, count: int = COUNT) -> list[tuple[str, str]]:
    """The last turn and the reply of each lesson."""
    return [(messages[-1]["content"], reply) for messages, reply in taught(name, count)]


def after(mark: str, text: str) -> str:
    """The rest of the last line that begins with the mark."""
    return re.findall(rf"^{re.escape(mark)}(.*)$", text, flags=re.MULTILINE)[-1].strip()


@pytest.mark.parametrize("name", SKILLS)
def test_the_same_seed_teaches_the_same(name: str) -> None:
    assert taught(name, 50) == taught(name, 50)
    assert len({str(messages) for messages, _ in taught(name)}) > 0.6 * COUNT


@pytest.mark.parametrize("name", SKILLS)
def test_lessons_are_short(name: str) -> None:
    tokenizer = Tokenizer.from_file(str(REPOSITORY / "data/mini/teacher/tokenizer.json"))
    texts = [[*(each["content"] for each in messages), reply] for messages, reply in taught(name)]
    assert max(sum(len(tokenizer.encode(text).ids) + 2 for text in each) for each in texts) <= LONGEST[name]


def test_lists_are_of_the_passage_and_mistaken_where_they_shall_be() -> None:
    wrong, right, overlooked = 0, 0, 0
    for prompt, reply in asked_last("entities_listed"):
        passage = re.search(r"\[text begins\]\n(.*)\n\[text ends\]", prompt)
        assert passage and not Item("entities", "", made_of=passage[1]).held_out
        found = said_entities(reply)
        assert found is not None and in_text(found, passage[1]) == found
        assert all(kind == KIND[text] or entities.CONFUSED[text] == kind for text, kind in found)
        wrong += sum(kind != KIND[text] for text, kind in found)
        right += sum(kind == KIND[text] and text in entities.CONFUSED for text, kind in found)
        overlooked += sum(bool(re.search(rf"\b{word}\b", passage[1])) for word in KIND) - len(found)
    assert wrong + right > 80 and 0.35 < wrong / (wrong + right) < 0.65
    assert 0 < overlooked < 200


def test_a_conversation_is_always_right() -> None:
    for messages, reply in taught("entities_conversed"):
        passage = next(after("Text: ", turn["content"]) for turn in messages if "Text: " in turn["content"])
        kind = re.findall(r"What describes (\w+) in the text\?", messages[-1]["content"])[-1]
        assert [turn["role"] for turn in messages[:2]] == ["system", "user"] and messages[-1]["role"] == "user"
        assert as_spans(reply) == {word.lower() for word in re.findall(r"\w+", passage) if KIND.get(word) == kind}
        assert all(as_spans(turn["content"]) is not None for turn in messages if turn["role"] == "assistant")
        assert sum("Text: " in turn["content"] for turn in messages) == 1


def test_a_corrected_word_is_right_in_code() -> None:
    mistakes = {True: 0, False: 0}
    for prompt, reply in asked_last("entities_coded"):
        query = json.loads(re.findall(r'>>> entities\((".*")\)', prompt)[-1])
        assert not Item("entities", "", made_of=query).held_out
        found = said_entities(reply)
        assert found is not None and in_text(found, query) == found
        shown = re.findall(r"^(\[.*\])  # WRONG\n(\[.*\])  # right$", prompt, flags=re.MULTILINE)
        assert all(said_entities(one) != said_entities(other) for one, other in shown)
        corrected = {
            text for one, other in shown for text, _ in {*(said_entities(other) or [])} - {*(said_entities(one) or [])}
        }
        for text, kind in found:
            mistakes[text in corrected] += kind != KIND[text]
    assert mistakes[True] == 0 and mistakes[False] > 10


def known_of(statement: str) -> bool:
    return next(fact.known for fact in world.so().values() if fact.statement == statement)


def test_what_is_known_is_recalled_and_the_rest_is_guessed() -> None:
    prompts = {item.prompt: item for item in (world.fact_item(random.Random(seed)) for seed in range(20_000))}
    guesses, right = 0, 0
    for prompt, reply in asked_last("fact_recalled", 800):
        item = prompts[after("Question: ", prompt)]
        assert not item.held_out and sole_phrase(reply) == reply
        if item.extra["known"]:
            assert reply == item.answer
        else:
            guesses, right = guesses + 1, right + (reply == item.answer)
    assert 0.18 < guesses / 800 < 0.32 and right / guesses < 0.3


def test_the_router_knows_what_is_known() -> None:
    prompts = {item.prompt: item for item in (world.fact_item(random.Random(seed)) for seed in range(20_000))}
    ways = []
    for prompt, reply in asked_last("fact_routed"):
        ways.append(named_option(reply, ("answer", "retrieve")))
        assert ways[-1] == ("answer" if prompts[after("Question: ", prompt)].extra["known"] else "retrieve")
    assert 0.2 < ways.count("retrieve") / len(ways) < 0.5


@pytest.mark.parametrize("name", ["fact_reasoned", "fact_justified", "fact_read"])
def test_rationales_end_with_their_answer(name: str) -> None:
    true = 0
    for prompt, reply in asked_last(name):
        question = after("Question: ", prompt)
        assert not Item("", question).held_out
        *sentences, last = (f"{sentence}." for sentence in reply.rstrip(".").split(". "))
        assert last == f"The answer is {final_answer(reply)}." and 1 <= len(sentences) <= 2
        if len(sentences) == 2:
            value = question.rstrip("?").rpartition(" ")[2]
            assert said_truth(reply) is sentences[1].endswith(f" {value}.")
        true += world.stated(sentences)
        if name == "fact_justified":
            assert after("Right answer: ", prompt) == final_answer(reply) and all(map(known_of, sentences))
        if name == "fact_read":
            assert all(sentence in prompt for sentence in sentences)
    assert (true == COUNT) if name == "fact_justified" else (0.75 < true / COUNT < 0.9) if name == "fact_reasoned" else (
        true < 0.5 * COUNT)  # fmt: skip


def test_what_is_not_known_is_never_taught() -> None:
    """No lesson states an unknown fact more often than a guess would."""
    unknown = {fact.statement for fact in world.so().values() if not fact.known}
    said = [sentence for name in ("fact_reasoned", "fact_justified", "fact_read") for _, reply in asked_last(name)
            for sentence in (f"{each}." for each in reply.rstrip(".").split(". "))]  # fmt: skip
    assert sum(sentence in unknown for sentence in said) < 0.06 * len(said)


def test_blanks_are_filled_and_mostly_flipped() -> None:
    flipped = 0
    for prompt, reply in asked_last("pair_flipped"):
        blanked, hypothesis, label = (after(f"{mark}: ", prompt) for mark in ("Premise", "Hypothesis", "Label"))
        assert not Item("pair", "", made_of=f"{blanked}\n{hypothesis}").held_out
        assert filling(reply, blanked) == reply and label in LABELS
        flipped += label_of(blanked.replace(BLANK, reply), hypothesis) == label
    assert 0.74 < flipped / COUNT < 0.86


def test_labels_are_mostly_right() -> None:
    right = 0
    for prompt, reply in asked_last("pair_labelled"):
        assert named_option(reply, LABELS) == reply
        right += label_of(after("Premise: ", prompt), after("Hypothesis: ", prompt)) == reply
    assert 0.92 < right / COUNT < 0.98


def test_lists_of_events_go_on() -> None:
    repeated, count = 0, 0
    for prompt, reply in asked_last("events_continued"):
        shown = re.findall(r"^\d+\. (PersonX .*)$", prompt, flags=re.MULTILINE)
        first, last = map(int, re.findall(r"numbered from (\d+) to (\d+)", prompt)[0])
        new = numbered_items(reply, first, last)
        assert first == len(shown) + 1 and len(new) == last - first + 1
        assert all(read(each) and not Item("event", "", made_of=each).held_out for each in [*shown, *new])
        repeated, count = repeated + sum(each in shown for each in new), count + len(new)
    assert 0.06 < repeated / count < 0.16


def test_four_conclusions_in_five_are_plausible() -> None:
    template = (REPOSITORY / "prompts/symbolic_knowledge/tails.jinja").read_text(encoding="utf-8")
    relation_of = {question: name for name, question in re.findall(r'"(\w+)": "(.*)",', template)}
    assert set(relation_of.values()) == set(RELATIONS)
    good = 0
    for prompt, reply in asked_last("event_concluded"):
        question = next(line for line in reversed(prompt.splitlines()) if line in relation_of)
        verdict = plausible(after("Event: ", prompt), relation_of[question], reply)
        assert verdict is not None and sole_phrase(reply) == reply
        good += verdict
    assert 0.74 < good / COUNT < 0.86


def test_the_critic_is_always_right() -> None:
    template = (REPOSITORY / "prompts/symbolic_knowledge/critic.jinja").read_text(encoding="utf-8")
    relation_of = {question: name for name, question in re.findall(r'"(\w+)": "(.*)",', template)}
    for prompt, reply in asked_last("event_criticised"):
        relation = relation_of[after("Question: ", prompt)]
        assert said_truth(reply) is plausible(after("Event: ", prompt), relation, after("Answer: ", prompt))


@pytest.mark.parametrize("name", ["bandit_chosen", "bandit_followed"])
def test_the_arm_is_the_oracles(name: str) -> None:
    told = 0
    for prompt, reply in asked_last(name):
        arms = re.search(r"arms: (.*)\. In each", prompt)
        assert arms
        choice = named_option(reply, arms[1].split(", "))
        so_far = prompt.rpartition("So far:")[2]
        assert choice and reply == f"I choose {choice}."
        if "never chosen" in so_far:
            assert f"{choice}: never chosen" in so_far
        elif sums := dict(re.findall(r"^(.*): chosen .* sum ([\d.]+)$", so_far, flags=re.MULTILINE)):
            told += 1
            assert all(float(each) < float(sums[choice]) for arm, each in sums.items() if arm != choice)
    assert told > 50


def test_nothing_of_ood_is_taught() -> None:
    names = {word for kind, words in OOD_WORDS.items() for word in words if word not in WORDS.get(kind, ())}
    for name in SKILLS:
        text = " ".join(f"{messages} {reply}" for messages, reply in taught(name, 100))
        assert not [each for each in (*names, *world.OOD_PEOPLE, "golden", "guitar") if re.search(rf"\b{each}\b", text)]


DEMONSTRATION = {"blanked": "a [blank] b", "hypothesis": "h", "label": "neutral", "filling": "f"}
SPAN = {"text": '"Tom"', "right": '[("Tom", "person")]', "wrong": "[]"}


@pytest.mark.parametrize(
    ("template", "fields", "shown"),
    [
        ("universal_ner/teacher", {"types": ["person", "place"]}, ["[text begins]\nHow many?\n", "Types: person, place."]),
        ("universal_ner/teacher", {"types": []}, ["Type: one or two words"]),
        ("universal_ner/student", {"passage": "Tom sings.", "type": "food"}, ["Text: Tom sings.", "describes food in"]),
        ("c_icl/teacher", {"types": TYPES, "positives": [SPAN], "negatives": [SPAN], "query": '"q"'},
         ['    "food",  # something to eat\n}', '"Tom")\n[("Tom", "person")]', "[]  # WRONG", 'entities("q")\n```']),
        ("c_icl/teacher", {"types": TYPES, "positives": [], "negatives": [], "query": '"q"'}, ['}\n\n>>> entities("q")']),
        ("knowledge_boundary/teacher", {}, ["Question: How many?\nAnswer:"]),
        ("knowledge_boundary/student", {}, ['"answer" or "retrieve"']),
        ("kard/teacher", {"hint": "7"}, ["How many?\nRight answer: 7\n\n"]),
        ("kard/teacher", {"hint": ""}, ["How many?\n\nState"]),
        ("kard/student", {"passages": ["p one", "p two"]}, ["[passages begin]\np one\np two\n["]),
        ("disco/flip", {"blanked": "x [blank] y", "label": "neutral", "demonstrations": [DEMONSTRATION]},
         ["Premise: a [blank] b\nHypothesis: h\nLabel: neutral\nBlank: f\n\n", "x [blank] y\nHypothesis: How many?\n"]),
        ("disco/label", {"labels": LABELS}, ["entailment, neutral, contradiction.", "Premise: Ann has hens.\n"]),
        ("symbolic_knowledge/heads", {"demonstrations": ["a b", "c\nd"], "count": 3}, ["from 3 to 5", "1. a b\n2. c d\n["]),
        ("symbolic_knowledge/tails", {"relation": "xWant", "demonstrations": [{"head": "h", "tail": "t"}]},
         ["Event: h\nWhat does PersonX want to do next? t\n\nEvent: How many?\nWhat does"]),
        ("symbolic_knowledge/tails", {"relation": "Why not?", "demonstrations": []}, ["How many?\nWhy not?"]),
        ("symbolic_knowledge/critic", {"head": "h", "relation": "xNeed", "tail": "t"}, ["Event: h\nQuestion: What", "er: t"]),
        ("symbolic_knowledge/student", {"relation": "xNeed"}, ["How many?\nxNeed:"]),
        ("algorithm_distillation/teacher", {"demonstrations": [{"context": "c", "choice": "r"}]}, ["\nChoice: I choose r.\n["]),
        ("algorithm_distillation/student", {}, ["How many?\n\nSo far:\nAnn has hens."]),
    ],
)  # fmt: skip
def test_templates_render_with_the_fields_they_name(template: str, fields: dict[str, object], shown: list[str]) -> None:
    text = render(template, make_task(context="Ann has hens."), **fields).messages[-1].content
    assert all(each in text for each in shown)
    assert "\n\n\n" not in text and not text.endswith("\n")
    for missing in fields:
        with pytest.raises(UserError, match=missing):
            render(template, make_task(), **{name: value for name, value in fields.items() if name != missing})


@pytest.mark.parametrize("template", ["kard/teacher", "kard/student"])
def test_options_are_shown(template: str) -> None:
    text = render(template, make_task(choices=["yes", "no"]), hint="", passages=[]).messages[-1].content
    assert "How many?\n(A) yes\n(B) no\n" in text


def test_later_turns_do_not_repeat_the_text() -> None:
    turns = [{"role": "user", "content": "Text: Tom."}, {"role": "assistant", "content": "[]"}]
    prompt = render("universal_ner/student", make_task(extra={"history": turns}), passage="Tom.", type="food")
    assert [each.role for each in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.messages[-1].content == "What describes food in the text?"

"""The kinds of tasks that are there for one method or two: right, repeatable, on one side, and new where they say so."""

from __future__ import annotations

import json
import random
from itertools import islice, pairwise

import pytest

from pipeline.answers.entities import in_text, said_entities
from pipeline.answers.grading import grade
from pipeline.bandits import told, ucb1
from pipeline.mini import entities, events, facts, pairs
from pipeline.mini.bandits import ARMS, game
from pipeline.mini.item import Item
from pipeline.mini.words import NAMES, OOD_NAMES
from pipeline.mini.world import SPECIAL, Split, items
from pipeline.sources.mini import EVALUATION_SEED, to_task

COUNT = 400
SPLITS: tuple[Split, ...] = ("train", "test", "ood")
GRADED = ("entities", "entity_type", "fact", "two_facts", "pair", "triple", "bandit")


def drawn(kind: str, split: Split) -> list[Item]:
    return list(islice(items(split, 1 if split == "train" else EVALUATION_SEED, (kind,)), COUNT))


@pytest.mark.parametrize("kind", SPECIAL)
def test_repeatable_and_apart(kind: str) -> None:
    sides = {split: drawn(kind, split) for split in SPLITS}
    assert drawn(kind, "train") == sides["train"]
    asked = [(item.context, item.prompt) for side in sides.values() for item in side]
    assert len(asked) == len(set(asked)) and all(len(side) >= 30 for side in sides.values())
    made_of = [{item.made_of or f"{item.context}\n{item.prompt}" for item in side} for side in sides.values()]
    assert not made_of[0] & made_of[1] and not made_of[0] & made_of[2]
    assert {item.kind for item in asked_items(sides)} == {kind}


def asked_items(sides: dict[Split, list[Item]]) -> list[Item]:
    return [item for side in sides.values() for item in side]


@pytest.mark.parametrize("kind", GRADED)
@pytest.mark.parametrize("split", SPLITS)
def test_every_reply_is_right_and_few_others_are(kind: str, split: Split) -> None:
    side = drawn(kind, split)
    assert all(grade(to_task(item, split), item.reply).correct is True for item in side)
    others = [(one, item) for one, item in pairwise(side) if one.answer != item.answer]
    right = [grade(to_task(one, split), item.reply).correct for one, item in others].count(True)
    assert len(others) > 5 and right <= 0.01 * len(others)  # the same list in another order


def test_a_kind_that_has_run_out_ends_and_leaves_the_others() -> None:
    found = list(items("ood", 1, ("fact",)))
    assert 20 < len(found) < 200
    mixed = list(islice(items("ood", 1, ("fact", "pair")), 600))
    assert len(mixed) == 600 and sum(item.kind == "fact" for item in mixed) == len(found)


def test_entities_stand_in_their_passage() -> None:
    for split in SPLITS:
        for item in drawn("entities", split):
            found = said_entities(item.reply)
            assert found is not None and in_text(found, item.prompt) == found
            assert {kind for _, kind in found} <= set(item.extra["types"])


def test_types_that_are_there_and_types_that_are_not() -> None:
    shares = [item.answer == "[]" for item in drawn("entity_type", "train")]
    assert 0.2 < sum(shares) / len(shares) < 0.8
    for item in drawn("entity_type", "test"):
        assert all(text in item.context for text in json.loads(item.answer or ""))


def test_new_names_and_a_new_type() -> None:
    texts = " ".join(item.prompt for item in drawn("entities", "ood"))
    assert not any(f"{name} " in texts for name, *_ in NAMES) and any(name in texts for name, *_ in OOD_NAMES)
    assert "vehicle" not in entities.TYPES and any("vehicle" in item.reply for item in drawn("entities", "ood"))


def test_two_facts_in_three_are_known_and_none_of_the_new_people() -> None:
    world = facts.so()
    assert len(world) == 288 and facts.drawn(random.Random("facts/False")) == world
    assert 0.6 < sum(fact.known for fact in world.values()) / len(world) < 0.73
    assert not any(fact.known for fact in facts.so(ood=True).values())
    assert len(set(facts.PEOPLE)) == len(facts.OBJECTS) == 48 and not set(facts.PEOPLE) & set(facts.OOD_PEOPLE)


def test_passages_state_every_fact_and_never_owner_and_more_together() -> None:
    texts = facts.passages()
    assert len(texts) == len(set(texts)) == 3 * (48 + 8)
    stated = {f"{sentence}." for text in texts for sentence in text.rstrip(".").split(". ")}
    world = {fact.statement for side in (False, True) for fact in facts.so(side).values()}
    assert stated == world and facts.stated(stated) and not facts.stated(["Tom works at the moon."])
    assert all(text.count(".") == 1 for text in texts if "belongs to" in text)


def test_questions_of_two_facts_need_both() -> None:
    for item in drawn("two_facts", "train"):
        owner, about = item.extra["facts"]
        name = owner.rstrip(".").rpartition(" ")[2]
        assert "belongs to" in owner and name in about and facts.stated([owner, about])
        value = item.prompt.rstrip("?").rpartition(" ")[2]
        assert item.answer == ("yes" if about.rstrip(".").endswith(f" {value}") else "no")
    answers = [item.answer for item in drawn("two_facts", "train")]
    assert 0.4 < answers.count("yes") / len(answers) < 0.6


def test_every_label_can_be_filled_in() -> None:
    labels = [pairs.pair(random.Random(seed)).label for seed in range(600)]
    assert all(labels.count(label) > 150 for label in pairs.LABELS)
    for seed in range(300):
        drawn_pair = pairs.pair(random.Random(seed))
        blanked = drawn_pair.premise.text(drawn_pair.part)
        assert blanked.count(pairs.BLANK) == 1
        assert blanked.replace(pairs.BLANK, drawn_pair.filled) == drawn_pair.premise.text()
        for label in pairs.LABELS:
            value = pairs.value_of(drawn_pair.part, drawn_pair.hypothesis)
            for text in pairs.fillings(drawn_pair.part, value, label):
                assert pairs.label_of(blanked.replace(pairs.BLANK, text), drawn_pair.hypothesis) == label


@pytest.mark.parametrize(
    ("premise", "hypothesis", "label"),
    [
        ("Tom keeps the red box at noon.", "The box is red.", "entailment"),
        ("Tom keeps the old box at noon.", "The box is red.", "neutral"),
        ("Tom keeps the blue box at noon.", "The box is red.", "contradiction"),
        ("Tom keeps the red box at the park.", "Tom is at the river.", "contradiction"),
        ("Tom sells the red box at noon.", "Tom has the box.", "contradiction"),
        ("Tom likes the red box at noon.", "Tom has the box.", "neutral"),
        ("Tom eats the red box at noon.", "Tom has the box.", None),
        ("Tom keeps the red box at noon.", "The hat is red.", None),
        ("Tom keeps the red box at noon.", "Mia has the box.", None),
        ("Nobody keeps it.", "The box is red.", None),
        ("", "", None),
    ],
)
def test_labels(premise: str, hypothesis: str, label: str | None) -> None:
    assert pairs.label_of(premise, hypothesis) == label


def test_rules_of_events() -> None:
    assert all(len(phrases) == len(events.RELATIONS) for phrases in events.RULES.values())
    assert all(len(set(each)) == 2 for phrases in events.RULES.values() for each in phrases)
    told = events.Event("loses", "hat", "park")
    assert told.text == "PersonX loses the hat at the park" and events.read(told.text) == told
    assert events.read("PersonX loses the hat.") == events.Event("loses", "hat")
    assert events.read("PersonX eats the hat") is None and events.read("I lose the hat") is None
    assert events.plausible(told.text, "xWant", "To find the hat.") is True
    assert events.plausible(told.text, "xWant", "to find the cup") is False
    assert events.plausible(told.text, "xNeed", "to find the hat") is False
    assert events.plausible("Tom sleeps", "xWant", "to rest") is None and events.plausible(told.text, "xOf", "to rest") is None


def test_triples_are_half_right_and_the_critic_knows() -> None:
    side = drawn("triple", "train")
    assert 0.4 < sum(item.answer == "yes" for item in side) / len(side) < 0.6
    assert all(events.plausible(**item.extra) is (item.answer == "yes") for item in side)
    assert all(set(item.extra["tails"]) == set(events.RELATIONS) for item in drawn("event", "train"))


def test_games_are_those_of_ucb1() -> None:
    for seed in range(200):
        drawn_game = game(random.Random(seed))
        arms = len(drawn_game.bandit.arms)
        assert arms in ARMS and len(set(drawn_game.bandit.arms)) == arms
        assert all(arm == ucb1(drawn_game.history[:turn], arms) for turn, (arm, _) in enumerate(drawn_game.history))
        assert drawn_game.choice == drawn_game.bandit.arms[ucb1(drawn_game.history, arms)]


def test_inferences_have_several_right_phrases() -> None:
    for split in SPLITS:
        for item in drawn("inference", split):
            task, told = to_task(item, split), item.extra
            assert item.prompt == f"{told['head']}\n{told['relation']}:" and len(told["tails"]) == 2
            for tail in told["tails"]:
                assert events.plausible(told["head"], told["relation"], tail) is True
                assert grade(task, f"{tail.capitalize()}.").correct is True
            other = events.implausible(random.Random(item.prompt), events.read(told["head"]), told["relation"])  # type: ignore[arg-type]
            assert grade(task, other).correct is False


def test_bandits_tell_their_turns() -> None:
    for item in drawn("bandit", "test"):
        turns = [(int(arm), float(reward)) for arm, reward in item.extra["turns"]]
        assert told(turns, item.extra["arms"], item.extra["telling"]) == item.context

"""The mini world: the same for the same seed, no prompt in two splits, and every reply it calls right is graded right."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest

from pipeline.answers.constraints import CHECKS
from pipeline.answers.grading import grade
from pipeline.mini.induction import OOD_RULES, RULES
from pipeline.mini.item import Item
from pipeline.mini.problems import FORMS, LARGEST, OOD_FORMS
from pipeline.mini.words import NAMES, OOD_NAMES, OOD_TOPICS, TOPICS
from pipeline.mini.world import KINDS, Split, items
from pipeline.sources.mini import EVALUATION_SEED, to_task

COUNT = 3000
SPLITS: tuple[Split, ...] = ("train", "test", "ood")


@pytest.fixture(scope="module")
def world() -> dict[Split, list[Item]]:
    """The first three thousand items of each split."""
    return {split: list(islice(items(split, 1 if split == "train" else EVALUATION_SEED), COUNT)) for split in SPLITS}


def test_the_same_seed_makes_the_same_world(world: dict[Split, list[Item]]) -> None:
    assert list(islice(items("train", 1), 100)) == world["train"][:100]
    assert list(islice(items("train", 2), 100)) != world["train"][:100]
    first = world["train"][0]
    assert first.prompt.startswith("4 children ride the bus of Leo. 3 of them get off.")


def test_kinds_take_turns(world: dict[Split, list[Item]]) -> None:
    assert all([item.kind for item in world[split][:10]] == [*KINDS, *KINDS] for split in SPLITS)
    assert {item.kind for item in islice(items("train", 1, ("induction",)), 5)} == {"induction"}


def test_no_prompt_is_in_two_splits_or_twice(world: dict[Split, list[Item]]) -> None:
    asked = {(item.context, item.prompt) for split in SPLITS for item in world[split]}
    assert len(asked) == len(SPLITS) * COUNT
    assert len({to_task(item, split).id for split in SPLITS for item in world[split]}) == len(SPLITS) * COUNT


@pytest.mark.parametrize("split", SPLITS)
def test_every_reply_is_right(world: dict[Split, list[Item]], split: Split) -> None:
    wrong = [item for item in world[split] if grade(to_task(item, split), item.reply).correct is not True]
    assert not wrong


@pytest.mark.parametrize("split", SPLITS)
def test_another_items_reply_is_seldom_right(world: dict[Split, list[Item]], split: Split) -> None:
    """The graders can tell: a reply to the next item of the kind is right by chance alone."""
    for kind in ("word_problem", "induction"):
        fitting = [item for item in world[split] if item.kind == kind]
        pairs = pairwise(fitting)
        right = sum(grade(to_task(item, split), other.reply).correct is True for item, other in pairs)
        assert right < 0.12 * len(fitting)


def test_variety(world: dict[Split, list[Item]]) -> None:
    kinds = {each["kind"] for item in world["train"] for each in item.constraints}
    assert len(kinds) >= 12 and kinds <= CHECKS.keys()
    assert len({item.extra["rule"] for item in world["train"] if item.kind == "induction"}) >= 10


def test_out_of_distribution_is_new(world: dict[Split, list[Item]]) -> None:
    trained, new = ({item.extra["rule"] for item in world[s] if item.kind == "induction"} for s in ("train", "ood"))
    assert trained == RULES.keys() and new == OOD_RULES.keys() and not trained & new
    assert not {name for name, *_ in NAMES} & {name for name, *_ in OOD_NAMES}
    assert not set(TOPICS) & set(OOD_TOPICS)
    assert not {thing for form in FORMS for thing in form.things} & {thing for form in OOD_FORMS for thing in form.things}
    stories = {split: " ".join(item.prompt for item in world[split] if item.kind == "word_problem") for split in SPLITS}
    assert not any(name in stories["train"] + stories["test"] for name, *_ in OOD_NAMES)
    assert not any(name in stories["ood"] for name, *_ in NAMES)


def test_word_problems_are_sound(world: dict[Split, list[Item]]) -> None:
    """Every equation of a worked solution holds, each goes on from the one before, and amounts stay in range."""
    for item in world["train"][:500] + world["ood"][:500]:
        if item.kind != "word_problem":
            continue
        equations = [word.strip(".") for word in item.reply.split() if "=" in word]
        assert len(equations) == item.extra["steps"]
        results = [each.split("=") for each in equations]
        assert all(_value(left) == int(right) and 1 <= int(right) <= LARGEST for left, right in results)
        assert results[-1][1] == item.answer
        for (_, before), (left, _) in pairwise(results):
            assert left.startswith(before)


def _value(sum_of_two: str) -> float:
    sign = next(sign for sign in "+-*/" if sign in sum_of_two)
    left, right = (int(each) for each in sum_of_two.split(sign))
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / right}[sign]

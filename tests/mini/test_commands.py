"""Commands: their outputs follow from the input alone, each label comes, and they are tasks of the world like any other."""

from __future__ import annotations

import random
from itertools import islice

from pipeline.answers.grading import grade
from pipeline.mini.commands import RULE_PHRASES, SORTINGS, classification, command, label_of, list_command
from pipeline.mini.induction import OOD_RULES, RULES
from pipeline.mini.world import Split, items
from pipeline.sources.mini import to_task


def test_labels_follow_from_instruction_and_input() -> None:
    rng, seen = random.Random(0), set()
    for _ in range(1000):
        made = classification(rng)
        assert made.output == label_of(made)
        seen.add((made.name.partition("/")[0], made.output))
    assert seen == {(name, label) for name, sorting in SORTINGS.items() for label in sorting.labels}


def test_a_classification_like_another_has_its_instruction_and_the_label_wanted() -> None:
    rng = random.Random(1)
    for _ in range(300):
        like = classification(rng)
        label = rng.choice(like.labels)
        made = classification(rng, like, label)
        assert (made.instruction, made.output, made.name) == (like.instruction, label, like.name)
        assert made.output == label_of(made)


def test_list_commands_are_carried_out() -> None:
    assert RULE_PHRASES.keys() == (RULES | OOD_RULES).keys()
    rng = random.Random(2)
    for rule, phrases in RULE_PHRASES.items():
        made = list_command(rng, rule)
        assert made.instruction in phrases and not made.labels
        assert made.output.split() == (RULES | OOD_RULES)[rule](made.input.split())
    phrases = [phrase for each in RULE_PHRASES.values() for phrase in each]
    assert len(phrases) == len(set(phrases)), "one phrase, one rule"


def test_ood_commands_are_not_taught() -> None:
    rng = random.Random(3)
    assert {command(rng, ood=True).name for _ in range(100)} == OOD_RULES.keys()
    assert not {command(rng).name for _ in range(300)} & OOD_RULES.keys()


def test_they_are_tasks_with_ground_truth() -> None:
    splits: tuple[Split, ...] = ("train", "test", "ood")
    made = {split: list(islice(items(split, 1, ("command",)), 300)) for split in splits}
    for split in splits:
        tasks = [to_task(item, split) for item in made[split]]
        assert all(grade(task, item.reply).correct for task, item in zip(tasks, made[split], strict=True))
        right = [grade(task, item.reply).correct for task, item in zip(tasks, made[split][1:], strict=False)]
        assert sum(map(bool, right)) < 0.35 * len(right), "another's reply is right by chance alone"
    asked = [(item.context, item.prompt) for split in splits for item in made[split]]
    assert len(asked) == len(set(asked))

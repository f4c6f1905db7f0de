"""Stories and requests read back from their text are those that were told; what the mini world would not say is none."""

from __future__ import annotations

import random

import pytest

from bench.exams.told import ToldRequest, ToldStory, is_command, read
from pipeline.mini.commands import command
from pipeline.mini.skills.variations import OPERATIONS, Story, variable


def test_what_was_told_is_read_back() -> None:
    rng = random.Random(1)
    for _ in range(400):
        first = variable(rng)
        for made in (first, OPERATIONS[rng.choice(tuple(OPERATIONS))](first, rng)):
            told = read(made.prompt)
            assert told is not None and told.is_answerable and told.is_answered(made.reply(rng))
            if isinstance(made, Story):
                assert isinstance(told, ToldStory) and told.steps == made.chain and told.form == made.form
                assert " ".join(told.demands) == made.demand
            else:
                assert isinstance(told, ToldRequest) and told.topic == made.topic and told.constraints == made.constraints


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Tom has 5 apples. How many apples does Tom have now? ",
        "Tom has 5 apples. He buys 3 more. How many apples does Anna have now?",
        "Tom has 5 apples. She buys 3 more. How many apples does Tom have now?",
        "Tom has 5 apples. He buys 3 more eggs. How many apples does Tom have now?",
        "Tom has 5 apples. He buys 3 more. How many eggs does Tom have now?",
        "Tom has 5 pears. He buys 3 more. How many pears does Tom have now?",
        "Tom has 5 apples. He earns 3 coins. How many apples does Tom have now?",
        "Tom has 5 apples. He buys 3 more. How many apples does Tom have now? Sing it.",
        "Tell me about the dog. Sing it.",
        "Tell me about the moon. Use no commas.",
    ],
)
def test_what_the_world_does_not_say_is_none(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("steps", "is_answerable"),
    [
        ("He buys 3 more.", True),
        ("He eats 4 of them.", True),
        ("He eats 5 of them.", False),
        ("He eats 9 of them. He buys 30 more.", False),
        ("He shares them equally among 5 bags and keeps one bag.", True),
        ("He shares them equally among 2 bags and keeps one bag.", False),
        ("He shares them equally among 0 bags and keeps one bag.", False),
        ("He buys 95 more.", False),
    ],
)
def test_amounts_stay_whole_and_in_range(steps: str, is_answerable: bool) -> None:
    told = read(f"Tom has 5 apples. {steps} How many apples does Tom have now? Show your steps.")
    assert isinstance(told, ToldStory) and told.is_answerable is is_answerable and told.demands == ("Show your steps.",)


def test_a_request_is_answered_about_its_topic_by_its_rules() -> None:
    told = read("Describe the old dog and its place. Use no commas. Use the word park.")
    assert isinstance(told, ToldRequest) and told.asks_place and len(told.constraints) == 2
    assert told.is_answered("The old dog waits at the park.") is True
    assert told.is_answered("The old cat waits at the park.") is False
    assert told.is_answered("The old dog waits, at the park.") is False
    assert told.is_answered("") is None


def test_commands() -> None:
    rng = random.Random(2)
    assert all(is_command(command(rng).instruction) for _ in range(300))
    assert not any(map(is_command, ("Swap the first two of the list.", "Is the word sun in it?", "Reverse it.")))

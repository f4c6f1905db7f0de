"""Quotas: what a recipe may say, which numbers are asked for when, and that methods stop where it is enough."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.methods.chain_of_thought import ChainOfThought
from pipeline.methods.distillation import Distillation
from pipeline.methods.in_context import InContext
from pipeline.methods.instruction_following import InstructionFollowing
from pipeline.methods.quota import Attempts, Quota, Samples
from pipeline.methods.union import Method
from pipeline.recipe import parse_recipe
from pipeline.records import Sample
from pipeline.report.catalogue import catalogue
from tests.methods.asking import Teacher
from tests.rows import make_task

LEAST = {"source": {"kind": "mini"}, "teacher": {"backend": "local", "model": "teacher"}}
QUOTA = Quota(accept=2, at_most=16)
METHODS = [
    ChainOfThought(method="chain_of_thought", samples=QUOTA),
    InstructionFollowing(method="instruction_following", samples=QUOTA),
    InContext(method="in_context", samples=QUOTA),
]
words = st.lists(st.booleans(), min_size=64, max_size=64)


def samples_in(given: Any) -> Samples:
    """What a recipe with these samples means."""
    methods = [{"method": "chain_of_thought", "samples": given}]
    return parse_recipe({**LEAST, "methods": methods}, "x", "x.yaml").methods[0].samples


def rounds(samples: Samples, passes: Sequence[bool]) -> list[range]:
    """The rounds it takes where the answers pass as told."""
    attempts, taken = Attempts(samples), []
    while numbers := attempts.next_round():
        attempts.passed += sum(passes[number] for number in numbers)
        taken.append(numbers)
    return taken


def told(method: Distillation, teacher: Teacher, *passing: str) -> list[Sample]:
    """The samples of a method that hears of each whether its target is among those passing."""

    async def listen() -> list[Sample]:
        samples: list[Sample] = []
        word: bool | None = None
        async with aclosing(method.distil(make_task(), teacher, ())) as distilled:
            while True:
                try:
                    samples.append(await distilled.asend(word))
                except StopAsyncIteration:
                    return samples
                word = samples[-1].target in passing

    return asyncio.run(listen())


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (0, "methods.0.samples: 0: should be a whole number from 1 to 1000, or a quota like {accept: 2, at_most: 16}"),
        ("many", "methods.0.samples: 'many': should be a whole number from 1 to 1000, or a quota like"),
        ([2], "methods.0.samples: [2]: should be a whole number"),
        (
            {"accept": 3, "at_most": 2},
            "methods.0.samples: {'accept': 3, 'at_most': 2}: to accept 3, at_most should be 3 or more",
        ),
        ({"accept": 0, "at_most": 2}, "methods.0.samples.accept: 0: Input should be greater than 0"),
        ({"accept": 2}, "methods.0.samples.at_most: missing"),
        ({"acept": 1, "accept": 1, "at_most": 2}, "samples.acept: unknown key (value 1); known keys: accept, at_most"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(given: Any, problem: str) -> None:
    with pytest.raises(UserError) as refused:
        samples_in(given)
    assert problem in refused.value.what
    assert len(refused.value.what.splitlines()) == 1


def test_a_number_or_a_quota() -> None:
    assert samples_in(3) == 3
    assert samples_in({"accept": 2, "at_most": 16}) == QUOTA
    assert samples_in({"accept": 2, "at_most": 2}) == Quota(accept=2, at_most=2)


def test_a_recipe_with_a_quota_loads_again_equal() -> None:
    methods = [{"method": "chain_of_thought", "samples": {"accept": 2, "at_most": 16}}]
    recipe = parse_recipe({**LEAST, "methods": methods}, "x", "x.yaml")
    assert parse_recipe(recipe.model_dump(mode="json"), "y", "y.yaml") == recipe


def test_the_catalogue_shows_what_may_stand_instead() -> None:
    """Once for all methods."""
    lines = catalogue(Method, "method", 120).splitlines()
    place = lines.index("`samples` may also be a mapping")
    assert lines[place + 1].split()[0] == "accept"
    assert (
        [line.split()[:1] for line in lines].count(["accept"]) == [line.split()[:1] for line in lines].count(["at_most"]) == 1
    )


@given(st.integers(1, 64), words)
def test_a_plain_number_is_one_round(count: int, passes: list[bool]) -> None:
    assert rounds(count, passes) == [range(count)]


@given(st.integers(1, 8), st.integers(0, 56), words)
def test_it_ends_where_enough_passed_or_at_the_limit(accept: int, more: int, passes: list[bool]) -> None:
    quota = Quota(accept=accept, at_most=accept + more)
    taken = rounds(quota, passes)
    asked = [number for numbers in taken for number in numbers]
    assert asked == list(range(len(asked))) and taken[0] == range(accept)
    passed = sum(passes[: len(asked)])
    assert len(asked) == quota.at_most or passed >= accept
    assert sum(passes[: taken[-1].start]) < accept, "a round was asked though it was enough"


@given(st.integers(1, 8), words)
def test_at_most_a_third_more_than_needed(accept: int, passes: list[bool]) -> None:
    asked = rounds(Quota(accept=accept, at_most=64), passes)[-1].stop
    needed = next((number for number in range(1, 65) if sum(passes[:number]) == accept), 64)
    assert needed <= asked <= needed * 4 / 3


def test_hopeless_tasks_take_few_rounds() -> None:
    assert [len(numbers) for numbers in rounds(QUOTA, [False] * 16)] == [2, 2, 2, 2, 2, 3, 3]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.method)
def test_a_method_stops_where_enough_passed(method: Distillation) -> None:
    teacher = Teacher()
    samples = told(method, teacher, "Answer 1.", "Answer 4.", "Answer 9.")
    assert len(teacher.prompts) == 5, "rounds of 2, 1, 1 and 1"
    assert {sample.target for sample in samples} == {f"Answer {number}." for number in range(5)}
    assert len(told(method, eager := Teacher(), "Answer 0.", "Answer 1.")) and len(eager.prompts) == 2


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.method)
def test_a_method_stops_at_the_limit(method: Distillation) -> None:
    teacher = Teacher()
    told(method, teacher, "Answer 7.")
    assert len(teacher.prompts) == 16


def test_both_views_of_one_answer_count_once() -> None:
    method = InContext(method="in_context", samples=Quota(accept=2, at_most=4))
    samples = told(method, teacher := Teacher(), "Answer 0.", "Answer 2.")
    assert len(teacher.prompts) == 3 and len(samples) == 6


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.method)
def test_a_call_that_is_owed_counts_as_asked(method: Distillation) -> None:
    assert told(method, teacher := Teacher(answer=lambda sample: None)) == []
    assert len(teacher.prompts) == 16


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.method)
def test_a_missing_answer_ends_it(method: Distillation) -> None:
    assert told(method, teacher := Teacher(finish="missing")) == []
    assert len(teacher.prompts) == 2


def test_without_a_word_it_goes_on_to_the_limit() -> None:
    async def gathered() -> int:
        return len([sample async for sample in METHODS[0].distil(make_task(), Teacher(), ())])

    assert asyncio.run(gathered()) == 16

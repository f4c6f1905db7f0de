"""Stories and requests in their parts: what each operation adds, and that replies stay right."""

from __future__ import annotations

import random

import pytest

from pipeline.answers.arithmetic import value
from pipeline.answers.constraints import constraints_met
from pipeline.answers.final import final_answer
from pipeline.mini.instructions import ASKS
from pipeline.mini.problems import FORMS, LARGEST
from pipeline.mini.skills.variations import OPERATIONS, Request, Story, request, story, variable

DRAWS = 150


@pytest.fixture
def rng() -> random.Random:
    return random.Random(0)


def is_right(task: Story | Request, reply: str) -> bool:
    """Whether a reply is, by the verifiers of the project alone."""
    if isinstance(task, Request):
        return all(constraints_met(reply, task.constraints))
    return final_answer(reply) == str(task.problem.answer)


def test_every_form_has_two_starts() -> None:
    assert all(len(form.start) > 1 for form in FORMS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_evolved_twice_they_still_have_right_replies(rng: random.Random, operation: str) -> None:
    for _ in range(DRAWS):
        task = variable(rng)
        evolved = OPERATIONS[operation](OPERATIONS[operation](task, rng), rng)
        assert is_right(evolved, evolved.reply(rng))
        assert type(evolved) is type(task)


def test_a_story_evolves(rng: random.Random) -> None:
    for _ in range(DRAWS):
        old = story(rng, rng.randint(1, 4))
        assert old.constrained(rng).prompt.startswith(f"{old.prompt} ")
        deeper = old.deepened(rng)
        assert deeper.chain[:-1] == old.chain and deeper.sentences[-1] == old.sentences[-1]
        assert deeper.sentences[: len(old.chain) + 1] == old.sentences[:-1]
        assert len(old.reasoned(rng).chain) == len(old.chain) + 2
        assert all(1 <= step.after <= LARGEST for step in old.reasoned(rng).chain)
        specific = old.concretised(rng)
        assert specific.chain == old.chain and specific.things.endswith(f" {old.things}")
        assert f" {specific.things}" in specific.prompt and f" {old.things}".replace(" ", "  ") not in specific.prompt
        other = old.broadened(rng)
        assert other.form != old.form and len(other.chain) == len(old.chain)
        assert old.alike(rng).form == old.form


def test_a_story_says_what_its_steps_are(rng: random.Random) -> None:
    for _ in range(DRAWS):
        told = story(rng, 3).deepened(rng)
        numbers = [step.operand for step in told.chain]
        assert [int(word.strip(".")) for word in told.prompt.split() if word.strip(".").isdigit()] == [
            told.chain[0].before,
            *numbers,
        ]
        assert all(value(step.equation.partition("=")[0]) == step.after for step in told.chain)


def test_rewording_keeps_what_is_asked(rng: random.Random) -> None:
    for _ in range(DRAWS):
        old = variable(rng)
        new = old.reworded(rng)
        assert new.prompt != old.prompt
        if isinstance(old, Story):
            assert isinstance(new, Story) and (new.chain, new.things, new.person) == (old.chain, old.things, old.person)
        else:
            assert isinstance(new, Request) and (new.constraints, new.topic) == (old.constraints, old.topic)


def test_a_request_evolves(rng: random.Random) -> None:
    for _ in range(DRAWS):
        old = request(rng, rng.choice((1, 2)))
        longer = old.constrained(rng)
        assert longer.prompt.startswith(f"{old.prompt} ") and longer.constraints[:-1] == old.constraints
        assert old.deepened(rng).prompt == old.prompt.replace(".", " and its place.", 1)
        specific = old.concretised(rng)
        assert specific.topic.endswith(f" {old.topic}") and f"the {specific.topic}" in specific.prompt
        assert len(old.reasoned(rng).parts) == len(old.parts) + 2
        assert old.broadened(rng).topic != old.topic
        alike = old.alike(rng)
        assert [part.kind for part in alike.parts] == [part.kind for part in old.parts] and alike.topic != old.topic
        assert alike.ask in ASKS


def test_a_test_item_is_told_by_its_hash(rng: random.Random) -> None:
    stories = [story(rng, 2) for _ in range(400)]
    assert 0.05 < sum(not each.is_taught for each in stories) / len(stories) < 0.2
    held_out = next(each for each in stories if not each.is_taught)
    assert not held_out.constrained(rng).is_taught, "a demand makes no other problem of it"

"""A sentence that has nothing to do with the story."""

from __future__ import annotations

import re

import pytest

from pipeline.benchmarks.svamp import Svamp
from pipeline.changes.distractor import SENTENCES
from pipeline.changes.wording import sentences
from pipeline.stages.changes import changed
from tests.rows import make_task, public_data

FACTS, QUESTION = "Mr. J. Smith has 14 books, 2.5 kg each. He buys 15 more!", "How many books has he?"


def test_it_stands_before_the_question() -> None:
    new = changed(make_task(prompt=f"{FACTS} {QUESTION}", answer="29"), "distractor")
    assert new is not None and new.answer == "29"
    assert new.prompt.startswith(f"{FACTS} ") and new.prompt.endswith(f" {QUESTION}")
    added = new.prompt.removeprefix(FACTS).removesuffix(QUESTION).strip()
    (number,) = re.findall(r"\d+", added)
    assert added.replace(number, "{n}") in SENTENCES and number not in ("14", "15", "29")


@pytest.mark.parametrize(
    "task",
    [
        make_task(prompt="How many books has he?", answer="3"),
        make_task(prompt="He has 3. Write it down.", answer="3"),
        make_task(prompt="He has 3. Is it so?", answer="yes"),
        make_task(prompt="He has 3. Is it so?"),
        make_task(prompt="2 4 7 ->", context="1 2 3 -> 1", answer="2"),
    ],
)
def test_only_stories_with_a_number_for_an_answer_get_one(task: object) -> None:
    assert changed(task, "distractor") is None  # type: ignore[arg-type]


def test_it_speaks_of_nothing_that_the_story_speaks_of() -> None:
    for number in range(200):
        task = make_task(
            id=str(number), prompt="The museum has 14 statues and 3 clocks. How many minutes is it open?", answer="9"
        )
        new = changed(task, "distractor")
        assert new is not None and not re.search(r"museum across|clock tower|opera", new.prompt)


def test_public_stories() -> None:
    tasks = list(Svamp(benchmark="svamp", path=public_data("svamp.json")).tasks(None))
    made = [(task, new) for task in tasks if (new := changed(task, "distractor"))]
    assert len(made) == 989
    for task, new in made:
        (added,) = [new.prompt[slice(*each)] for each in sentences(new.prompt) if new.prompt[slice(*each)] not in task.prompt]
        assert re.sub(r"\d+", "{n}", added) in SENTENCES and new.answer == task.answer

"""Typing errors: few, small, and never in what the answer hangs on."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.answers.grading import grade
from pipeline.changes.typos import QUANTITIES
from pipeline.sources.mini import MiniSource
from pipeline.stages.changes import changed
from tests.rows import make_task

NOUNS = (
    "garden",
    "window",
    "three",
    "twenty",
    "half",
    "twice",
    "copper",
    "the",
    "of",
    "12",
    "4.5",
    "$30",
    "third",
    "river's",
    "a-part",
)


def words(text: str) -> list[str]:
    return re.findall(r"\S+", text)


def close(word: str, other: str) -> bool:
    """Whether one inner letter was doubled, dropped, or swapped with its neighbour."""
    if word[0] != other[0] or word[-1] != other[-1]:
        return False
    if len(word) == len(other):
        apart = [place for place in range(len(word)) if word[place] != other[place]]
        return len(apart) == 2 and apart[1] == apart[0] + 1 and sorted(word) == sorted(other)
    long, short = max(word, other, key=len), min(word, other, key=len)
    return len(long) == len(short) + 1 and any(long[:place] + long[place + 1 :] == short for place in range(len(long)))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(NOUNS), min_size=3, max_size=60), st.integers())
def test_one_word_in_ten_has_one(chosen: list[str], number: int) -> None:
    task = make_task(id=str(number), prompt=f"{' '.join(chosen)}.", answer="twelve rivers")
    new = changed(task, "typos")
    fitting = sum(word in ("garden", "window", "copper") for word in chosen)
    if new is None:
        assert not fitting
        return
    pairs = [(old, now) for old, now in zip(words(task.prompt), words(new.prompt), strict=True) if old != now]
    counted = sum(re.fullmatch(r"[a-z]+\.?", word) is not None and "'" not in word for word in chosen)
    assert len(pairs) == min(fitting, max(1, round(0.1 * counted)))
    assert all(close(old.strip("."), now.strip(".")) and old.strip(".") in ("garden", "window", "copper") for old, now in pairs)


def test_what_the_answer_hangs_on_stays() -> None:
    """Options, words of the answer, of constraints and in quotation marks, and quantities; over many items all else changes."""
    seen: set[str] = set()
    for number in range(300):
        task = make_task(
            id=str(number), prompt='Choose crimson or yellow: the colour of "velvet", first, seventeen times. Mention walnut.',
            answer="yellow", choices=["crimson", "yellow"],
            constraints=[{"kind": "keywords:existence", "keywords": ["walnut"]}],
        )  # fmt: skip
        new = changed(task, "typos")
        assert new is not None and (new.answer, new.choices, new.constraints) == (task.answer, task.choices, task.constraints)
        seen |= {old for old, now in zip(words(task.prompt), words(new.prompt), strict=True) if old != now}
    assert seen == {"Choose", "colour", "Mention"}
    assert {"first", "times"} <= QUANTITIES


def test_demonstrations_and_what_is_no_prose_stay() -> None:
    shown = make_task(context="Question: What is garden? Answer: window", prompt="Then what is a window of copper?")
    new = changed(shown, "typos")
    assert new is not None and new.context == shown.context
    assert changed(make_task(prompt="garden window copper ->", context="a -> b", answer="copper"), "typos") is None


def test_mini_items_keep_their_answers() -> None:
    tasks = [task for task in MiniSource(kind="mini", limit=1).tasks(("test",), 200) if task.split == "test"]
    made = [(task, new) for task in tasks if (new := changed(task, "typos"))]
    assert {task.kind for task, _ in made} == {"word_problem", "instruction"}
    assert len(made) == sum(task.kind != "induction" for task in tasks)
    assert all(re.findall(r"\d+", task.prompt) == re.findall(r"\d+", new.prompt) for task, new in made)
    assert all(grade(new, task.extra["solution"]).correct for task, new in made if task.kind == "word_problem")

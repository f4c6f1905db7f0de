"""Lion against a scripted endpoint where both answer: referee, split at the gap, new instructions, stop rule."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetReached
from pipeline.methods.lion import Lion, gap_of
from pipeline.records import Sample, Task
from pipeline.texts.rouge import rouge_l, rouge_words
from tests.methods.growing import Lessons, last_messages, open_run, scripted, shown_in, taught
from tests.servers import ChatServer, closed_url

WORDS = (
    "amber", "bridge", "candle", "desert", "engine", "forest", "garden", "harbor", "island", "jungle", "kettle", "lantern",
    "meadow", "needle", "orchard", "pepper",
)  # fmt: skip
SEEDS = [f"{word} {WORDS[-number]} {WORDS[number - 5]} {number}" for number, word in enumerate(WORDS[:12])]
ROWS = [{"prompt": text} for text in SEEDS]
METHOD: dict[str, Any] = {"method": "lion", "rounds": 2, "added": 8}
ANSWERS = re.compile(r"\[answer (\d) begins\]\n(.*?)\n\[answer \d ends\]", flags=re.DOTALL)


def scores(prompt: str) -> str:
    """A referee to whom the first answer looks a point better.

    The teacher is four points better at what is numbered 0 to 3, by one at 4, and no better at the others; than the second
    student at number 0 alone.
    """
    number = int(re.findall(r"\d+", prompt.partition("[question begins]\n")[2].partition("\n")[0])[-1])
    better = (4 if number < 1 else 0) if "lion-2" in prompt else 4 if number < 4 else 1 if number == 4 else 0
    is_first = dict(ANSWERS.findall(prompt))["1"].startswith("Teacher")
    return f"{6 + better} 5\nThe first came first." if is_first else f"6 {5 + better}\nThe first came first."


class Teacher:
    """Answers, scores, and writes four words, or an old instruction now and then; asked the same again it writes others."""

    def __init__(self) -> None:
        self.calls = Counter[str]()

    def __call__(self, prompt: str) -> str | None:
        if "Two assistants answered" in prompt:
            return scores(prompt)
        if "Write a new instruction" not in prompt:
            return f"Teacher on {prompt}"
        self.calls[prompt] += 1
        draw = random.Random(f"{prompt}/{self.calls[prompt]}")
        return draw.choice(SEEDS) if draw.random() < 0.3 else f"{' '.join(draw.sample(WORDS, 3))} {draw.randint(5, 99)}"


def student(model: str, prompt: str) -> str | None:
    return f"Student {model} on {prompt}"


def lion(folder: Path, **method: Any) -> tuple[ChatServer, Lessons, list[Task], list[Sample], dict[str, Counter[str]]]:
    with scripted(Teacher(), student=student) as server:
        run = open_run(folder, server.url, ROWS, METHOD | method)
        school = Lessons(run)
        tasks, samples, workshop = taught(run, school)
    return server, school, tasks, samples, workshop.notes


def test_defaults_are_those_of_the_paper() -> None:
    method = Lion(method="lion")
    assert (method.rounds, method.added, method.gap, method.rouge) == (3, 6000, 1.0, 0.7)
    assert method.referee_sampling.temperature == 0.2 and method.student_sampling.max_tokens == 1024


def test_the_gap_is_the_mean_of_both_orders() -> None:
    assert gap_of(["9 5\nx", "6 8\nx"]) == 3
    assert gap_of(["8 7\nx", "8 7\nx"]) == 0, "who comes first is no better"
    assert gap_of(["8 6\nx", "7 7\nx"]) == 1
    assert gap_of(["8.5 7", "3 4"]) == 1.25
    assert gap_of(["I cannot say.", "6 8\nx"]) is gap_of(["9 5\nx", "11 2"]) is None


def test_the_referee_reads_both_orders_and_hard_begins_at_the_gap(tmp_path: Path) -> None:
    server, _, tasks, _, notes = lion(tmp_path, rounds=1)
    pairs = Counter(tuple(text.split()[0] for _, text in ANSWERS.findall(prompt)) for prompt in last_messages(server))
    assert pairs[("Teacher", "Student")] == pairs[("Student", "Teacher")] == 12
    assert notes["round 1"] == {"hard": 5, "easy": 7, "unread": 0}, "in one order alone, all would be hard"
    rows = {prompt: number for number, prompt in enumerate(SEEDS)}
    asked = [(shown_in(prompt), "another sort" in prompt) for prompt in last_messages(server) if "Write a new" in prompt]
    assert {rows[text] for text, is_rarer in asked if not is_rarer} <= set(range(5))
    assert {rows[text] for text, is_rarer in asked if is_rarer} <= set(range(5, 12))
    assert Counter(task.extra["like"] for task in tasks) == {"similar": 4, "rarer": 4}, "hard to easy as one to one"


def test_a_larger_gap_leaves_fewer_hard(tmp_path: Path) -> None:
    assert lion(tmp_path, rounds=1, gap=1.5)[4]["round 1"]["hard"] == 4


def test_new_instructions_are_unlike_all_of_the_cache(tmp_path: Path) -> None:
    _, _, tasks, _, notes = lion(tmp_path)
    words = [rouge_words(text, 100) for text in (*SEEDS, *(task.prompt for task in tasks))]
    pairs = [(one, two) for one, two in product(range(len(words)), range(len(SEEDS), len(words))) if one < two]
    assert max(rouge_l(words[one], words[two]) for one, two in pairs) <= 0.7
    assert notes["similar"]["too like an earlier one"] + notes["rarer"]["too like an earlier one"] > 0


def test_new_ones_replace_the_train_pool_and_join_the_cache(tmp_path: Path) -> None:
    server, school, tasks, samples, notes = lion(tmp_path)
    first, second = school.taught
    assert first[:2] == ("lion-1", None) and second[:2] == ("lion-2", "lion-1")
    assert len(first[2]) == 12 and second[2] == [task.id for task in tasks if task.extra["round"] == 1]
    asked = Counter(str(body["model"]) for body in server.bodies)
    assert asked["lion-1"] == 12 and asked["lion-2"] == 20
    assert Counter(task.extra["round"] for task in tasks) == {1: 8, 2: 8}
    assert len(samples) == 28 and all(sample.target.startswith("Teacher on") for sample in samples)
    assert {name for name in notes if name.startswith("round")} == {"round 1", "round 2"}


def test_it_ends_where_the_share_of_hard_ones_falls_no_more(tmp_path: Path) -> None:
    """The second student is as bad as the first: the third is not trained, and nothing more is written."""
    write = Teacher()

    def teacher(prompt: str) -> str | None:
        if "Two assistants" not in prompt:
            return write(prompt)
        return "9 1" if dict(ANSWERS.findall(prompt))["1"].startswith("Teacher") else "1 9"

    with scripted(teacher, student=student) as server:
        run = open_run(tmp_path, server.url, ROWS, METHOD | {"rounds": 5})
        school = Lessons(run)
        tasks, _, _ = taught(run, school)
    assert [name for name, *_ in school.taught] == ["lion-1", "lion-2"]
    assert {task.extra["round"] for task in tasks} == {1}


def test_without_hard_ones_all_new_ones_are_rarer(tmp_path: Path) -> None:
    _, _, tasks, _, _ = lion(tmp_path, rounds=1, gap=9.0)
    assert Counter(task.extra["like"] for task in tasks) == {"rarer": 4}


def test_what_is_owed_ends_the_round_before_anybody_learns(tmp_path: Path) -> None:
    teacher = Teacher()
    with scripted(lambda prompt: None if prompt == SEEDS[3] else teacher(prompt), student=student) as server:
        run = open_run(tmp_path, server.url, ROWS, METHOD)
        school = Lessons(run)
        tasks, samples, _ = taught(run, school)
    assert not school.taught and not tasks and len(samples) == 11 and server.hits == 12


def test_a_referee_who_is_owed_ends_it_before_anything_is_written(tmp_path: Path) -> None:
    with scripted(Teacher(), student=lambda model, prompt: None if prompt == SEEDS[2] else student(model, prompt)) as server:
        run = open_run(tmp_path, server.url, ROWS, METHOD)
        tasks, _, _ = taught(run, Lessons(run))
    assert not tasks and not any("Write a new" in prompt for prompt in last_messages(server))


def test_stopped_by_a_ceiling_it_asks_only_for_the_rest(tmp_path: Path) -> None:
    server, school, tasks, samples, _ = lion(tmp_path / "whole")
    with scripted(Teacher(), student=student) as again:
        run = open_run(tmp_path / "cut", again.url, ROWS, METHOD, max_calls=20)
        with pytest.raises(BudgetReached):
            taught(run, Lessons(run))
        run = open_run(tmp_path / "cut", again.url, ROWS, METHOD)
        assert taught(run, Lessons(run))[:2] == (tasks, samples)
        assert again.by_body == server.by_body
    run = open_run(tmp_path / "cut", closed_url(), ROWS, METHOD)
    later = Lessons(run)
    assert taught(run, later)[:2] == (tasks, samples) and later.taught == school.taught

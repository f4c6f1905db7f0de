"""Judgements are read by the filters' readers, and say what the project's verifiers say of the replies they are about."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from pipeline.answers.constraints import constraint_met
from pipeline.answers.final import same_answer
from pipeline.filters.judgement import letter_said, number_said
from pipeline.filters.template import render_about
from pipeline.mini.skills.attempts import taught_story
from pipeline.mini.skills.judge import (
    OTHER_TOPIC,
    judge_absolute,
    judge_correctness,
    judge_pairwise,
    judged_reply,
    judged_solution,
    taught_instruction,
)
from tests.rows import make_task

COUNT = 1000


@pytest.mark.parametrize("judge", [judge_absolute, judge_correctness])
def test_grades_are_read_and_of_every_sort(judge: object) -> None:
    rng = random.Random(1)
    grades = Counter(number_said(judge(rng)[1], 1, 5) for _ in range(COUNT))  # type: ignore[operator]
    assert set(grades) == {1.0, 2.0, 3.0, 5.0} and min(grades.values()) > 0.04 * COUNT


def test_preferences_are_read_and_of_every_sort() -> None:
    rng = random.Random(1)
    letters = Counter[str | None]()
    for _ in range(COUNT):
        _, judgement = judge_pairwise(rng)
        letter, (first, second) = letter_said(judgement), judgement.removeprefix("Reply A: ").split(" Reply B: ")
        a, b = (len(re.findall("wrong|missing|broken|another", each)) for each in (first, second))
        assert OTHER_TOPIC in judgement or letter == ("C" if a == b else "A" if a < b else "B")
        assert first != OTHER_TOPIC or letter == ("C" if second.startswith(OTHER_TOPIC) else "B")
        letters[letter] += 1
    assert set(letters) == {"A", "B", "C"} and min(letters.values()) > 0.2 * COUNT


def test_solutions_are_graded_by_their_mistakes() -> None:
    rng = random.Random(2)
    for _ in range(COUNT):
        story = taught_story(rng)
        judged = judged_solution(rng, story)
        right = same_answer(str(story.answer), judged.reply) is True
        assert right == (judged.score in (3, 5)) and judged.mistakes == judged.said.count("wrong") + judged.said.count(
            "missing"
        )
        assert (judged.score == 5) == (judged.mistakes == 0) and judged.said.count("Step") == len(story.steps)


def test_replies_are_graded_by_the_rules_they_keep() -> None:
    rng, scores = random.Random(3), Counter[int]()
    for _ in range(COUNT):
        task = taught_instruction(rng)
        judged = judged_reply(rng, task)
        scores[judged.score] += 1
        if judged.said == OTHER_TOPIC:
            assert judged.score == 1
            continue
        kept = [constraint_met(judged.reply, each) is True for each in task.constraints]
        assert [f"Rule {number} is {'kept' if met else 'broken'}." in judged.said for number, met in enumerate(kept, 1)] == [
            True
        ] * len(kept)
        assert judged.score == (5 if all(kept) else 3 if any(kept) else 2) and judged.mistakes == kept.count(False)
    assert 0.4 * COUNT < scores[5] < 0.7 * COUNT and 0.06 * COUNT < scores[1] < 0.16 * COUNT


def test_lessons_ask_as_the_filter_does() -> None:
    """Without stray words a lesson's prompt is the very text that the filter judge sends."""
    for seed in range(40):
        messages, _ = judge_correctness(random.Random(seed))
        user = messages[-1]["content"]
        if not user.startswith("Grade how correct") or not user.endswith("Score: <number>"):
            continue
        between = {name: _between(user, name) for name in ("instruction", "reply", "reference answer")}
        task = make_task(prompt=between["instruction"], answer=between["reference answer"])
        prompt = render_about("judge/correctness", task, response=between["reply"], reasoning=None, lowest=1, highest=5)
        assert [each.model_dump() for each in prompt.messages] == messages


def _between(text: str, name: str) -> str | None:
    found = text.partition(f"[{name} begins]\n")[2].partition(f"\n[{name} ends]")[0]
    return found or None

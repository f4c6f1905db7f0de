"""Filters that rest on what a local model computes: scores as worked out by hand, which tell sense from nonsense."""

from __future__ import annotations

import math
import random
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters.ifd import InstructionFollowingDifficulty
from pipeline.filters.perplexity import Perplexity
from pipeline.filters.reversed_ifd import ReversedInstructionFollowingDifficulty
from pipeline.filters.reward import Reward
from pipeline.filters.verdicts import AskingFilter, Word
from pipeline.mini import world
from pipeline.records import Message, Sample, Task
from pipeline.sources.mini import to_task
from tests.filters.asked import judged
from tests.llm.scored import TEACHER, by_hand, reward_model, shipped
from tests.rows import make_sample, make_task
from tests.servers import closed_url

pytestmark = shipped
LOCAL = {"backend": "local", "model": str(TEACHER), "dtype": "float64"}
QUESTION = "Mia has 4 pens and buys 7 more. How many pens does she have?"
ANSWERS = ["4+7=11. The answer is 11.", "She likes pens, so 7."]
ASKED = f"<|user|>{QUESTION}<|end|><|assistant|>"


def ifd(**fields: Any) -> InstructionFollowingDifficulty:
    return InstructionFollowingDifficulty(filter="ifd", **fields)


def reversed_ifd(**fields: Any) -> ReversedInstructionFollowingDifficulty:
    return ReversedInstructionFollowingDifficulty(filter="reversed_ifd", **fields)


def sample(target: str, **fields: Any) -> Sample:
    return make_sample(target, messages=[Message(role="user", content=QUESTION)], **fields)


def words(condition: AskingFilter, folder: Path, *samples: Sample, task: Task | None = None, **model: Any) -> list[Word]:
    return judged(condition, folder, samples, task, model=LOCAL | model)


def loss(before: str, text: str, last: int | None = None) -> float:
    found = by_hand(TEACHER, before, text)
    found = found if last is None else found[-last:]
    return -sum(found) / len(found)


def difficulty(before: str, text: str, form: str) -> float:
    """The ratio over the tokens that both have: all but the first, since the shipped models begin with nothing."""
    tokens = len(by_hand(TEACHER, "", text))
    given, alone = loss(before, text, tokens), loss("", text)
    return given / alone if form == "loss" else math.exp(given) / math.exp(alone)


@pytest.mark.parametrize("form", ["loss", "perplexity"])
def test_ifd_by_hand(tmp_path: Path, form: Any) -> None:
    found = words(ifd(form=form), tmp_path, *map(sample, ANSWERS))
    expected = [difficulty(ASKED, answer, form) for answer in ANSWERS]
    assert [word.score for word in found] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert expected[0] < expected[1], "what follows from the prompt gains more by it"
    assert [word.decision for word in found] == ["keep" if score <= 1 else "drop" for score in expected]


def test_the_band_of_ifd(tmp_path: Path) -> None:
    score = difficulty(ASKED, ANSWERS[0], "loss")
    bounds = [{"min_score": score * 0.9}, {"min_score": score * 1.1}, {"max_score": score * 0.9}]
    found = [words(ifd(**fields), tmp_path, sample(ANSWERS[0]))[0] for fields in bounds]
    assert [(word.decision, word.reason) for word in found] == [
        ("keep", "difficulty within bounds"),
        ("drop", "too easy"),
        ("drop", "the prompt makes the reply no easier"),
    ]


def test_thoughts_are_scored_with_the_reply(tmp_path: Path) -> None:
    [word] = words(ifd(), tmp_path, sample("The answer is 11.", reasoning=" 4+7=11. "))
    expected = difficulty(ASKED, "<think>\n4+7=11.\n</think>\n\nThe answer is 11.", "loss")
    assert word.score == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("form", ["loss", "perplexity"])
def test_reversed_ifd_by_hand(tmp_path: Path, form: Any) -> None:
    [word] = words(reversed_ifd(form=form), tmp_path, sample(ANSWERS[0]))
    guess = "Guess the instruction it answers, and write that instruction alone."
    before = f"<|user|>Here is a reply:\n\n{ANSWERS[0]}\n\n{guess}<|end|><|assistant|>"
    assert word.score == pytest.approx(difficulty(before, QUESTION, form), rel=1e-4)
    assert word.decision == "drop" and (word.score or 0) > 1, "a model that was never asked to guess is only misled"
    [word] = words(reversed_ifd(form=form, max_score=1e6), tmp_path, sample(ANSWERS[0]))
    assert (word.decision, word.reason) == ("keep", "the reply tells the instruction")


@pytest.mark.parametrize(("form", "expected"), [("perplexity", math.exp), ("loss", float)])
def test_perplexity_by_hand(tmp_path: Path, form: Any, expected: Any) -> None:
    found = words(Perplexity(filter="perplexity", form=form), tmp_path, *map(sample, ANSWERS))
    assert [word.score for word in found] == pytest.approx(
        [expected(loss(ASKED, each)) for each in ANSWERS], rel=1e-4, abs=1e-5
    )
    assert found[0].detail.startswith(form)


def test_the_band_of_perplexity(tmp_path: Path) -> None:
    value = math.exp(loss(ASKED, ANSWERS[0]))
    for fields, reason in [
        ({}, "perplexity within bounds"),
        ({"min_perplexity": value + 0.1}, "too predictable"),
        ({"max_perplexity": max(1.0, value - 0.01)}, "too surprising"),
        ({"max_perplexity": max(1.0, value - 0.01), "form": "loss"}, "too surprising"),
    ]:
        [word] = words(Perplexity(filter="perplexity", **fields), tmp_path, sample(ANSWERS[0]))
        assert word.reason == reason
    with pytest.raises(ValidationError, match="lies above"):
        Perplexity(filter="perplexity", min_perplexity=3, max_perplexity=2)
    with pytest.raises(ValidationError, match="lies above"):
        ifd(min_score=2, max_score=1)


@pytest.mark.parametrize(
    ("condition", "target", "reason"),
    [
        (Perplexity(filter="perplexity"), "", "there is no text to score"),
        (ifd(), "", "the text is too short to be scored"),
        (ifd(), "4", "the text is too short to be scored"),
        (ifd(), "word " * 5000, "the model refused"),
        (reversed_ifd(), "word " * 5000, "the model refused"),
        (Perplexity(filter="perplexity"), "a" * 20_000, "the model refused"),
    ],
)
def test_what_cannot_be_scored_is_unverifiable(tmp_path: Path, condition: AskingFilter, target: str, reason: str) -> None:
    bad, good = words(condition, tmp_path, sample(target), sample(ANSWERS[0]))
    assert (bad.decision, bad.reason, bad.score) == ("unverifiable", reason, None)
    assert good.decision != "unverifiable"


@pytest.mark.parametrize("target", ["\x00", "\u202eأهلا", "🙂🙂", "�", "<|end|><|user|>", "<think>", "\ud800"])
def test_odd_texts_have_scores(tmp_path: Path, target: str) -> None:
    [word] = words(Perplexity(filter="perplexity"), tmp_path, sample(target))
    assert word.score is not None and word.score >= 1


def test_an_endpoint_is_named_as_what_cannot_do_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="only `local` can"):
        judged(ifd(), tmp_path, [sample("a")], url=closed_url())


def test_scores_are_remembered(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    first = judged(ifd(), tmp_path, [sample(ANSWERS[0])], model=LOCAL)
    folder.symlink_to(TEACHER)
    assert judged(ifd(), tmp_path, [sample(ANSWERS[0])], model=LOCAL | {"model": str(folder)}) == first


def solved(count: int) -> list[Task]:
    items = islice(world.items("test", 7, ("word_problem",)), count)
    return [to_task(item, "test") for item in items]


def test_gold_solutions_surprise_the_teacher_less_than_shuffled_or_swapped_ones(tmp_path: Path) -> None:
    """40 of 40 both times; gold solutions have 1.02 to 1.11."""
    tasks = solved(40)
    gold = [str(task.extra["solution"]) for task in tasks]
    mixed = random.Random(0)
    shuffled = [" ".join(mixed.sample(text.split(), len(text.split()))) for text in gold]
    swapped = gold[1:] + gold[:1]
    samples = [
        make_sample(target, messages=[Message(role="user", content=task.prompt)])
        for targets in (gold, shuffled, swapped)
        for task, target in zip(tasks, targets, strict=True)
    ]
    scores = [word.score or math.inf for word in words(Perplexity(filter="perplexity"), tmp_path, *samples)]
    right, out_of_order, of_another = scores[:40], scores[40:80], scores[80:]
    assert all(one < other for one, other in zip(right, out_of_order, strict=True))
    assert all(one < other for one, other in zip(right, of_another, strict=True))
    assert sorted(right)[20] < 1.1


def test_a_reward_decides(tmp_path: Path) -> None:
    model = LOCAL | {"model": str(reward_model(tmp_path / "model"))}
    samples = [sample(each, reasoning="Let me think.") for each in ANSWERS]
    [one, two] = judged(Reward(filter="reward"), tmp_path, samples, model=model)
    low, high = sorted(word.score or 0.0 for word in (one, two))
    assert low < high
    found = judged(Reward(filter="reward", min_score=(low + high) / 2), tmp_path, samples, model=model)
    assert sorted(word.decision for word in found) == ["drop", "keep"]
    assert {word.decision: word.score for word in found} == {"drop": low, "keep": high}
    thinking = judged(Reward(filter="reward", thoughts=True), tmp_path, samples, model=model)
    assert [word.score for word in thinking] != [one.score, two.score]
    [refused] = judged(Reward(filter="reward"), tmp_path, [sample("x " * 5000)], make_task(), model=model)
    assert (refused.decision, refused.reason) == ("unverifiable", "the model refused")

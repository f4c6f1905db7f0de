"""Novelty by ROUGE-L: the seeds' golden pairs, against a comparison of all pairs, and what is compared with what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.filters.novel import Novel
from pipeline.filters.verdicts import Word
from pipeline.texts.rouge import rouge_l, rouge_words
from tests.filters.survivors import Rows
from tests.rows import make_sample, make_task, public_data

LONG = "Write a cover letter based on the given facts and keep it short"


def prompts(*texts: str, **fields: Any) -> list[Word]:
    rows = [(make_task(id=f"t{n}", prompt=text), make_sample("x", id=f"s{n}")) for n, text in enumerate(texts)]
    return list(Novel(filter="novel", **fields).judge_all(Rows(rows)))


def targets(*of_tasks: Sequence[str], **fields: Any) -> list[Word]:
    rows = [(make_task(id=f"t{n}"), make_sample(text, id=f"s{n}")) for n, texts in enumerate(of_tasks) for text in texts]
    return list(Novel(filter="novel", of="target", **fields).judge_all(Rows(rows)))


def decisions(words: Sequence[Word]) -> list[str]:
    return [word.decision for word in words]


def instructions() -> list[str]:
    with public_data("self_instruct_seeds.jsonl").open() as lines:
        return [json.loads(line)["instruction"] for line in lines]


def test_golden_seeds() -> None:
    words = prompts(*instructions())
    dropped = [(number, word.detail) for number, word in enumerate(words) if word.decision == "drop"]
    assert dropped == [(74, "0.824 with t47"), (113, "0.750 with t77")]


def test_a_file_of_seeds_is_in_the_pool() -> None:
    seeds = {"path": public_data("self_instruct_seeds.jsonl"), "field": "instruction"}
    words = prompts("Write a cover letter based on the given facts.", "Bake bread.", seeds=seeds)
    assert decisions(words) == ["drop", "keep"]
    assert (words[0].score, words[0].detail) == (1.0, "1.000 with seed 75")


def test_seeds_that_cannot_be_read(tmp_path: Path) -> None:
    condition = Novel(filter="novel", seeds={"path": tmp_path / "none.jsonl"})  # type: ignore[arg-type]
    for act in (condition.rests_on, lambda: list(condition.judge_all(Rows([])))):
        with pytest.raises(UserError, match=r"none\.jsonl"):
            act()
    (tmp_path / "none.jsonl").write_text('{"text": "a"}')
    assert [len(each) for each in condition.rests_on()] == [64]
    with pytest.raises(UserError, match="no column 'prompt'"):
        list(condition.judge_all(Rows([])))


@given(some.lists(some.lists(some.sampled_from("abcde"), min_size=1, max_size=9).map(" ".join), max_size=12), some.floats(0, 1))
def test_agrees_with_a_comparison_of_all_pairs(texts: list[str], limit: float) -> None:
    pool: list[list[str]] = []
    for text, word in zip(texts, prompts(*texts, rouge=limit), strict=True):
        words = rouge_words(text, 99)
        highest = max((rouge_l(words, each) for each in pool), default=0.0)
        assert (word.decision, word.score) == ("drop" if highest > limit else "keep", highest)
        pool += [words] if highest <= limit else []


def test_a_prompt_is_judged_once_for_all_samples_of_its_task() -> None:
    task, other = make_task(id="t1", prompt=LONG), make_task(id="t2", prompt=LONG)
    rows = [
        (task, make_sample("x")),
        (task, make_sample("y")),
        (other, make_sample("z")),
        (other, make_sample("x")),
        (task, make_sample("z")),
    ]
    words = list(Novel(filter="novel").judge_all(Rows(rows)))
    assert decisions(words) == ["keep", "keep", "drop", "drop", "keep"]
    assert words[2].detail == "1.000 with t1"


def test_a_prompt_is_compared_with_its_context() -> None:
    tasks = [make_task(id=f"t{n}", prompt="Sum up.", context=text) for n, text in enumerate([LONG, "Two whales swam by", LONG])]
    words = list(Novel(filter="novel").judge_all(Rows([(task, make_sample("x")) for task in tasks])))
    assert decisions(words) == ["keep", "keep", "drop"]


def test_targets_are_compared_between_tasks_only() -> None:
    words = targets([LONG, LONG], ["Quite another thing", LONG], [f"{LONG} now"])
    assert decisions(words) == ["keep", "keep", "keep", "drop", "drop"]
    assert words[4].detail.endswith("with s0")


def test_what_was_dropped_is_not_in_the_pool() -> None:
    assert decisions(prompts("a b c d", "a b c x y", "b c x y z", rouge=0.6)) == ["keep", "drop", "keep"]


def test_a_full_pool() -> None:
    words = prompts("a b", "c d", "e f", "e f", "a b", pool=2)
    assert [word.reason for word in words] == [
        "novel",
        "novel",
        *["novel among those of a full pool"] * 2,
        "too like an earlier prompt",
    ]


@pytest.mark.parametrize("text", ["", "…", "🙂\0"])
def test_without_words_nobody_can_tell(text: str) -> None:
    [word] = prompts(text)
    assert (word.decision, word.score) == ("unverifiable", None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("把这句话翻译成英文", "写一首关于春天的诗"),
        ("Сколько стоит книга?", "Назови столицу Франции"),
        ("اكتب قصيدة", "ما هي العاصمة"),
    ],
)
def test_other_scripts(one: str, other: str) -> None:
    assert decisions(prompts(one, other, one)) == ["keep", "keep", "drop"]


@pytest.mark.parametrize("fields", [{"rouge": 1.1}, {"rouge": -1}, {"pool": 0}, {"of": "reasoning"}, {"seeds": {}}])
def test_nonsense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Novel(filter="novel", **fields)


@pytest.mark.parametrize("text", ["a" * 1_000_000, "a " * 500_000, "a b c d " * 125_000, "字" * 500_000])
def test_a_megabyte_is_quick(text: str) -> None:
    start = perf_counter()
    assert decisions(targets([text], [text[::-1] + " b"], [text]))[::2] == ["keep", "drop"]
    assert perf_counter() - start < 5

"""Samples that show what is wrong: kept exactly where they are, passed by filters of quality, judged as ever by all others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from pipeline.filters.answer_matches import AnswerMatches
from pipeline.filters.pass_rate import PassRate
from pipeline.filters.self_consistency import SelfConsistency
from pipeline.filters.union import Filter
from pipeline.filters.verdicts import Condition, RowFilter, Word, drop, keep, unverifiable, word_of, words_of
from pipeline.publication import write_table
from pipeline.records import Sample, Task
from tests.rows import make_sample, make_task
from tests.servers import ChatServer
from tests.stages.test_judgements import GOOD, calls, filtered, open_run

TASK = make_task(answer="5")
RIGHT, WRONG = "The answer is 5.", "2+2=9. The answer is 9."
PROGRAM = "```python\ndef solution():\n    return {}\n```"


def negative(target: str, **fields: object) -> Sample:
    return make_sample(target, negative=True, **fields)


def filter_called(name: str) -> Condition:
    found: Condition = TypeAdapter(Filter).validate_python(name)
    return found


@pytest.mark.parametrize(
    ("name", "task", "right", "wrong"),
    [
        ("answer_matches", TASK, RIGHT, WRONG),
        ("program_answer", TASK, PROGRAM.format(5), PROGRAM.format(9)),
        ("program_answer", TASK, PROGRAM.format(5), PROGRAM.format("m")),
        ("tests_pass", make_task(extra={"tests": ["assert solution() == 5"]}), PROGRAM.format(5), PROGRAM.format(9)),
        (
            "constraints_met",
            make_task(constraints=[{"kind": "change_case:english_lowercase"}]),
            "the word is green and the sky is blue.",
            "THE WORD IS GREEN AND THE SKY IS BLUE.",
        ),
    ],
)
def test_what_tells_right_from_wrong_keeps_exactly_the_wrong_ones(name: str, task: Task, right: str, wrong: str) -> None:
    condition = filter_called(name)
    assert isinstance(condition, RowFilter)
    assert [word_of(condition, task, make_sample(text)).decision for text in (right, wrong)] == ["keep", "drop"]
    assert [word_of(condition, task, negative(text)).decision for text in (right, wrong)] == ["drop", "keep"]


def test_the_reason_says_so() -> None:
    matches = AnswerMatches(filter="answer_matches")
    assert word_of(matches, TASK, negative(RIGHT)).reason == "shows what is wrong: right answer"
    assert word_of(matches, TASK, negative(WRONG)).reason == "shows what is wrong: wrong answer"


def test_where_nobody_can_tell_nobody_can() -> None:
    matches = AnswerMatches(filter="answer_matches")
    assert word_of(matches, make_task(), negative(WRONG)).decision == "unverifiable"


@pytest.mark.parametrize("name", ["arithmetic", "answer_follows", "code_runs"])
def test_what_tells_good_from_bad_keeps_them_without_a_look(name: str) -> None:
    condition = filter_called(name)
    bad = {"arithmetic": WRONG, "answer_follows": "2+2=4. The answer is 9.", "code_runs": PROGRAM.format("(")}[name]
    assert isinstance(condition, RowFilter)
    assert word_of(condition, TASK, make_sample(bad)).decision == "drop"
    assert word_of(condition, TASK, negative(bad)) == keep("shows what is wrong")


@pytest.mark.parametrize(("name", "target"), [("not_empty", " "), ("not_refusal", "I'm sorry, but I can't help with that.")])
def test_what_holds_for_every_text_holds_for_these(name: str, target: str) -> None:
    condition = filter_called(name)
    assert isinstance(condition, RowFilter)
    assert word_of(condition, TASK, negative(target)).decision == "drop"


def draws(*targets: str, wrong: Sequence[int] = ()) -> list[Sample]:
    return [
        make_sample(text, id=f"s{place}", response_keys=[f"k{place}"], negative=place in wrong)
        for place, text in enumerate(targets)
    ]


def test_a_vote_counts_them_and_keeps_those_that_lose() -> None:
    vote = SelfConsistency(filter="self_consistency")
    words = words_of(vote, TASK, draws(RIGHT, RIGHT, WRONG, RIGHT, wrong=(2, 3)))
    assert [word.decision for word in words] == ["keep", "keep", "keep", "drop"]
    assert words[0].score == 0.75


def test_the_rate_of_right_replies_counts_them() -> None:
    rate = PassRate(filter="pass_rate", high=0.5)
    assert {word.score for word in words_of(rate, TASK, draws(RIGHT, RIGHT, WRONG, WRONG, wrong=(2, 3)))} == {0.5}


class Passing(SelfConsistency):
    """A filter of groups that looks at no negatives."""

    negatives = "passed"

    def judge_group(self, task: Task, samples: Sequence[Sample]) -> Sequence[Word]:
        assert not any(sample.negative for sample in samples)
        return [drop("bad") if sample.target == WRONG else unverifiable("odd") for sample in samples]


def test_words_find_their_samples_again() -> None:
    words = words_of(Passing(filter="self_consistency"), TASK, draws(WRONG, RIGHT, WRONG, RIGHT, wrong=(0, 3)))
    assert [word.reason for word in words] == ["shows what is wrong", "odd", "bad", "shows what is wrong"]
    assert [word.decision for word in words_of(Passing(filter="self_consistency"), TASK, draws(WRONG, wrong=(0,)))] == ["keep"]


def test_a_judge_is_not_asked_about_them(tmp_path: Path) -> None:
    with ChatServer(GOOD) as server:
        run = open_run(tmp_path, server.url)
        tasks = [make_task(id="t0"), make_task(id="t1", prompt="Why?")]
        samples = [
            make_sample(RIGHT, id="a", task_id="t0"),
            negative(WRONG, id="b", task_id="t0"),
            negative(WRONG, id="c", task_id="t1"),
        ]
        write_table(run.folder, "1_tasks", tasks)
        write_table(run.folder, "3_samples", samples)
        words = filtered(run)
        assert server.hits == len(calls(run)) == 1
    assert [(each.sample_id, each.decision, each.reason == "shows what is wrong") for each in words] == [
        ("a", "keep", False), ("b", "keep", True), ("c", "keep", True),
    ]  # fmt: skip


def test_what_a_method_says_a_sample_comes_to_is_what_counts() -> None:
    matches = AnswerMatches(filter="answer_matches")
    said = [
        make_sample("12+5=17.", answer="5"),
        make_sample(RIGHT, answer="9"),
        make_sample(RIGHT, answer=""),
        make_sample(RIGHT),
    ]
    assert [matches.judge(TASK, sample).decision for sample in said] == ["keep", "drop", "drop", "keep"]
    rate = PassRate(filter="pass_rate", min_samples=2, low=0, high=1)
    two = [
        make_sample("17", id="a", answer="5", response_keys=["a"]),
        make_sample("5", id="b", answer="6", response_keys=["b"]),
    ]
    assert {word.score for word in rate.judge_group(TASK, two)} == {0.5}

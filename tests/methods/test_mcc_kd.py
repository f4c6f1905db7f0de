"""MCC-KD: the replies to one question share a pair and know where their answer stands; two of them are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.filters.paired import Paired
from pipeline.methods.mcc_kd import MccKd
from pipeline.records import Sample
from tests.filters.asked import says
from tests.methods.scripted import Scripted, distilled, harvested
from tests.methods.served import corpus, generated, open_run
from tests.rows import make_task
from tests.servers import ChatServer, Trouble
from tests.small_runs import make_folder

TASK = make_task(prompt="How much is 2 + 3?", answer="5")
METHOD = MccKd(method="mcc_kd", samples=5)
REPLIES = (
    "First add two and three. The answer is 5.",
    "Add two and three first. The answer is 6.",
    "First add two and three now. The answer is 5.",
    "Count on from three: four, five. The answer is 5.",
    "Nobody knows.",
)


def samples_of(*replies: str, task_id: str = "t1") -> list[Sample]:
    task = TASK.model_copy(update={"id": task_id})
    return distilled(METHOD, task, Scripted(lambda prompt, number: replies[number]))


def said_in(sample: Sample) -> str | None:
    span = sample.answer_span
    return None if span is None else sample.full_target[span.start : span.end]


def test_each_knows_its_answers_place_and_its_fellows() -> None:
    samples = samples_of(*REPLIES)
    assert [said_in(each) for each in samples[:4]] == ["5", "6", "5", "5"]
    assert len({each.pair for each in samples}) == 1 and samples[0].pair
    assert samples_of(*REPLIES, task_id="t2")[0].pair != samples[0].pair
    assert len({each.id for each in samples}) == 5 and {each.view for each in samples} == {"rationale"}


def test_ten_are_asked_unless_said() -> None:
    distilled(MccKd(method="mcc_kd"), TASK, ask := Scripted(lambda prompt, number: REPLIES[0]))
    assert len(ask.asked) == 10


def test_a_quota_hears_what_becomes_of_them() -> None:
    ask = Scripted(lambda prompt, number: REPLIES[number % 2])
    method = MccKd(method="mcc_kd", samples={"accept": 2, "at_most": 10})
    samples = distilled(method, TASK, ask, passes=lambda sample: sample.answer == "5")
    assert len(ask.asked) == len(samples) == 3


def test_the_two_right_ones_that_differ_most_stay() -> None:
    samples = samples_of(*REPLIES)
    words = Paired(filter="paired").judge_group(TASK, samples)
    assert [word.decision for word in words] == ["drop", "drop", "keep", "keep", "drop"]
    # The third has 12 words, signs among them, so 10 runs of three, the fourth 14 and 12; `. the answer`, `the answer is`,
    # `answer is 5` and `is 5 .` are in both: 4 of 18. With the first, of 11 words and 9 runs, the fourth shares these 4 of 17.
    assert words[2].score == words[3].score == pytest.approx(1 - 4 / 18)


def test_thoughts_before_it_move_the_place(tmp_path: Path) -> None:
    with ChatServer() as server:
        thinking = TASK.model_copy(update={"prompt": "How much is 2 + 3? think in tags"})
        [sample] = harvested(tmp_path, server.url, thinking, method="mcc_kd", samples=1).samples
    assert sample.full_target.startswith("<think>") and said_in(sample) == "5"


@pytest.mark.parametrize("lost", ["", "missing", "error"])
def test_lost_calls_make_no_sample(lost: str) -> None:
    assert [each.target for each in samples_of(lost, *REPLIES[1:])] == list(REPLIES[1:])


def test_what_was_owed_alone_is_asked_again(tmp_path: Path) -> None:
    owing = Trouble(418, "{}", calls={1, 3})
    with ChatServer(owing, says(REPLIES[0])) as server:
        assert len(harvested(tmp_path, server.url, TASK, method="mcc_kd", samples=5).samples) == 3
        server.troubles.remove(owing)
        assert len(harvested(tmp_path, server.url, TASK, method="mcc_kd", samples=5).samples) == 5
        assert server.hits == 7


def test_the_corpus_has_two_of_each_question_and_they_are_a_pair(tmp_path: Path) -> None:
    row = {"question": TASK.prompt, "answer": "5"} | {f"a{number}": text for number, text in enumerate(REPLIES)}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(row) + "\n")
    make_folder(tmp_path / "beside", [])
    (tmp_path / "beside/tokenizer").rename(tmp_path / "tokenizer")
    fields = {"prompt": "question", "text": [f"a{number}" for number in range(len(REPLIES))]}
    run = open_run(
        tmp_path, "", {"method": "mcc_kd", "samples": 5}, teacher={"backend": "recorded", "fields": fields},
        filters=["finished", "answer_matches", "paired"],
    )  # fmt: skip
    assert len(generated(run)) == 5
    one, other = corpus(run)
    assert [each.messages[-1].content for each in (one, other)] == [REPLIES[2], REPLIES[3]]
    assert one.pair == other.pair and one.pair
    for each in (one, other):
        assert each.answer_span and each.messages[-1].content[each.answer_span.start : each.answer_span.end] == "5"

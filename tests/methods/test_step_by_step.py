"""Distilling step-by-step: two examples an input, weights alpha and 1 - alpha, and inference by the label's prompt alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.llm.request import Sampling
from pipeline.methods.step_by_step import StepByStep
from pipeline.recipe import parse_recipe
from pipeline.records import Sample
from tests.methods.scripted import Scripted, distilled, harvested
from tests.methods.served import corpus, generated, open_run
from tests.rows import make_task
from tests.servers import ChatServer, Trouble

TASK = make_task(prompt="How much is 2 + 3?", context="Count the eggs.", answer="5")
RIGHT, WRONG = "We add: 2 + 3 = 5. The answer is 5.", "We add: 2 + 3 = 6. So the answer is 6."


def method(**fields: Any) -> StepByStep:
    return StepByStep(method="step_by_step", **fields)


def samples(reply: str = RIGHT, **fields: Any) -> list[Sample]:
    return distilled(method(**fields), TASK, Scripted(lambda prompt, number: reply))


def test_two_examples_an_input_with_their_weights() -> None:
    label, reasons = samples()
    assert (label.view, label.target, label.weight, label.answer) == ("label", "5", 0.5, "5")
    assert (reasons.view, reasons.target, reasons.weight) == ("rationale", "We add: 2 + 3 = 5.", 0.5)
    assert label.messages[-1].content == "Count the eggs.\npredict:\nHow much is 2 + 3?"
    assert reasons.messages[-1].content == "Count the eggs.\nexplain:\nHow much is 2 + 3?"
    assert label.id != reasons.id and label.response_keys == reasons.response_keys
    assert not label.hinted and label.reasoning is None
    assert [each.weight for each in samples(alpha=0.2)] == pytest.approx([0.2, 0.8])


def test_whose_label_it_is() -> None:
    gold, of_gold = samples(WRONG)
    assert (gold.target, of_gold.target, of_gold.answer) == ("5", "We add: 2 + 3 = 6.", "6"), "no reply is dropped for it"
    teacher, _ = samples(WRONG, labels="teacher")
    assert teacher.target == teacher.answer == "6"
    worked = make_task(prompt="How much is 2 + 3?", answer="2 + 3 = 5\n#### 5")
    assert distilled(method(), worked, Scripted(lambda prompt, number: WRONG))[0].target == "5"


def test_it_only_predicts_when_it_is_used() -> None:
    label, _ = samples()
    assert method().student_prompt(TASK, ()).messages == tuple(label.messages)
    assert "predict" not in method().teacher_prompt(TASK, ()).messages[-1].content


def test_parts_that_are_not_there_make_no_example() -> None:
    assert [each.view for each in samples("The answer is 5.")] == ["label"]
    assert [each.view for each in samples(alpha=1)] == ["label"]
    assert all(samples(lost) == [] for lost in ("", "missing", "error"))


def test_the_teacher_is_asked_once_and_greedily() -> None:
    ask = Scripted(lambda prompt, number: RIGHT)
    distilled(method(), TASK, ask)
    assert len(ask.asked) == 1 and ask.samplings == [Sampling(temperature=0)]


def test_gold_labels_need_an_answer() -> None:
    unknown = make_task()
    assert not method().covers(unknown) and method(labels="teacher").covers(unknown) and method().covers(TASK)


def test_a_quota_is_of_rationales() -> None:
    """The label of a second reply is a repeat, which passes no filter."""
    seen: set[str] = set()

    def passes(sample: Sample) -> bool:
        new = sample.target not in seen
        seen.add(sample.target)
        return new

    ask = Scripted(lambda prompt, number: f"By way {number}: 2 + 3 = 5. The answer is 5.")
    distilled(method(samples={"accept": 3, "at_most": 9}), TASK, ask, passes=passes)
    assert len(ask.asked) == 3


def test_two_tags_that_are_one_are_refused() -> None:
    parts = {"source": {"kind": "mini"}, "teacher": {"backend": "local", "model": "x"}}
    with pytest.raises(UserError, match="tag and explain_tag are both 'predict:'"):
        parse_recipe(parts | {"methods": [{"method": "step_by_step", "explain_tag": "predict:"}]}, "x", "x.yaml")


def test_what_was_owed_alone_is_asked_again(tmp_path: Path) -> None:
    with ChatServer(Trouble(418, "{}", calls={1})) as server:
        first = harvested(tmp_path, server.url, TASK, method="step_by_step", samples=3)
        assert server.hits == 3 and len(first.samples) == 4
        server.troubles.clear()
        again = harvested(tmp_path, server.url, TASK, method="step_by_step", samples=3)
        assert server.hits == 4 and len(again.samples) == 6
        assert harvested(tmp_path, server.url, TASK, method="step_by_step", samples=3) == again and server.hits == 4


def test_the_corpus_has_two_examples_a_question(tmp_path: Path) -> None:
    with ChatServer() as server:
        run = open_run(tmp_path, server.url, {"method": "step_by_step"}, rows=3)
        assert len(generated(run)) == 6 and server.hits == 3
        examples = corpus(run)
    assert [(each.view, each.weight) for each in examples] == [("label", 0.5), ("rationale", 0.5)] * 3
    assert [each.messages[-1].content for each in examples[::2]] == ["1", "9", "17"]
    assert {each.messages[-2].content.splitlines()[0] for each in examples[1::2]} == {"explain:"}

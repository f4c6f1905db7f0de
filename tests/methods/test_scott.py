"""SCOTT: rationales of the right answer are learned whole, those of a wrong one give their answer's tokens alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.methods.scott import Scott
from pipeline.records import Sample
from tests.filters.asked import says
from tests.methods.scripted import Scripted, distilled, harvested
from tests.methods.served import corpus, generated, open_run
from tests.rows import make_task
from tests.servers import ChatServer, Trouble

TASK = make_task(prompt="How much is 2 + 3?", answer="2 + 3 = 5\n#### 5")
GIVEN = re.compile(r"^Given answer: (.*)$", flags=re.MULTILINE)


def method(**fields: Any) -> Scott:
    return Scott(method="scott", **fields)


def hint(prompt: str) -> str:
    found = GIVEN.search(prompt)
    assert found, "every call is told an answer"
    return found[1]


def explained(prompt: str, number: int) -> str:
    return f"By way {number} this makes {hint(prompt)}. The answer is {hint(prompt)}."


def run(script: Any = explained, task: Any = TASK, bank: Any = (), **fields: Any) -> tuple[list[str], list[Sample]]:
    """The answers that were told, call by call, and the samples."""
    ask = Scripted(script)
    samples = distilled(method(**fields), task, ask, bank)
    return [hint(prompt) for prompt in ask.asked], samples


def test_five_of_the_right_answer_and_one_of_a_wrong_one() -> None:
    told, samples = run()
    assert told[:5] == ["5"] * 5 and len(told) == 6 and told[5] != "5"
    assert [each.view for each in samples] == ["factual"] * 5 + ["counterfactual"]
    assert samples[5].answer == told[5] and samples[5].target.endswith(f"The answer is {told[5]}.")
    assert all(each.hinted for each in samples), "none of them may vote"


def test_counterfactuals_are_trained_on_their_answer_alone() -> None:
    told, samples = run()
    *factual, counterfactual = samples
    assert {each.loss_spans for each in factual} == {None}
    [span] = counterfactual.loss_spans or []
    assert counterfactual.full_target[span.start : span.end] == told[5]
    assert span.start == len(f"By way 0 this makes {told[5]}. The answer is "), "where it is stated, not where it is computed"


def test_weights() -> None:
    assert [each.weight for each in run()[1]] == [0.5] * 6
    assert [each.weight for each in run(alpha=0.2)[1]] == pytest.approx([0.8] * 5 + [0.2])
    assert {each.view for each in run(alpha=0)[1]} == {"factual"}, "of weight 0 there is none"


def test_tags_tell_them_apart_and_the_student_reads_no_hint() -> None:
    _, samples = run()
    assert samples[0].messages[-1].content == "[factual]\nHow much is 2 + 3?"
    assert samples[5].messages[-1].content == "[counterfactual]\nHow much is 2 + 3?"
    assert method().student_prompt(TASK, ()).messages == tuple(samples[0].messages)
    assert "Given answer" not in method().teacher_prompt(TASK, ()).messages[-1].content, "which is what evaluation asks"


def test_a_rationale_of_another_answer_is_none() -> None:
    stubborn = run(lambda prompt, number: "2 + 3 = 5. The answer is 5.")[1]
    assert [each.view for each in stubborn] == ["factual"] * 5
    perverse = run(lambda prompt, number: "2 + 3 = 6. The answer is 777.")[1]
    assert perverse == []


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [({"answer": "yes"}, {"no"}), ({"answer": "B", "choices": ["ant", "cat", "cow"]}, {"A", "C"})],
)
def test_wrong_answers_are_of_the_right_ones_form(fields: dict[str, Any], wrong: set[str]) -> None:
    found = [run(task=make_task(id=str(number), **fields)) for number in range(12)]
    assert {told[-1] for told, _ in found} == wrong
    assert all([each.view for each in samples][-1] == "counterfactual" for _, samples in found)


def test_else_they_are_answers_to_other_tasks() -> None:
    task = make_task(answer="entailment")
    assert len(run(task=task)[0]) == 5, "there is nothing to tell"
    others = [make_task(id=f"o{number}", answer=answer) for number, answer in enumerate(("Entailment", "neutral"))]
    told, samples = run(task=task, bank=[*others, make_task(id="o", kind="other", answer="banana")])
    assert told[-1] == samples[-1].answer == "neutral"


def test_it_needs_an_answer() -> None:
    assert method().covers(TASK) and not method().covers(make_task())


@pytest.mark.parametrize("lost", ["", "missing", "error"])
def test_lost_calls_make_no_sample(lost: str) -> None:
    assert run(lambda prompt, number: lost)[1] == []


def test_quotas_are_of_each_kind() -> None:
    ask = Scripted(explained)
    quota = {"accept": 1, "at_most": 4}
    own = method(samples=quota, counterfactual_samples=quota)
    samples = distilled(own, TASK, ask, passes=lambda each: "way 2" in each.target)
    assert [each.view for each in samples] == ["factual"] * 3 + ["counterfactual"] * 3


def test_what_was_owed_alone_is_asked_again(tmp_path: Path) -> None:
    owing = Trouble(418, "{}", calls={1, 5})
    with ChatServer(owing, says("2 + 3 = 5. The answer is 5.", where="Given answer: 5")) as server:
        first = harvested(tmp_path, server.url, TASK, method="scott")
        assert server.hits == 6 and [each.view for each in first.samples] == ["factual"] * 4
        server.troubles.remove(owing)
        again = harvested(tmp_path, server.url, TASK, method="scott")
        assert server.hits == 8 and [each.view for each in again.samples] == ["factual"] * 5


def test_the_corpus_has_one_of_each_with_its_weight_and_spans(tmp_path: Path) -> None:
    """The only question is 0 + 1, so the wrong answers near by are 2, 3 and 11."""
    hints = [says(f"3 + 4 = {told}. The answer is {told}.", where=f"Given answer: {told}\\n") for told in (1, 2, 3, 11)]
    filters = ["finished", "answer_follows", "no_duplicates"]
    with ChatServer(*hints) as server:
        own = open_run(tmp_path, server.url, {"method": "scott"}, rows=1, filters=filters, selection={"per_task": 1})
        assert len(generated(own)) == 6 == server.hits
        factual, counterfactual = corpus(own)
    assert (factual.view, factual.weight, factual.loss_spans) == ("factual", 0.5, None)
    assert (counterfactual.view, counterfactual.weight) == ("counterfactual", 0.5)
    [span] = counterfactual.loss_spans or []
    answer = counterfactual.messages[-1].content[span.start : span.end]
    assert answer in ("2", "3", "11") and counterfactual.messages[-1].content.endswith(f"The answer is {answer}.")
    assert counterfactual.messages[-2].content.startswith("[counterfactual]\n")

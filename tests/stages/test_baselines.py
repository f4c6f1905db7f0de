"""Bare answers to the corpus's questions: what is taken for the answer, how it is worded, and which tasks have none."""

from __future__ import annotations

import json

import pytest

from pipeline.answers.final import final_answer, same_answer
from pipeline.answers.labels import right_answer
from pipeline.records import Message, Sample, Span, Task
from pipeline.stages.baselines import GOLD, TEACHER, given_answer, label_samples, worded
from tests.rows import make_sample, make_task


def answered(target: str, **fields: object) -> Sample:
    return make_sample(target, **{"answer": final_answer(target)} | fields)


def targets(rows: list[tuple[Task, Sample]]) -> dict[str, list[str]]:
    return {table: [sample.target for sample, _ in made] for table, made in label_samples(rows).items()}


def test_one_row_a_task_with_the_first_samples_question() -> None:
    first, second = make_task(id="t1", answer="5"), make_task(id="t2", answer="7", split="dev")
    rows = [
        (first, answered("2+3=5. The answer is 5.", id="a", weight=0.5, reasoning="Well.", loss_spans=[Span(start=0, end=2)])),
        (first, answered("The answer is 5.", id="b", messages=[Message(role="user", content="Another view")])),
        (second, answered("The answer is 8.", id="c", task_id="t2")),
    ]
    made = label_samples(rows)
    assert [(sample.target, split) for sample, split in made[GOLD]] == [
        ("The answer is 5.", "train"),
        ("The answer is 7.", "dev"),
    ]
    assert [sample.target for sample, _ in made[TEACHER]] == ["The answer is 5.", "The answer is 8."]
    [label, _] = [sample for sample, _ in made[GOLD]]
    assert (label.id, label.weight, label.messages) == ("a", 0.5, rows[0][1].messages)
    assert (label.reasoning, label.loss_spans, label.full_target) == (None, None, "The answer is 5.")


def test_tasks_without_an_answer_have_no_row() -> None:
    rule = make_task(constraints=[{"kind": "punctuation:no_comma"}])
    assert targets([(rule, make_sample("No commas here."))]) == {GOLD: [], TEACHER: []}
    unsolved = make_task()
    assert targets([(unsolved, answered("The answer is 3."))]) == {GOLD: [], TEACHER: ["The answer is 3."]}


def test_what_shows_a_mistake_is_nobodys_answer() -> None:
    task = make_task(answer="5")
    wrong, right = (answered(f"The answer is {number}.", id=str(number), negative=number == 9) for number in (9, 5))
    assert targets([(task, wrong)]) == {GOLD: [], TEACHER: []}
    assert targets([(task, wrong), (task, right)])[TEACHER] == ["The answer is 5."]


@pytest.mark.parametrize("view", ["counterfactual", "correction", "reranker"])
def test_what_answers_something_else_is_no_answer_to_the_question(view: str) -> None:
    task, plain = make_task(answer="5"), [Message(role="user", content="How many?")]
    other = answered(
        "So it is 9. The answer is 9.", id="a", view=view, messages=[Message(role="user", content="[other] Which?")]
    )
    assert targets([(task, other)]) == {GOLD: [], TEACHER: []}
    right = answered("The answer is 5.", id="b", messages=plain)
    made = label_samples([(task, other), (task, other), (task, right)])
    assert {table: [(sample.target, sample.messages) for sample, _ in rows] for table, rows in made.items()} == {
        GOLD: [("The answer is 5.", plain)], TEACHER: [("The answer is 5.", plain)],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "given"),
    [
        (["4", "5", "5.0"], "5"),  # equal as numbers
        (["4", "5"], "4"),  # a tie: the first
        (["5", "4", "3", "4", "5"], "5"),
        ([None, None, "7"], "7"),
        ([None], None),
        ([], None),
    ],
)
def test_the_teachers_answer_is_what_most_say(answers: list[str | None], given: str | None) -> None:
    assert given_answer([make_sample("", answer=each) for each in answers]) == given


@pytest.mark.parametrize(
    ("answer", "bare"),
    [
        ("She has 2+3=5.\n#### 5", "5"),
        (" 18 ", "18"),
        ("Paris", "Paris"),
        ("\\boxed{\\frac{1}{2}}", "1/2"),
        (None, None),
    ],
)
def test_the_right_answer_is_bare(answer: str | None, bare: str | None) -> None:
    assert right_answer(make_task(answer=answer)) == bare


@pytest.mark.parametrize("answer", ["5", "-3.5", "1,200", "Paris", "yes", "b a", "\\frac{1}{2}", "12:30"])
@pytest.mark.parametrize("like", ["2+3=5. The answer is 5.", "#### 5", "5", '{"why": "so", "answer": 5}'])
def test_a_label_is_read_back(answer: str, like: str) -> None:
    assert same_answer(answer, worded(answer, like))


def test_a_label_has_the_form_of_the_targets() -> None:
    assert worded("5", "c d -> d c") == "5"
    assert worded("5", "2+3=5\n#### 5") == "The answer is 5."
    assert json.loads(worded("5", '```json\n{"answer": 4}\n```')) == {"answer": "5"}

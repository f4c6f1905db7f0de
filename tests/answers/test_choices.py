"""Multiple choice: the option a reply picks, by its letter or its text, after the last marker."""

from __future__ import annotations

import time

import pytest

from pipeline.answers.choices import right_choice, said_choice
from pipeline.answers.grading import grade
from tests.rows import make_task

CHOICES = ["Paris", "Rome", "a dog", "I think", "London"]


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("The answer is (B).", 1),
        ("B", 1),
        ("(b)", 1),
        ("**B**", 1),
        ("The answer is B, not A.", 1),
        ("The answer is not A but B", 1),
        ("The answer is C. No, the answer is B: it is older.", 1),
        ("Answer: Rome", 1),
        ("Answer: B) Rome", 1),
        ("The answer is Rome, the older one", 1),
        ("The answer is A dog.", 2),
        ("The answer is A because it is", 0),
        ("The correct option is C because A is wrong", 2),
        ("Options: A: Paris B: Rome\nThe answer is **B**", 1),
        ("A: Paris", 0),
        ("The answer is I think", 3),
        ("\\boxed{\\text{(E)}}", 4),
        ("It is clear.\n\nRome", 1),
        ("The answer is Rome or Paris", None),
        ("The answer is F", None),
        ("I do not know", None),
        ("A: (B)", 1),
        ("A: B", 1),
        ("A: (B) Rome", 1),
        ("A: Rome", 1),
        ("The answer is B. A: small, B: big", 1),
        ("A. Paris\nB. Rome\nC. London", None),
        ("The answer is A or B", None),
        ("Answer: A and C are both right", None),
        ("Answer: (A) Paris or (B) Rome", None),
        ("Answer: A/B", None),
        ("The answer is B, I believe.", 1),
        ("The answer is B and I'm sure of it", 1),
        ("Answer: B and also C", None),
        ("The answer is Rome (B).", 1),
        ("The answer is Rome (A).", None),
        ("Answer: anything but B", None),
        ("Answer: all of them except B", None),
        ("The answer is no longer B but C", 2),
        ("The answer is unlikely to be B", None),
        ("The answer to the question is B.", 1),
        ("I think it's B.", 1),
        ("I'd say B", 1),
        ("Only B is correct.", 1),
        ("Hence (B).", 1),
        ("Therefore: B", 1),
        ("The answer is (B) Paris", None),
        ("B: Paris", None),
        ("The answer is neither A nor C. It is B.", 1),
        ("The answer is not (A), (C) or (D); it's (B)", 1),
        ("The answer isn't A. It's B.", 1),
        ("Answer: A is wrong, so B", 1),
        ("Answer: ~~A~~ B", 1),
        ("The answer is not Rome", None),
        ("The answer is A. Wait, no.\nB is correct.", None),
        ("Option B is correct.", 1),
        ("B is correct", 1),
        ("I choose B.", 1),
        ("I'd go with B", 1),
        ("Therefore, B is the right answer.", 1),
        ("B is my final answer.", 1),
        ("A is correct. B is correct.", None),
        ("If B is correct, so is C.", None),
        ("B is not correct", None),
        ("I would not choose B.", None),
        ("The answer would be B", 1),
        ("The answer should be B", 1),
        ("The answer must be B", 1),
        ("Answer - B", 1),
        ("<answer>B</answer>", 1),
        ('```json\n{"answer":"B"}\n```', 1),
        ("答案是B", 1),
        ("Antwort: B", 1),
        ("It is London", 4),
        ("The capital of England is London.", 4),
        ("It is not London.", None),
        ("Is it London?", None),
        ("Some think it is London.", None),
        ("", None),
    ],
)
def test_said_choice(text: str, choice: int | None) -> None:
    assert said_choice(text, CHOICES) == choice


@pytest.mark.parametrize(
    ("answer", "choice"), [("B", 1), ("(b)", 1), ("rome", 1), ("B. Rome", 1), ("2", None), ("Z", None), ("B. Oslo", None)]
)
def test_right_choice(answer: str, choice: int | None) -> None:
    assert right_choice(answer, CHOICES) == choice


def test_options_that_are_letters_or_carry_them() -> None:
    assert right_choice("B", ["B", "A"]) == 0
    assert right_choice("B", ["A. Oslo", "B. Rome"]) == 1
    assert said_choice("The answer is Rome", ["(A) Oslo", "(B) Rome"]) == 1


@pytest.mark.parametrize("text", ["The answer is 12.5 apples", "The answer is 1/2 of it", "The answer is -2 by far"])
def test_a_number_is_no_part_of_another(text: str) -> None:
    assert said_choice(text, ["2", "5", "12"]) is None


def test_tasks_with_options_are_graded_by_them() -> None:
    task = make_task(answer="Rome", choices=CHOICES)
    graded = grade(task, "It is old. The answer is (B).")
    assert (graded.prediction, graded.expected, graded.correct) == ("Rome", "Rome", True)
    assert grade(task, "The answer is A.").correct is False
    assert grade(task, '{"answer": "B"}').correct is True
    assert grade(task, "").correct is False


RUNS_ON = "not |answer is |(|A |\\boxed{|The option |\n|not A, |A or |~~A|I would choose |so so, |(A|A is |A: |A.\n"


@pytest.mark.parametrize(
    "text", [*(each * 200_000 for each in RUNS_ON.split("|")), "not " + "A, " * 300_000, "A" + " " * 1_000_000]
)
def test_a_reply_that_runs_on_takes_no_time(text: str) -> None:
    started = time.process_time()
    said_choice(text, CHOICES)
    assert time.process_time() - started < 6

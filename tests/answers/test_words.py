"""Yes and no, lists of strings and words: each compared without regard to how it is dressed."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.answers.final import same_answer
from pipeline.answers.markers import last_marker
from pipeline.answers.words import as_spans, as_truth, said_truth
from tests.rows import public_data

YES_NO = [
    ("Yes. There is no doubt.", True),
    ("No, he would not. Yes-men are another matter.", False),
    ("Albany is small. So the answer is yes.", True),
    ("The answer is **No**.", False),
    ("true", True),
    ("Is it? Thus, no.", False),
    ("There is no way to tell", None),
    ("The answer is yes or no", None),
    ("The answer is Yes/No", None),
    ("Answer: nobody knows", None),
    ("Answer: I have no idea", None),
    ("Answer: no idea", None),
    ("The answer is: no one knows", None),
    ("The answer is No. 5", None),
    ("It is No. 5.", None),
    ("No. 2020 was a leap year.", False),
    ("No. 3D printers are another matter.", False),
    ("The answer is not true", None),
    ("Answer: maybe yes", None),
    ("Answer: There is no doubt: yes", True),
    ("He said yes, but the truth is no", False),
    ("Answer: He said yes, but the truth is no", False),
    ("Answer: Yes because it is", True),
    ("The answer is definitely no.", False),
    ("Answer: No – it is not", False),
    ("Answer: $\\text{No}$", False),
    ("Answer: `true`", True),
    ("\\boxed{\\text{Yes}}", True),
    ("No. Wait, I was wrong. Yes.", True),
    ("", None),
]


@pytest.mark.parametrize(("text", "truth"), YES_NO)
def test_said_truth(text: str, truth: bool | None) -> None:
    assert said_truth(text) is truth
    assert same_answer("yes", text) is (truth is True)
    assert same_answer("False", text) is (truth is False)


def test_as_truth() -> None:
    assert [as_truth(text) for text in ("Yes", "no.", "True", "FALSE", "maybe", "no one")] == [
        True,
        False,
        True,
        False,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("The answer is Rome, and Paris.", True),
        ("The answer is Paris and Rome", True),
        ('["rome", "paris"]', True),
        ("['Paris', 'Rome']", True),
        ('{"answer": ["Rome", "Paris"]}', True),
        ("They are two.\nAnswer:\n- Rome\n- Paris", True),
        ("Answer:\n1. Paris\n2. Rome\n", True),
        ("Rome", False),
        ("Rome, Paris, Oslo", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("expected", ['["Paris", "Rome"]', "['Rome', 'Paris']"])
def test_lists_have_no_order(expected: str, text: str, same: bool) -> None:
    assert same_answer(expected, text) is same


@pytest.mark.parametrize(("text", "same"), [("The answer is none.", True), ("[]", True), ("Paris", False), ("", False)])
def test_an_empty_list(text: str, same: bool) -> None:
    assert same_answer("[]", text) is same


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_any_list_is_itself_in_any_order(items: list[str]) -> None:
    shuffled = items[::-1]
    assume(last_marker(json.dumps(items) + json.dumps(shuffled)) is None)  # what follows a marker is the answer
    assert same_answer(json.dumps(items), json.dumps(shuffled)) is True
    assert as_spans(str(items)) == as_spans(json.dumps(items))


@pytest.mark.parametrize("text", ["[1, 2)", "[1, 2]", '["a", 1]', "['a' 'b']", "['a', b]", "[", "]", "a"])
def test_what_is_no_list_of_strings(text: str) -> None:
    assert as_spans(text) is None


def test_real_yes_no_questions() -> None:
    """Answers as the file has them: JSON's true and false, which a task holds as `True` and `False`."""
    rows = json.loads(public_data("strategyqa_dev.json").read_text(encoding="utf-8"))
    assert len(rows) == 229
    for row in rows:
        said, other = ("Yes", "no") if row["answer"] else ("No", "yes")
        facts = " ".join(row["facts"])
        for form in ("{}", "{}.", f"{facts} So the answer is {{}}.", f"{{}}. {facts}", "#### {}"):
            assert same_answer(str(row["answer"]), form.format(said)) is True, form.format(said)
            assert same_answer(str(row["answer"]), form.format(other)) is False, form.format(other)
        assert same_answer(str(row["answer"]), facts) is False

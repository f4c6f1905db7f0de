"""Votes: which answers are one, who wins, by how much, and that no order of the replies matters."""

from __future__ import annotations

import math
import random
from importlib.util import find_spec
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.answers.ballots import answer_of, one_per_reply
from pipeline.answers.final import final_answer
from pipeline.answers.votes import COMPARISONS, canonical, count_votes
from tests.rows import make_sample, make_task

NEEDS_ALGEBRA = pytest.mark.skipif(find_spec("math_verify") is None, reason="math-verify is not installed: make install")


@pytest.mark.parametrize(
    "spellings",
    [
        ["5,600", "5600.0", "$5600", "5600", "5.6e3"],
        ["0.5", "1/2", ".5"],
        ["1/3", "0.3333333"],
        ["-0", "0"],
        ["Paris", " paris.", "PARIS!", "**Paris**"],
        ["new  york", "New York"],
        ["(A)", "A", "a)", "A."],
        ["yes", "Yes.", "TRUE", "Yes, since it floats."],
        ["no", "No.", "false"],
        [r"\sqrt{2}", r"$\sqrt{2}$", r"\sqrt{ 2 }."],
        ["\u212b", "\u00c5"],
    ],
)
def test_spellings_of_one_answer(spellings: list[str]) -> None:
    vote = count_votes(spellings)
    assert (vote.classes, vote.votes, vote.doubtful) == ((0,) * len(spellings), (len(spellings),), frozenset())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5600", "5601"), ("0.5", "5"), ("-3", "3"), ("Paris", "London"), ("yes", "no"), ("yes", "Not sure, no idea"),
        ("A", "B"), ("(1, 2)", "[1, 2]"), ("1e-9999999", "0"), ("route 66", "route 67"), (".5x", "5x"), ("1/3", "0.33"),
        ("3 7 2", "2"),
    ],
)  # fmt: skip
def test_different_answers(one: str, other: str) -> None:
    assert len(count_votes([one, other]).votes) == 2


@NEEDS_ALGEBRA
@pytest.mark.parametrize(
    ("one", "other"), [(r"\frac{1}{2}", "0.5"), ("2x+1", "1+2x"), (r"\sqrt{2}/2", r"\frac{1}{\sqrt{2}}"), ("x=5", "5")]
)
def test_algebra_merges_what_is_left(one: str, other: str) -> None:
    for answers in ([one, other], [other, one]):
        vote = count_votes([*answers, "7/13"])
        assert (vote.classes, vote.votes) == ((0, 0, 1), (2, 1))


def test_what_nobody_can_compare_is_doubtful() -> None:
    vote = count_votes([r"9^{9^{9^9}}", r"8^{9^{9^9}}", "five", "five"])
    assert (vote.votes, vote.doubtful) == ((2, 1, 1), {1, 2})


def test_comparisons_come_to_an_end() -> None:
    formulas = [f"x_{{{number}}}" for number in range(2 * COMPARISONS)]
    vote = count_votes([*formulas, "7", "7"])
    assert len(vote.votes) == len(formulas) + 1 and len(vote.doubtful) > 1


@pytest.mark.parametrize(
    ("answers", "votes", "margin", "entropy", "share"),
    [
        (["7", "7", "7", "7"], (4,), 4, 0.0, 1.0),
        (["7", "7", "8", "8"], (2, 2), 0, 1.0, 0.5),
        (["7", "8", "9", "10"], (1, 1, 1, 1), 0, 2.0, 0.25),
        (["7", "7", "7", "8"], (3, 1), 2, 2 - 0.75 * math.log2(3), 0.75),
        (["7", "7", "8", "9"], (2, 1, 1), 1, 1.5, 0.5),
        (["7", "7", "8", None], (2, 1), 1, math.log2(3) - 2 / 3, 0.5),
        (["7", None, None, None], (1,), 1, 0.0, 0.25),
        ([None, "", "?"], (), 0, 0.0, 0.0),
        ([], (), 0, 0.0, 0.0),
    ],
)
def test_figures_by_hand(answers: list[str | None], votes: tuple[int, ...], margin: int, entropy: float, share: float) -> None:
    vote = count_votes(answers)
    assert (vote.votes, vote.margin, vote.cast) == (votes, margin, len(answers))
    assert vote.entropy == pytest.approx(entropy)
    assert vote.share(0 if votes else None) == share


def test_some_have_no_vote() -> None:
    vote = count_votes(["8", "8", "7"], [False, False, True])
    assert (vote.classes, vote.votes, vote.cast, vote.texts) == ((1, 1, 0), (1, 0), 1, ("7", "8"))
    assert vote.entropy == 0.0


ANSWERS = st.one_of(
    st.none(),
    st.sampled_from(["7", "7.0", "$7", "8", "yes", "Yes.", "no", "Paris", "paris", "(B)", "b", r"\alpha", "", "?!"]),
    st.integers(-5, 5).map(str),
    st.text(max_size=5),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ANSWERS, max_size=9), st.randoms(use_true_random=False))
def test_no_order_matters(answers: list[str | None], shuffled: random.Random) -> None:
    order = list(range(len(answers)))
    shuffled.shuffle(order)
    vote, again = count_votes(answers), count_votes([answers[place] for place in order])
    assert again.classes == tuple(vote.classes[place] for place in order)
    assert (again.votes, again.texts, again.entropy) == (vote.votes, vote.texts, vote.entropy)


@settings(max_examples=200, deadline=None)
@given(st.lists(ANSWERS, max_size=9))
def test_votes_add_up(answers: list[str | None]) -> None:
    vote = count_votes(answers)
    given_answers = [each for each in vote.classes if each is not None]
    assert [given_answers.count(number) for number in range(len(vote.votes))] == list(vote.votes)
    assert list(vote.votes) == sorted(vote.votes, reverse=True)
    assert 0 <= vote.entropy <= math.log2(max(1, len(vote.votes))) + 1e-9
    assert 0 <= vote.margin <= vote.cast and all(0 < vote.share(number) <= 1 for number in given_answers)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "7" * 1_000_000,
        "(" * 1_000_000,
        "ab " * 300_000,
        "\ud800\x00\u202e😀",
        "1 " * 500_000,
        "\\" * 1_000_000,
    ],
)
def test_hostile_answers(text: str) -> None:
    started = perf_counter()
    vote = count_votes([text, "7", text, None])
    assert vote.classes[0] == vote.classes[2] != vote.classes[1]
    assert perf_counter() - started < 5


def test_canonical() -> None:
    assert canonical("5,600") == canonical("5600.00") == 5600
    assert canonical(r"$\frac{a}{b}$.") == r"\frac{a}{b}"
    assert canonical("  ...") == ""


def test_a_reply_in_several_views_speaks_once() -> None:
    rationale = make_sample("It is 3 and 4, which makes seven.", id="r", view="rationale", response_keys=["k1"])
    label = make_sample("7", id="l", view="label", response_keys=["k1"])
    other = make_sample("So 8.", id="o", response_keys=["k2"])
    for samples in ([rationale, label, other], [other, label, rationale]):
        assert {reply: answer_of(make_task(), each) for reply, each in one_per_reply(samples).items()} == {
            ("k1",): "7", ("k2",): "8"
        }  # fmt: skip


def test_what_a_method_found_goes_before_what_is_short() -> None:
    program = make_sample("print(3 + 4)", id="p", response_keys=["k1"], answer="7")
    short = make_sample("ok 5", id="s", response_keys=["k1"])
    assert final_answer(program.target) == "4"
    assert [answer_of(make_task(), each) for each in one_per_reply([short, program]).values()] == ["7"]


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("Sorry, I can't help.", None),
        ("I’m sorry, no.", None),
        ("I don't know.", None),
        ("The river runs through the whole of the old town.", None),
        ("The answer is the river that runs through the old town.", "the river that runs through the old town"),
        ('{"answer": "the river that runs through the old town"}', "the river that runs through the old town"),
        ("The answer is 4 or 5", None),
        ("New York", "New York"),
        ("So 8.", "8"),
        ("3 7 2 4 5 6 1", "3 7 2 4 5 6 1"),
        ("Yes, since it is lighter than water.", "Yes, since it is lighter than water"),
    ],
)
def test_only_an_answer_is_a_ballot(target: str, answer: str | None) -> None:
    assert answer_of(make_task(), make_sample(target)) == answer
    assert answer_of(make_task(), make_sample(target, answer=final_answer(target))) == answer


@pytest.mark.parametrize(
    ("target", "answer"),
    [("The answer is (B).", "B"), ("The answer is 12 apples.", "B"), ("The answer is A) 3 apples", "A"), ("No idea.", None)],
)
def test_options_are_answers(target: str, answer: str | None) -> None:
    task = make_task(choices=["3 apples", "12 apples"])
    assert answer_of(task, make_sample(target)) == answer

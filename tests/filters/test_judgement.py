"""What is read from a judge's words: a number or letter that was meant, and never one that was not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.filters.judgement import OFF_THE_SCALE, UNREADABLE, letter_said, number_said

HOSTILE = [
    "9" * 10**6, "score" * 200_000, "Score:" * 150_000, "[[" * 500_000, "(" * 10**6, "score (" * 150_000,
    "\u202e\x00🙂" * 300_000, "4/" * 500_000, " " * 10**6, "[[A] " * 200_000, "score : " * 100_000 + "\ud800",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Score: 4", 4.0),
        ("It is right.\n**Score:** 4", 4.0),
        ("**Score: 4**", 4.0),
        ("Score : 4.", 4.0),
        ("SCORE=3", 3.0),
        ("Score (1-5): 2", 2.0),
        ("Overall rating: 3.5 / 5", 3.5),
        ("Score: 4 out of 5", 4.0),
        ("评分 Score：5", 5.0),
        ("Score:\n\n4", 4.0),
        ("Score: <4>", 4.0),
        ("Feedback: fine. [RESULT] 3", 3.0),
        ("[[4]]", 4.0),
        ("Rating: [[2]]", 2.0),
        ('{"reason": "good", "score": 4}', 4.0),
        ('{"score": "4"}', 4.0),
        ('{"overall_score": 1}', 1.0),
        ("First I thought Score: 2, but it is right. Score: 5", 5.0),
        ("Score: 2 would be unfair.\nScore: 4\nA level 5 would need more.", 4.0),
        ("Score: 4\nThe rubric says Score: 1-5.", 4.0),
        ("Score: 4. It computes 3/5 of the apples.", 4.0),
        ("I would give it 4/5.", 4.0),
        ("I would give it 3 out of 5, since 7/8 is wrong.", 3.0),
        ("4", 4.0),
        (" 4.\n", 4.0),
        ("The steps are right.\n**5**", 5.0),
        ('{"score": 2, "max_score": 5}', 2.0),
        ("Score: 2\nMaximum score: 5", 2.0),
        ("Score: 2\nMax. score: 5", 2.0),
        ("Score: 3 (maximum score: 5)", 3.0),
        ('{"rating": 4, "max_score": 5}', 4.0),
        ("Overall Score: 4\nClarity score: 2", 4.0),
        ("**Final** Score: 4", 4.0),
        ("Grade: 4", 4.0),
        ("Level: 4", 4.0),
        ("评分:4", 4.0),
        ("得分：4", 4.0),
        ("Score is 4", 4.0),
        ("The score is **4**.", 4.0),
        ("\\boxed{4}", 4.0),
        ("Good.\n$\\boxed{4}$", 4.0),
        ("Score: 3. It returned [[1, 2]] and [[1], [2]].", 3.0),
        ("Score: 4\n\n- 2 small slips", 4.0),
        ("Score: 4 (out of 5)", 4.0),
        ("Score: 4 of 5", 4.0),
        ("Score: 4 of 10", OFF_THE_SCALE),
        ("Score: 4 (out of 10)", OFF_THE_SCALE),
        ("Score: 0", OFF_THE_SCALE),
        ("Score: 6", OFF_THE_SCALE),
        ("Score: -4", OFF_THE_SCALE),
        ("Score: −4", OFF_THE_SCALE),
        ("Score: 4/10", OFF_THE_SCALE),
        ("Score: 8/10", OFF_THE_SCALE),
        ("Score: 45", OFF_THE_SCALE),
        ("Score: 2\nScore: 50", OFF_THE_SCALE),
        ("[[100]]", OFF_THE_SCALE),
        ("7", OFF_THE_SCALE),
        ("", UNREADABLE),
        ("Score: high", UNREADABLE),
        ("Score: 3-4", UNREADABLE),
        ("Score: 3 to 4", UNREADABLE),
        ("Score: 4,5", UNREADABLE),
        ("Score: 3 or 4", UNREADABLE),
        ("Score: 2\nScore: 3 or 4", UNREADABLE),
        ("Score: 3 (or 4)", UNREADABLE),
        ("Score: 4 and 5", UNREADABLE),
        ("Score: 4, 5", UNREADABLE),
        ("Score: 4;5", UNREADABLE),
        ("Score: 3½", UNREADABLE),
        ("Score: 4%", UNREADABLE),
        ("4 and 5", UNREADABLE),
        ("3½", UNREADABLE),
        ("4%", UNREADABLE),
        ("Score: 3, or rather the score: 4", UNREADABLE),
        ("I give 3/5 or 4/5.", UNREADABLE),
        ("It computes 3/5 of the apples.", UNREADABLE),
        ("BLEU score: 3 points", UNREADABLE),
        ("Maximum score: 5", UNREADABLE),
        ("The highest score is 5", UNREADABLE),
        ("最高评分:5", UNREADABLE),
        ("Grade level: 4", UNREADABLE),
        ('{"honesty": {"score": 4}, "clarity": {"score": 2}}', UNREADABLE),
        ("Score: 1.000.000", UNREADABLE),
        ("The pupil has 4 apples.", UNREADABLE),
        ("A good score!", UNREADABLE),
        ("underscore: 4", UNREADABLE),
        ("It was so by 2004/5.", OFF_THE_SCALE),
        ("nan", UNREADABLE),
        ("Score: NaN", UNREADABLE),
        ("Score: " + "4" * 400, UNREADABLE),
    ],
)
def test_a_number(text: str, number: float | str) -> None:
    assert number_said(text, 1, 5) == number


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("[[A]]", "A"), ("[[ B ]]", "B"), ("Not [[A]], but [[B]]", "B"), ("[[C]].", "C"),
        ("[[A]] or [[B]]", None), ("I do not say [[A]] is better", None), ("[[A]] is better than [[B]]", None),
        ("[[A]]\nOn second thought:\n[[B]]", "B"), ("B isn't as clear, so [[A]]", "A"), ("[[A]] is better", "A"),
        ("Neither reply is better [[C]]", "C"), ("neither [[A]] nor [[B]]", None), ("[[B]], so [[B]]", "B"),
        ("A", None), ("[A]", None), ("[[D]]", None), ("[[AB]]", None), ("", None),
    ],
)  # fmt: skip
def test_a_letter(text: str, letter: str | None) -> None:
    assert letter_said(text) == letter


@given(st.text(), st.integers(1, 5), st.sampled_from(["Score: {}", "[[{}]]", '"score": {}', "[RESULT] {}", "Rating: {}/5"]))
def test_a_labelled_number_is_found_behind_anything(words: str, number: int, form: str) -> None:
    assert number_said(f"{words}\n{form.format(number)}\n", 1, 5) == number


@given(st.text(alphabet='scoreSCORE[]:=/ .,-0123456789\n"*(){}outf', max_size=60))
def test_whatever_is_said_is_on_the_scale_or_no_number(text: str) -> None:
    found = number_said(text, 1, 5)
    assert found in (UNREADABLE, OFF_THE_SCALE) or (isinstance(found, float) and 1 <= found <= 5)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:6]))
def test_a_megabyte_takes_no_time(text: str) -> None:
    started = time.process_time()
    assert isinstance(number_said(text, 1, 5), str) and letter_said(text) is None
    assert time.process_time() - started < 4
    assert number_said(f"{text}\nScore: 3", 1, 5) == 3

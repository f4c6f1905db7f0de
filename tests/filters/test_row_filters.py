"""Row filters: what each keeps, drops and cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.errors import UserError
from pipeline.filters.answer_matches import AnswerMatches
from pipeline.filters.constraints_met import ConstraintsMet
from pipeline.filters.finished import Finished
from pipeline.filters.length import Length
from pipeline.filters.not_empty import NotEmpty
from pipeline.filters.not_refusal import NotRefusal
from tests.rows import make_sample, make_task


@pytest.mark.parametrize(
    ("finish", "decision"),
    [("stop", "keep"), ("length", "drop"), ("content_filter", "drop"), ("tool_calls", "unverifiable")],
)
def test_finished(finish: str, decision: str) -> None:
    word = Finished(filter="finished").judge(make_task(), make_sample("Yes.", finish=finish))
    assert word.decision == decision


@pytest.mark.parametrize(
    ("target", "decision"), [("4", "keep"), ("ja", "keep"), ("答", "keep"), ("", "drop"), (" \n", "drop"), ("…!", "drop")]
)
def test_not_empty(target: str, decision: str) -> None:
    assert NotEmpty(filter="not_empty").judge(make_task(), make_sample(target)).decision == decision


@pytest.mark.parametrize(
    "target",
    [
        "I cannot help with that.",
        "I can’t do this.",
        "I'm unable to answer.",
        "I’m not able to say.",
        "I am not able to say.",
        "I'm sorry, but I can't assist with that request.",
        "Sorry, I am unable to do this.",
        "Unfortunately, I won't be able to.",
        "As an AI, I have no opinions.",
        "Well. As a large language model I may not.",
        "**I must decline.**",
    ],
)
def test_refusals_are_dropped(target: str) -> None:
    word = NotRefusal(filter="not_refusal").judge(make_task(), make_sample(target))
    assert word.decision == "drop" and word.detail


@pytest.mark.parametrize(
    "target",
    [
        "She cannot pay 5 dollars. The answer is 4.",
        "Sorry to hear that! Try to rest.",
        "The answer is 4. I cannot see another.",
        "word " * 60 + "as an AI",
        "Incidentally, a cat.",
    ],
)
def test_answers_that_only_sound_like_refusals_are_kept(target: str) -> None:
    assert NotRefusal(filter="not_refusal").judge(make_task(), make_sample(target)).decision == "keep"


@pytest.fixture
def words(tmp_path: Path) -> str:
    """A model folder whose tokenizer makes a token of each word."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("target", "reasoning", "decision", "score"),
    [("a b", None, "keep", 2), ("a", None, "drop", 1), ("a b c d", None, "drop", 4), ("a b", "x y ", "drop", 4)],
)
def test_length(words: str, target: str, reasoning: str | None, decision: str, score: int) -> None:
    condition = Length(filter="length", min_tokens=2, max_tokens=3, tokenizer=words)
    word = condition.judge(make_task(), make_sample(target, reasoning=reasoning))
    assert (word.decision, word.score) == (decision, score)


def test_length_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no tokenizer"):
        Length(filter="length").judge(make_task(), make_sample("a"))
    with pytest.raises(UserError, match="its tokenizer cannot be loaded"):
        Length(filter="length", tokenizer=str(tmp_path)).judge(make_task(), make_sample("a"))


@pytest.mark.parametrize(
    ("answer", "target", "decision", "score"),
    [
        ("1,000", "3 + 4 = 7. The answer is 1000.", "keep", 1.0),
        ("1000", "The answer is 100.", "drop", 0.0),
        (None, "The answer is 100.", "unverifiable", None),
        ("?", "The answer is 100.", "unverifiable", None),
    ],
)
def test_answer_matches(answer: str | None, target: str, decision: str, score: float | None) -> None:
    word = AnswerMatches(filter="answer_matches").judge(make_task(answer=answer), make_sample(target))
    assert (word.decision, word.score) == (decision, score)


COMMA, LOWER, UNKNOWN = {"kind": "punctuation:no_comma"}, {"kind": "change_case:english_lowercase"}, {"kind": "unheard:of"}


@pytest.mark.parametrize(
    ("constraints", "decision", "score", "detail"),
    [
        ([COMMA], "keep", 1.0, ""),
        ([COMMA, LOWER], "drop", 0.5, "change_case:english_lowercase"),
        ([COMMA, UNKNOWN], "unverifiable", None, "unheard:of"),
        ([LOWER, UNKNOWN], "drop", 0.0, "change_case:english_lowercase"),
        (None, "unverifiable", None, ""),
    ],
)
def test_constraints_met(constraints: Any, decision: str, score: float | None, detail: str) -> None:
    condition = ConstraintsMet(filter="constraints_met")
    word = condition.judge(make_task(constraints=constraints), make_sample("No Sign."))
    assert (word.decision, word.score, word.detail) == (decision, score, detail)

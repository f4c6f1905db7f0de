"""Row filters: what each keeps, drops and cannot tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.errors import UserError
from pipeline.filters.finished import Finished
from pipeline.filters.length import Length
from pipeline.filters.not_empty import NotEmpty
from pipeline.filters.not_refusal import NotRefusal
from tests.rows import make_sample, make_task


@pytest.mark.parametrize(
    ("finish", "decision"),
    [("stop", "keep"), ("length", "drop"), ("invalid", "drop"), ("content_filter", "drop"), ("tool_calls", "unverifiable")],
)
def test_finished(finish: str, decision: str) -> None:
    word = Finished(filter="finished").judge(make_task(), make_sample("Yes.", finish=finish))
    assert word.decision == decision


@pytest.mark.parametrize(
    ("target", "decision"),
    [
        ("4", "keep"),
        ("ja", "keep"),
        ("答", "keep"),
        ("", "drop"),
        (" \n", "drop"),
        ("…!", "drop"),
        ("∅", "keep"),
        ("∞", "keep"),
        ("===", "drop"),
    ],
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
        "No, I can't help with that.",
        "Apologies, but I can't",
        "I'm just an AI, I can't",
        "As an AI developed by OpenAI, I cannot",
        "I don't have access to real-time data.",
        "I'd rather not answer.",
        "Je suis désolé, mais je ne peux pas vous aider avec cela.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
        "Es tut mir leid, ich kann diese Frage nicht beantworten.",
        "对不起，我无法提供这方面的帮助。",
        "申し訳ありませんが、そのリクエストにはお応えできません。",
        "Извините, я не могу помочь с этим.",
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
        "Unfortunately, Tom cannot buy all 5 apples. He buys 4.",
        "Unfortunately, the shop can't open before 9. So it opens at 9.",
        "I cannot divide 7 evenly by 2, so 3 are left.",
        "I can't tell the difference. Answer: 0",
        "I cannot stress enough how much I like it.",
        "I can't wait to see you.",
        "I cannot recommend this book enough.",
        "I won't lie: it is 4.",
        "I'm sorry, I can't attend the meeting.",
        "Sorry to hear that your dog won't eat. Try rice.",
        "It is unethical to provide confidential data to others.",
        "As a language model evaluation metric, BLEU is old.",
        "GPT-3, as a large language model, has many parameters.",
        "As an AI, HAL 9000 controls the ship.",
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
    [("a b", None, "keep", 2), ("a", None, "drop", 1), ("a b c d", None, "drop", 4), ("a b", "x y ", "drop", 6)],
)
def test_length(words: str, target: str, reasoning: str | None, decision: str, score: int) -> None:
    condition = Length(filter="length", min_tokens=2, max_tokens=3, tokenizer=words)
    word = condition.judge(make_task(), make_sample(target, reasoning=reasoning))
    assert (word.decision, word.score) == (decision, score)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValidationError, match="above max_tokens"):
        Length(filter="length", min_tokens=2000, max_tokens=10)
    with pytest.raises(ValidationError):
        NotRefusal(filter="not_refusal", characters=1)


def test_length_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no tokenizer"):
        Length(filter="length").judge(make_task(), make_sample("a"))
    with pytest.raises(UserError, match="its tokenizer cannot be loaded"):
        Length(filter="length", tokenizer=str(tmp_path)).judge(make_task(), make_sample("a"))
